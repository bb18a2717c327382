"""Events of the simulator (contrib/bench/simulation) as a Postfix would log them that has header_checks log HELO."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from relaymilter.maillog.stamps import stamp
from tests.rig.daemon import ROOT

sys.path.append(str(ROOT / "contrib" / "bench"))

from simulation import programs
from simulation.people import Event

LITERALS = {
    "[private]": "[192.168.1.2]",
    "[loopback]": "[127.0.0.1]",
    "[public]": "[8.8.8.8]",
    "[IPv6]": "[IPv6:2001:db8::1]",
}
"""What stands for such in HELO."""


def postfix_log(events: Iterable[Event], login: str) -> bytes:
    """Of one login; messages of several recipients are one."""
    return b"".join(line for number, message in enumerate(_messages(events)) for line in _lines(number, message, login))


def _messages(events: Iterable[Event]) -> Iterator[list[Event]]:
    message = list[Event]()
    for event in events:
        if event[2] and message:
            yield message
            message = []
        message.append(event)
    yield message


def _lines(number: int, message: list[Event], login: str) -> Iterator[bytes]:
    at, sent, _ = message[0]
    texts = {code: text for text, code in programs._HASHES.items()}
    name, mechanism, *tls = texts[sent.program].split(" ")
    helo = LITERALS.get(name, name) or texts[sent.device]
    client, pid, queue_id = _address(sent.networks.narrow), 1000 + number % 100, f"{number:010X}"
    said = [
        f"smtpd[{pid}]: connect from unknown[{client}]",
        f"smtpd[{pid}]: {queue_id}: client=unknown[{client}], sasl_method={mechanism}, sasl_username={login}",
        f"cleanup[8]: {queue_id}: info: header Subject: x from unknown[{client}]; from=<a@example.org> "
        f"to=<{message[0][1].recipient.hex()}@example.com> proto=ESMTP helo=<{helo}>",
        f"qmgr[7]: {queue_id}: from=<a@example.org>, size=300, nrcpt={len(message)} (queue active)",
        *(
            f"smtp[6]: {queue_id}: to=<{event[1].recipient.hex()}@example.com>, relay=mx[192.0.2.9]:25, status=sent (k)"
            for event in message
        ),
        f"qmgr[7]: {queue_id}: removed",
        f"smtpd[{pid}]: disconnect from unknown[{client}]",
    ]
    if any(tls):
        said.insert(
            1, f"smtpd[{pid}]: Anonymous TLS connection established from x: {tls[0]} with cipher {tls[1]} (1/1)"
        )
    return (b"%b mx postfix/%b\n" % (stamp(at), line.encode()) for line in said)


def _address(narrow: bytes) -> str:
    """Some address in a /24 or a /48."""
    octets = narrow[1:4] + b"\x4d" if narrow[:1] == b"4" else narrow[1:7] + bytes(9) + b"\x01"
    return str(ip_address(octets))
