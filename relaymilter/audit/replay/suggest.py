"""What would keep the legitimate mail of a log: networks, domains, grants and limits, as lines for the configuration.

Only mail that was accepted, and that we would refuse, is looked at. A log does not say what is legitimate: whoever was
let through may be a thief, or the reason for relaymilter. So every line has to be confirmed, and what opens something
to a public address is written as a comment.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from relaymilter.audit.replay.replayed import domain_of
from relaymilter.audit.replay.replaying import NO_RULE, Decided
from relaymilter.config.local import LOCAL_NETWORK
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read
from relaymilter.maillog.transaction import Way
from relaymilter.observe.printable import printable_text
from relaymilter.policy.networks import Address, parse_address

_MOST = 10_000
"""Names of each kind that are looked at; those that come later are left out, and that is said."""
_MANY = 3
"""Clients that make a domain one to relay for, rather than each of them one to trust."""
_FEW = 3
"""Sender domains that a grant may name."""
_DAY = 86_400
_USUAL = {LOCAL_NETWORK.key: f", or else {' and '.join(LOCAL_NETWORK.default)}"}
"""What an entry would put out of force."""


@dataclass(slots=True)
class _Seen:
    """What speaks for a name."""

    times: int = 0
    clients: set[str] = field(default_factory=set)
    senders: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    days: set[int] = field(default_factory=set)

    def add(self, decided: Decided, domain: str) -> None:
        """One recipient; sets stay small."""
        transaction = decided.transaction
        self.times += 1
        for names, name in (
            (self.clients, transaction.client),
            (self.senders, domain_of(transaction.sender)),
            (self.domains, domain),
        ):
            if len(names) <= 100:
                names.add(name)
        if len(self.days) <= 400:
            self.days.add(int(transaction.time) // _DAY)

    def __str__(self) -> str:
        parts = [_many(self.times, "recipient"), f"from {_many(len(self.clients), 'client')}"]
        return ", ".join([*parts, f"on {_many(len(self.days), 'day')}"])


class _Entry(NamedTuple):
    """An entry of a list."""

    text: str
    why: str
    sure: bool = True
    """Otherwise it is written as a comment."""


class Suggestions:
    """Takes what was decided, and says what to write."""

    def __init__(self) -> None:
        self._here: dict[str, _Seen] = {}
        self._on: dict[str, _Seen] = {}
        self._clients: dict[str, _Seen] = {}
        self._touched: set[str] = set()
        self._days: Counter[tuple[str, int]] = Counter()
        self._left_out = False

    def add(self, decided: Decided) -> None:
        """One recipient."""
        if not decided.recipient.accepted:
            return
        self._count_login(decided)
        if decided.permits or decided.decision.rule not in NO_RULE:
            return
        domain = domain_of(decided.recipient.path)
        if decided.recipient.way is Way.HERE and domain:
            self._note(self._here, domain, decided, domain)
        elif decided.recipient.way is Way.ON and domain:
            self._note(self._on, domain, decided, domain)
            self._note(self._clients, decided.transaction.client, decided, domain)

    def _note(self, seen: dict[str, _Seen], name: str, decided: Decided, domain: str) -> None:
        if name not in seen and len(seen) >= _MOST:
            self._left_out = True
            return
        seen.setdefault(name, _Seen()).add(decided, domain)

    def _count_login(self, decided: Decided) -> None:
        login = decided.transaction.login
        if login is None:
            return
        key = login, int(decided.transaction.time) // _DAY
        if key in self._days or len(self._days) < 20 * _MOST:
            self._days[key] += 1
        if decided.decision.rule == "ledger":
            self._touched.add(login)

    def lines(self) -> Iterator[str]:
        """For the configuration file."""
        yield "# What would keep the mail of the log that relaymilter would refuse. What is legitimate, no log says:"
        yield "# confirm every line. Those that open something to a public address are comments."
        relayed = {name: seen for name, seen in self._on.items() if len(seen.clients) >= _MANY}
        clients = {
            name: seen
            for name, seen in self._clients.items()
            if not seen.domains <= relayed.keys() and (address := parse_address(name)) is not None and address
        }
        sections = (
            _list("local-domain", _domains(self._here, "delivered here")),
            _list("relay-domain", _domains(relayed, "sent on")),
            _list("local-network", _networks(clients)),
            _list("login-limits", self._limits()),
            _grants(clients),
        )
        written = [line for section in sections for line in section]
        yield from written or ["# Nothing: all that was accepted would be permitted, or no line would help."]
        if self._left_out:
            yield f"# There are more than {_MOST} of some kind: those that came later in the log are left out."

    def _limits(self) -> Iterator[_Entry]:
        for login in sorted(self._touched):
            most = max((count for (name, _), count in self._days.items() if name == login), default=0)
            why = (
                f"its mail would be held up; up to {_many(most, 'recipient')} a day; is it a machine, or was it stolen?"
            )
            yield _Entry(f"{login} {2 * most} recipients/day", why, sure=False)


def _domains(found: dict[str, _Seen], what: str) -> Iterator[_Entry]:
    return (_Entry(name, f"{what}: {seen}") for name, seen in _by_count(found))


def _networks(clients: dict[str, _Seen]) -> Iterator[_Entry]:
    for name, seen in _by_count(clients):
        if _is_private(name):
            yield _Entry(name, f"relayed without a login: {seen}, to {_many(len(seen.domains), 'domain')}")


def _grants(clients: dict[str, _Seen]) -> Iterator[str]:
    for name, seen in _by_count(clients):
        if _is_private(name):
            continue
        yield ""
        yield f"# To be confirmed: {printable_text(name)} relayed without a login: {seen}. Who is that?"
        yield "#[[grant]]"
        yield f"#networks = [{_toml(name)}]"
        if len(seen.senders) <= _FEW and "" not in seen.senders:
            yield f"#from = [{', '.join(_toml('@' + domain) for domain in sorted(seen.senders))}]"
        if len(seen.domains) <= _FEW:
            yield f"#to = [{', '.join(map(_toml, sorted(seen.domains)))}]"


def _list(key: str, entries: Iterator[_Entry]) -> Iterator[str]:
    """Keys that are given twice are an error, so an administrator adds these to those that there are."""
    usable = [entry for entry in entries if _taken(key, entry.text)]
    if not usable:
        return
    open_, close = ("", "") if any(entry.sure for entry in usable) else ("#", "#")
    yield ""
    yield f"{open_}{key} = [  # beside the entries that it has{_USUAL.get(key, '')}"
    for entry in usable:
        yield f"    # to be confirmed: {entry.why}"
        yield f"    {'' if entry.sure else '# '}{_toml(entry.text)},"
    yield f"{close}]"


def _taken(key: str, text: str) -> bool:
    """The configuration takes it; what an attacker wrote may be no domain at all."""
    try:
        read(Flags({key: (text,)}))
    except ConfigError:
        return False
    return text.isprintable()


def _by_count(found: dict[str, _Seen]) -> list[tuple[str, _Seen]]:
    return sorted(found.items(), key=lambda item: (-item[1].times, item[0]))


def _is_private(name: str) -> bool:
    address: Address | None = parse_address(name)
    return address is not None and not address.is_global


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _toml(text: str) -> str:
    return json.dumps(text)
