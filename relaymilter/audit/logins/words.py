"""What a ledger has of logins, in words for a terminal, which no login can drive, and for JSON. Times are UTC."""

from collections.abc import Iterable, Iterator

from relaymilter.audit.logins.accounts import CAUSES, Account, Count, KnownNetwork, Stand
from relaymilter.observe.moment import utc
from relaymilter.observe.printable import printable_text
from relaymilter.policy.guard.history import Standing

UNREADABLE = "unreadable"
_WIDEST = 60
"""Columns for the names of a table; a longer one moves what follows in its line."""


def table(stands: Iterable[tuple[str, Stand | None]]) -> Iterator[str]:
    """A heading, and a line for each login."""
    rows = [(printable_text(name), *_columns(stand)) for name, stand in stands]
    width = min(_WIDEST, max((len(row[0]) for row in rows), default=0))
    for login, standing, since, cause in [("LOGIN", "STANDING", "SINCE", "CAUSE"), *rows]:
        yield f"{login:<{width}}  {standing:<10}  {since:<20}  {cause}".rstrip()


def _columns(stand: Stand | None) -> tuple[str, str, str]:
    if stand is None:
        return UNREADABLE, "", ""
    return stand.standing.name.lower(), utc(stand.since), CAUSES[stand.cause]


def stand_dict(stand: Stand | None) -> dict[str, object]:
    """For JSON."""
    if stand is None:
        return {"standing": UNREADABLE, "since": None, "cause": None, "until": None}
    return {
        "standing": stand.standing.name.lower(),
        "since": utc(stand.since),
        "cause": CAUSES[stand.cause] or None,
        "until": utc(stand.until) if stand.until else None,
    }


def as_dict(account: Account) -> dict[str, object]:
    """For JSON."""
    return {
        "login": account.login,
        **stand_dict(account.stand),
        "first": utc(account.first),
        "days": account.days,
        "evidence": account.evidence._asdict(),
        "counts": [count._asdict() for count in account.counts],
        "networks": [
            network._asdict() | {"first": utc(network.first)[:10], "last": utc(network.last)}
            for network in account.networks
        ],
        "remembered": account.remembered,
    }


def account_lines(account: Account) -> Iterator[str]:
    """For a terminal."""
    stand, evidence = account.stand, account.evidence
    yield f"login       {printable_text(account.login)}"
    yield f"standing    {stand.standing.name.lower()}{_why(stand)}"
    yield f"since       {utc(stand.since)}"
    if stand.until:
        yield f"until       {utc(stand.until)}"
    if stand.standing is not Standing.GOOD:
        yield (
            f"evidence    {evidence.recipients} new recipients in a day, {evidence.strange} % of the room for what is "
            f"strange, {evidence.networks} networks in an hour, {evidence.refused} refused in a day"
        )
    yield f"known since {utc(account.first)}, sent on {account.days} days"
    yield f"remembers   {account.remembered} correspondents and programs"
    yield from _section("counts", map(_count_line, account.counts))
    yield from _section("networks", map(_network_line, account.networks))


def _why(stand: Stand) -> str:
    return f" ({CAUSES[stand.cause]})" if CAUSES[stand.cause] else ""


def _section(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{name}:"
    yield from (f"  {line}" for line in tuple(lines) or ("none",))


def _count_line(count: Count) -> str:
    unit = "%" if count.unit == "strangeness" else ""
    most = "no limit" if count.most is None else f"of {count.most}{unit}"
    return f"{f'{count.unit}/{count.period}':<42}{count.total}{unit} {most}"


def _network_line(network: KnownNetwork) -> str:
    known = "known" if network.known else "new"
    return (
        f"{network.network:<24}{known:<7}{network.days} days, first {utc(network.first)[:10]}, last {utc(network.last)}"
    )
