"""All hostile envelopes there are, by family."""

from collections.abc import Callable, Collection, Iterator, Mapping

from relaymilter.audit.hostile import forgeries, routing, syntax
from relaymilter.audit.hostile.envelopes import Envelope, Forge, Names
from relaymilter.policy.address import Path, parse
from relaymilter.policy.domains import domain_form

FAMILIES: Mapping[str, Callable[[Forge], Iterator[Envelope]]] = {
    "plain": routing.plain,
    "nmap": routing.nmap,
    "percent": routing.percent_hack,
    "bang": routing.bang_path,
    "route": routing.source_route,
    "second-at": routing.second_at,
    "quoting": routing.quoting,
    "literal": syntax.literals,
    "brackets": syntax.brackets,
    "comment": syntax.comments,
    "blanks": syntax.blanks,
    "letters": syntax.letters,
    "incomplete": syntax.incomplete,
    "case-dots": syntax.case_and_dots,
    "length": syntax.lengths,
    "sender": forgeries.senders,
    "sender-routing": forgeries.senders_and_routing,
    "helo": forgeries.greetings,
    "auth-claim": forgeries.auth_claims,
    "parameters": forgeries.parameters,
    "companions": forgeries.companions,
}
"""Every family, what is common first."""


def corpus(names: Names, families: Collection[str] = ()) -> list[Envelope]:
    """The envelopes of these families, of all if none is named; each only once."""
    chosen = [name for name in FAMILIES if not families or name in families]
    return [*dict.fromkeys(envelope for name in chosen for envelope in FAMILIES[name](Forge(name, names)))]


def names_of(victim: str, **others: str) -> Names:
    """Who is who, checked; what is empty is as by default. Raises ValueError, in words."""
    names = Names()._replace(**{key: value for key, value in {"victim": victim, **others}.items() if value})
    for mailbox in (names.victim, names.ours):
        path = parse(f"<{mailbox}>".encode())
        if not (isinstance(path, Path) and path.plain):
            raise ValueError(f"{mailbox!r} is no plain mailbox, such as {Names().victim}")
    if names.there[1].lower() == domain_form(names.domain):
        raise ValueError(f"{names.victim} is no third party's: {names.domain} is the server's own")
    return names
