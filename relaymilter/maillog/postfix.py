"""Lines of Postfix: smtpd says the client and who was refused, qmgr the sender, each delivery its recipient.

What a client may write into a line (a path, HELO) ends where the next part begins that only Postfix writes; names of
clients are host names, which have no blank. A line that ends in `>` ends in HELO, whatever login that claims. Sources:
smtpd.c, smtpd_check.c, log_adhoc.c and qmgr_active.c of Postfix 3.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from relaymilter.maillog.message import BEGUN, Connection, Message, Origin, Refused
from relaymilter.maillog.part import Part
from relaymilter.maillog.transaction import Way

Take: TypeAlias = Callable[[Part, bytes, bytes, bytes, bytes], None]
"""Takes the part of the log that a line stands in, the line, its `HOST NAME`, the process that wrote it, its text."""

_ADDRESS = rb"<([^>]*(?:>(?!%b)[^>]*)*)>"
"""What stands between `<` and a `>` that is followed by this; no `.*?`, which is slower by far."""
_QUOTED = rb'<([^">]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^">]*)*)>'
"""What stands between `<` and the `>` that ends a path: none in quotes does (RFC 5321 4.1.2). Tried first."""
_NAMED = re.compile(rb"\d{3} \d\.\d{1,3}\.\d{1,3} %b: " % _QUOTED)
"""How a reply begins."""
_LOGIN = re.compile(rb", sasl_method=([^,]*), sasl_username=(.*)")
_REFUSED = tuple(
    re.compile(
        rb"; from=%b to=%b proto=\w+(?: helo=<(.*?)>)?(?: sasl_method=(\S+) sasl_username=(.*[^>]))?\Z" % addresses
    )
    for addresses in ((_QUOTED, _QUOTED), (_ADDRESS % b" to=<", _ADDRESS % b" proto="))
)
_QUEUED = re.compile(rb"(\w+): from=<(.*)>, size=\d+, nrcpt=(\d+)")
_DELIVERY = tuple(
    re.compile(rb"(\w+): to=%b, (?:orig_to=%b, )?relay=([^,]*)" % addresses)
    for addresses in ((_QUOTED, _QUOTED), (_ADDRESS % b", (?:orig_to=<|relay=)", _ADDRESS % b", relay="))
)
_FORWARDED = re.compile(rb"\(forwarded as (\w+)\)\Z")
_NOTICE = re.compile(rb"\w+: \w+ .*notification: (\w+)\Z")
_PICKUP = re.compile(rb"(\w+): uid=\d+ from=<")
_LOOPBACK = re.compile(rb"\[(?:127\.[\d.]+|::1)\]")
_REMOVED = b": removed"
_NO_QUEUE = b"NOQUEUE:"


def _smtpd(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    take = _BY_BEGINNING.get(said[:7], _of_queue_id)
    if take is not None:
        take(part, line, place, process, said)


def _connected(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    part.connections[process] = BEGUN


def _disconnected(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    part.disconnected(process)


def _encrypted(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    """`Anonymous TLS connection established from name[address]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 ...`."""
    words = said.split(b" ", 10)
    if len(words) > 9 and words[3] == b"established":
        known = part.connection(process)
        tls = b"%b %b" % (words[6], words[9])
        part.connections[process] = Connection(known.begun, known.login, known.mechanism, tls)


def _of_queue_id(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    if said.startswith(b": client=", said.find(b":")):  # what else has it was written by a client
        _begun(part, line, place, process, said)
    elif b"reject: " in said:
        _rejected(part, line, place, process, said)
    elif b" helo=<" in said:
        _greeted(part, place, said)


def _begun(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    number, _, rest = said.partition(b": client=")
    begin, end = rest.find(b"["), rest.find(b"]")
    message = part.begin((place, number))
    message.time = part.seconds(line)
    message.origin = Origin.SMTP
    message.client = rest[begin + 1 : end]
    if end + 1 < len(rest):
        _more_of_client(message, rest[end + 1 :])
    part.connect(message, process)


def _more_of_client(message: Message, rest: bytes) -> None:
    """The login, and where the client was before: with XFORWARD, which content filters use."""
    rest, again, _ = rest.partition(b", orig_")
    if again:
        message.origin = Origin.FILTER
    found = _LOGIN.search(rest)
    if found is not None:
        message.mechanism, message.login = found[1], found[2].partition(b", sasl_sender=")[0]


def _rejected(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    begin, end = said.find(b"["), said.find(b"]: ")
    named = _NAMED.match(said, end + 3)
    cut = said.find(b"; from=<", end if named is None else named.end())
    if cut < 0:
        cut = said.find(b"; from=<", end)
    number, what, stage = said[:begin].split(b" ", 3)[:3]
    found = _REFUSED[0].match(said, cut) or _REFUSED[1].match(said, cut)
    if cut < 0 or found is None or stage != b"RCPT":
        part.gaps.unnamed += 1
        _greeted(part, place, said)
        return
    sender, recipient, helo, mechanism, login = found.groups()
    if helo and number != _NO_QUEUE:
        part.message((place, number[:-1])).helo = helo
    message = part.alone()
    message.time = part.seconds(line)
    message.client, message.helo, message.sender = said[begin + 1 : end], helo or b"", sender
    message.mechanism, message.login = mechanism, login
    message.refused = (Refused(b"<%b>" % recipient, said[end + 3 : cut], what == b"milter-reject:"),)
    message.silent = login is None
    part.connect(message, process)


def _greeted(part: Part, place: bytes, said: bytes) -> None:
    """What header_checks and access tables log has HELO behind all that the client could write, but HELO itself."""
    number, colon, _ = said.partition(b": ")
    begin = said.rfind(b" helo=<")
    if begin >= 0 and colon and number.isalnum() and number != _NO_QUEUE[:-1]:
        part.message((place, number)).helo = said[begin + 7 :].partition(b">")[0]


def _queue(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    if said.endswith(_REMOVED):
        part.message((place, said[: -len(_REMOVED)])).ended = True
        return
    found = _QUEUED.match(said)
    if found is not None:
        message = part.message((place, found[1]))
        message.sender, message.expected = found[2], int(found[3])


def _delivery(here: Way) -> Take:
    def take(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
        found = _DELIVERY[0].match(said) or _DELIVERY[1].match(said)
        if found is None:
            return
        number, to, written, relay = found.groups()
        way = here if said.find(b", status=sent", found.end()) > 0 else Way.UNKNOWN
        if way is Way.ON and _LOOPBACK.search(relay):
            way = Way.UNKNOWN
        message = part.message((place, number))
        pair = (to if written is None else written, to)
        if message.recipients.get(pair, Way.UNKNOWN) is Way.UNKNOWN:
            message.recipients[pair] = way
        if said.endswith(b")") and (forwarded := _FORWARDED.search(said)):
            part.message((place, forwarded[1])).origin = Origin.INTERNAL

    return take


def _notice(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    found = _NOTICE.match(said)
    if found is not None:
        part.message((place, found[1])).origin = Origin.INTERNAL


def _picked_up(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    found = _PICKUP.match(said)
    if found is not None:
        message = part.begin((place, found[1]))
        message.origin, message.time = Origin.LOCAL, part.seconds(line)


def _cleanup(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    if b" helo=<" in said:
        _greeted(part, place, said)


_BY_BEGINNING: dict[bytes, Take | None] = {
    b"connect": _connected,
    b"disconn": _disconnected,
    **dict.fromkeys((b"Anonymo", b"Trusted", b"Untrust", b"Verifie"), _encrypted),
    **dict.fromkeys((b"lost co", b"timeout", b"warning", b"imprope", b"SSL_acc", b"setting"), None),
}
"""Of what smtpd says, by the first seven octets; all else begins with a queue id, or NOQUEUE."""

TAKE: dict[bytes, Take] = {
    b"smtpd": _smtpd,
    b"qmgr": _queue,
    b"nqmgr": _queue,
    b"oqmgr": _queue,
    b"cleanup": _cleanup,
    b"pickup": _picked_up,
    b"bounce": _notice,
    b"smtp": _delivery(Way.ON),
    **dict.fromkeys((b"local", b"virtual", b"pipe", b"lmtp"), _delivery(Way.HERE)),
    **dict.fromkeys((b"error", b"retry", b"discard"), _delivery(Way.UNKNOWN)),
}
"""By the daemon's name."""
