"""unbound, on a port of 127.0.0.1, with zones that show what the DNS can say, and how it can fail.

test.     what a zone file can say; other zones of this folder's tests are made of it
silent.example    a domain whose questions nobody answers, while the name server itself is well
failing.example   one whose name servers cannot be asked: SERVFAIL at once
lost.example      one whose name servers are where nothing answers: SERVFAIL after a long while
refused.example   one that the name server does not speak about
"""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

from . import ServerProcess

CONFIGURATION = """
server:
    interface: 127.0.0.1@{port}
    port: {port}
    access-control: 127.0.0.0/8 allow
    do-ip6: no
    do-daemonize: no
    num-threads: 1
    outgoing-range: 64
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{folder}"
    use-syslog: no
    logfile: ""
    verbosity: 0
    module-config: "iterator"
    do-not-query-localhost: no
    do-not-query-address: 127.0.0.66
    cache-min-ttl: 0
    local-zone: "test." nodefault
    local-zone: "silent.example." always_deny
    local-zone: "refused.example." always_refuse
    {further}
remote-control:
    control-enable: no
auth-zone:
    name: "test."
    zonefile: "{folder}/zone"
    for-downstream: no
    for-upstream: yes
    fallback-enabled: no
forward-zone:
    name: "failing.example."
    forward-addr: 127.0.0.66
forward-zone:
    name: "lost.example."
    forward-addr: 127.0.0.1@{deaf}
"""
HEAD = """$ORIGIN test.
$TTL 60
@ SOA ns.test. hostmaster.test. 1 3600 900 604800 1
@ NS ns.test.
ns A 127.0.0.1
"""
LOCALHOST = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x09localhost\x00\x00\x01\x00\x01"


def new_port() -> int:
    """A port of 127.0.0.1 that is free for UDP and TCP."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port: int = tcp.getsockname()[1]
        with suppress(OSError):
            udp.bind(("127.0.0.1", port))
            return port
    return new_port()


class Unbound(ServerProcess):
    """The server; `records` are lines of a zone file for names in test, `names` are of addresses: PTR records."""

    def __init__(self, folder: Path, records: str, names: tuple[tuple[str, str], ...] = ()) -> None:
        folder.mkdir(exist_ok=True)
        self.address = ("127.0.0.1", new_port())
        self._deaf = socket.socket(type=socket.SOCK_DGRAM)  # bound, and never read from
        self._deaf.bind(("127.0.0.1", 0))
        self._zone = folder / "zone"
        self._zone.write_text(HEAD + records)
        configuration = folder / "unbound.conf"
        further = "\n    ".join(f'local-data-ptr: "{address} {name}"' for address, name in names)
        configuration.write_text(
            CONFIGURATION.format(port=self.address[1], folder=folder, deaf=self._deaf.getsockname()[1], further=further)
        )
        super().__init__(("unbound", "-d", "-c", str(configuration)), folder / "log", self._answers_now)

    @property
    def server(self) -> str:
        """As --dns-server takes it."""
        return f"{self.address[0]}:{self.address[1]}"

    def stop(self) -> None:
        """End it for good."""
        self.kill()
        self._deaf.close()

    def change(self, records: str) -> None:
        """Give the zone these records instead."""
        self._zone.write_text(HEAD + records)
        self.kill()
        self.start()

    def _answers_now(self) -> bool:
        with socket.socket(type=socket.SOCK_DGRAM) as asking:
            asking.settimeout(0.5)
            try:
                asking.connect(self.address)
                asking.send(LOCALHOST)
                return asking.recv(512)[:2] == LOCALHOST[:2]
            except OSError:
                return False
