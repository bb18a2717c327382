# SPDX-License-Identifier: GPL-2.0-or-later
"""bareloop: the least that a milter on an event loop can do, to see what is left to gain.

    python bareloop.py unix:/PATH|inet:PORT@127.0.0.1

It permits every recipient, reads nothing, and trusts what comes. Needs uvloop.
"""

import asyncio
import gc
import socket
import struct
import sys

import uvloop

CONTINUE = b"\0\0\0\1c"
NO_REPLY_TO_CONNECT_AND_MAIL = 0x1000 | 0x4000
NO_OTHER_STAGE = 0x2 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200
AGREED = struct.pack("!IcIII", 13, b"O", 6, 0, NO_REPLY_TO_CONNECT_AND_MAIL | NO_OTHER_STAGE)
ANSWERS = {ord("O"): AGREED, ord("R"): CONTINUE, ord("E"): CONTINUE}


class Bare(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.rest = transport, b""
        self.tcp = transport.get_extra_info("socket")
        if self.tcp.family == socket.AF_UNIX:
            self.tcp = None

    def data_received(self, data):
        data, at, answer = self.rest + data, 0, b""
        while len(data) - at >= 4 + (length := int.from_bytes(data[at : at + 4], "big")):
            command = data[at + 4]
            answer += ANSWERS.get(command, b"")
            at += 4 + length
            if command == ord("Q"):
                self.transport.close()
        self.rest = data[at:]
        if answer:
            self.transport.write(answer)
        elif self.tcp is not None:
            self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def main(where):
    kind, _, rest = where.partition(":")
    loop = asyncio.get_running_loop()
    if kind == "unix":
        server = await loop.create_unix_server(Bare, rest)
    else:
        port, _, host = rest.partition("@")
        server = await loop.create_server(Bare, host, int(port))
    await server.serve_forever()


gc.disable()
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(main(sys.argv[1]))
