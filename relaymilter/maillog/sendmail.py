"""Lines of Sendmail: `from=` at the end of each transaction, `to=` at each delivery, refusals by queue id.

A login is said once for its connection, by the process that has it; the same number is another process later, so the
client must be the same, too. Sources: envelope.c, deliver.c, srvrsmtp.c and tls.c of Sendmail 8.17 and 8.18.
"""

import re

from relaymilter.maillog.message import BEGUN, Message, Origin, Refused
from relaymilter.maillog.part import Part
from relaymilter.maillog.transaction import Way

_FROM = re.compile(
    rb"(\w+): from=(.*?), size=(\d+), class=-?\d+, (?:pri=-?\d+, )?nrcpts=(\d+), (.*?)(?:, )?relay=([^,]*)\Z"
)
_TO = re.compile(rb"(\w+): to=(.*?), (?:ctladdr=.*?, )?delay=(.*)")
_STATE = re.compile(rb", stat=(\w+)")
_MAILER = re.compile(rb", mailer=(\w+)")
_RULESET = re.compile(rb"(\w+): ruleset=check_rcpt, arg1=(.*?), relay=(.*?), reject=(.*)\Z")
_MILTER = re.compile(rb"(\w+): Milter: to=(.*?), reject=(.*)\Z")
_UNKNOWN = re.compile(rb"(\w+): (<.*>)\.\.\. (User unknown.*)\Z")
_LOGIN = re.compile(rb"AUTH=server, relay=(.*?), authid=(.*), mech=(.*?), bits=")
_TLS = re.compile(rb"STARTTLS=server, relay=(.*?), version=(\S+?), verify=\S+, cipher=(\S+?),")
_AUTHENTICATED = re.compile(rb"\bproto=E?SMTPS?A\b")
_HEX = re.compile(rb"\+([0-9A-F]{2})")
_HERE = frozenset({b"local", b"lmtp", b"cyrus", b"cyrusv2", b"procmail", b"virtual", b"prog", b"maildrop", b"dovecot"})
_ON = frozenset({b"esmtp", b"smtp", b"smtp8", b"dsmtp", b"relay"})


def take(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    """A line of sendmail, or of sm-mta, as Debian calls it."""
    at = said.find(b": ") + 2  # what stands further on may be written by a client
    if said.startswith(b"to=", at):
        _delivered(part, place, said)
    elif said.startswith(b"from=", at):
        _sent(part, line, place, process, said)
    elif said.startswith(b"Milter: to=", at):
        _refused(part, place, said, _MILTER)
    elif said.startswith(b"ruleset=check_rcpt", at):
        _refused(part, place, said, _RULESET)
    elif said.startswith(b"<", at) and b"... User unknown" in said:
        _refused(part, place, said, _UNKNOWN)
    elif said.startswith(b"AUTH=server"):
        _login(part, process, said)
    elif said.startswith(b"STARTTLS=server, relay="):
        _tls(part, process, said)
    elif said.startswith(b"NOQUEUE: connect from "):
        part.connections[process] = BEGUN


def _sent(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    found = _FROM.match(said)
    if found is None:
        return
    number, sender, size, count, rest, relay = found.groups()
    message = part.message((place, number))
    if message.sender is not None:
        return  # it is logged again with another host as its relay where it was split
    message.time, message.sender, message.expected = part.seconds(line), _bare(sender), int(count)
    message.client = _client(relay)
    message.origin = Origin.SMTP if message.client else Origin.LOCAL
    message.unsent = size == b"0" and b"msgid=" not in rest
    message.silent = True
    part.connect(message, process)
    _count_nameless(part, message, rest)


def _count_nameless(part: Part, message: Message, rest: bytes) -> None:
    """The log says by its protocol that there was a login, and not which."""
    if message.connection is None and message.login is None and _AUTHENTICATED.search(rest):
        part.gaps.no_login += 1


def _delivered(part: Part, place: bytes, said: bytes) -> None:
    found = _TO.match(said)
    if found is None:
        return
    number, to, rest = found.groups()
    message, way = part.message((place, number)), _way(rest)
    for path in _paths(to):
        if path.startswith(b"<"):
            bare = path[1:-1]
            message.recipients[bare, bare] = max(way, message.recipients.get((bare, bare), Way.UNKNOWN))
        else:
            message.expanded += 1


def _way(rest: bytes) -> Way:
    state, mailer = _STATE.search(rest), _MAILER.search(rest)
    if mailer is None or state is None or state[1] != b"Sent":
        return Way.UNKNOWN
    return Way.HERE if mailer[1] in _HERE else Way.ON if mailer[1] in _ON else Way.UNKNOWN


def _paths(to: bytes) -> list[bytes]:
    """Parted by commas that stand outside brackets."""
    if b"," not in to:
        return [to]
    if to.startswith(b"<") and to.endswith(b">"):
        return [b"<%b>" % path for path in to[1:-1].split(b">,<")]
    return to.split(b",")


def _refused(part: Part, place: bytes, said: bytes, pattern: re.Pattern[bytes]) -> None:
    found = pattern.match(said)
    if found is not None:
        path, reply = found[2], found[len(found.groups())]
        path = path if path.startswith(b"<") else b"<%b>" % path
        message = part.message((place, found[1]))
        if all(path != refused.path for refused in message.refused):
            message.refused += (Refused(path, reply, pattern is _MILTER),)


def _login(part: Part, process: bytes, said: bytes) -> None:
    found = _LOGIN.match(said)
    if found is not None:
        part.connections[process] = part.connection(process)._replace(
            relay=_client(found[1]), login=_from_xtext(found[2]), mechanism=found[3]
        )


def _tls(part: Part, process: bytes, said: bytes) -> None:
    found = _TLS.match(said)
    if found is not None:
        part.connections[process] = part.connection(process)._replace(
            relay=_client(found[1]), tls=b"%b %b" % (found[2], found[3])
        )


def _from_xtext(text: bytes) -> bytes:
    """RFC 3461 4, as in {auth_authen}."""
    return _HEX.sub(lambda found: bytes((int(found[1], 16),)), text)


def _client(relay: bytes) -> bytes:
    """The address in `name [address] (may be forged)`; empty where it is none: `root@localhost`."""
    begin, end = relay.rfind(b"["), relay.rfind(b"]")
    return relay[begin + 1 : end] if 0 <= begin < end else b""


def _bare(path: bytes) -> bytes:
    return path[1:-1] if path.startswith(b"<") and path.endswith(b">") else path
