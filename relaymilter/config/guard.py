"""What logins may send: the ledger of what they have done, and the limits and thresholds that they are held to.

They hold as soon as there is a ledger, with defaults that need no tuning; each threshold can be left out by `none`.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from relaymilter.config.forms import MAILBOX, parse_login
from relaymilter.config.option import EntriesOption, ListOption, MapOption, Option
from relaymilter.config.sets import MapSet, NameSet
from relaymilter.config.values import Values
from relaymilter.files.safety import UnsafeFile
from relaymilter.files.secret import NoSecret, make_secret, read_secret
from relaymilter.ledger.registry import open_ledger
from relaymilter.policy.domains import ascii_lower
from relaymilter.policy.guard.charges import parse_named
from relaymilter.policy.guard.limits import Limit, Per, parse_limit
from relaymilter.policy.guard.novelty import Novelty
from relaymilter.policy.logins import Fold
from relaymilter.policy.ports import Ledger

_MOST = 1_000_000
_USUAL = Novelty()
MOST_LIMITS = 8
"""Of each sort of subject: a record has so much room (policy/guard/history.py)."""
_HOW_TO_MAKE = "make one with `head -c 32 /dev/urandom`, of mode 0600"


def _ledger(text: str) -> str:
    """Its name, as it is written, where it can be opened."""
    open_ledger(text)
    return text


def _most(period: str) -> Callable[[str], int | None]:
    """A threshold: so many in this time, or none at all."""

    def parse(text: str) -> int | None:
        if text == "none":
            return None
        match = re.fullmatch(rf"([0-9]{{1,7}})/{period}", text)
        if match is None or not 1 <= int(match[1]) <= _MOST:
            raise ValueError(f"{text!r} is no threshold: give 1/{period} to {_MOST}/{period}, or none")
        return int(match[1])

    return parse


def _named(text: str) -> Limit | None:
    """A limit of a login; None: unlimited."""
    return next(iter(parse_named(text)), None)


def _by_comma(text: str) -> list[str]:
    return text.split(",")


LEDGER = Option(
    "ledger",
    "Where it is kept what logins have sent: in memory (for trials), in a file of SQLite, or in Redis or Valkey as a "
    "TOML file describes it, for several hosts. With one, the limits below hold.",
    "memory:|sqlite:/PATH|redis:/FILE|valkey:/FILE",
    parse=_ledger,
    restricts=True,
)
LEDGER_KEY = Option(
    "ledger-key",
    "A file with 16 to 64 random octets, by which recipients are kept as hashes; the hosts of a fleet need the same. "
    "For sqlite: it is /PATH.key, and is made if it is not there.",
    "FILE",
    parse=str,
)
LIMIT = ListOption(
    "limit",
    "How many recipients or messages there may be in some time: per login, client, network, sender, sender-domain or "
    "grant, or in all; such as `500 recipients/day per login`.",
    "LIMIT",
    parse=parse_limit,
    unset="no such limit",
)
LOGIN_LIMITS = MapOption(
    "login-limits",
    "Other limits for some logins, newsletters and machines: the login, a blank, and limits parted by commas, or "
    "`unlimited`; `@example.org` is a realm, `*` all others.",
    "LOGIN LIMIT,...|TYPE:NAME",
    key_form=parse_login,
    word=_named,
    split=_by_comma,
)
NEW_RECIPIENTS = Option(
    "new-recipients",
    "How many recipients a day a login may write to that it never wrote to before; more where it often does so.",
    "N/day|none",
    parse=_most("day"),
    default=f"{_USUAL.new}/day",
)
STRANGE = Option(
    "new-recipients-from-new-network",
    "How many of these from a network and a program that are new to the login, the mark of a stolen one; more of what "
    "is less strange, and where it is usual for the login.",
    "N/day|none",
    parse=_most("day"),
    default=f"{_USUAL.strange}/day",
)
NETWORKS = Option(
    "networks-per-login",
    "From how many networks (/24, /48) an hour a login may send that are new to it.",
    "N/hour|none",
    parse=_most("hour"),
    default=f"{_USUAL.networks}/hour",
)
SUSPEND_AFTER = Option(
    "suspend-after",
    "How many different recipients a day that look like theft are deferred before the login is suspended, until it is "
    "released; fewer where they come from many networks.",
    "N/day|none",
    parse=_most("day"),
    default=f"{_USUAL.suspend}/day",
)
ADMINISTRATOR = EntriesOption(
    "login-administrator",
    "A mailbox or domain that every login can always reach, for nothing, as those of local-domain and relay-domain.",
    "MAILBOX|DOMAIN|TYPE:NAME",
    form=MAILBOX,
)
OPTIONS = (
    *(LEDGER, LEDGER_KEY, LIMIT, LOGIN_LIMITS),
    *(NEW_RECIPIENTS, STRANGE, NETWORKS, SUSPEND_AFTER, ADMINISTRATOR),
)


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What logins may send, and where it is kept what they have sent."""

    ledger: Ledger = field(compare=False)
    name: str
    """Of the ledger, as it is written."""
    key: bytes = field(compare=False)
    """Of the hashes of recipients."""
    of_logins: tuple[Limit, ...]
    """Limits of every login that is not named,"""
    of_others: tuple[Limit, ...]
    """and of whoever else is charged."""
    named: MapSet[tuple[Limit, ...]] | None
    novelty: Novelty
    administrators: NameSet | None


def read(values: Values, fold: Fold) -> GuardSettings | None:
    """The ledger, the limits, and how much may be new; None: no ledger is named. `fold` is how logins are compared."""

    def of_bound(login: str) -> str:
        """As that of other bounds: it catches every case of a login."""
        return ascii_lower(fold.of(login))

    name, limits = values.maybe(LEDGER), _limits(values)
    of_others = tuple(limit for limit in limits if limit.per is not Per.LOGIN)
    settings = GuardSettings(
        ledger=open_ledger(name or "memory:", patient=bool(of_others)),
        name=name or "",
        key=_key(values, name),
        of_logins=tuple(limit for limit in limits if limit.per is Per.LOGIN),
        of_others=of_others,
        named=values.map(LOGIN_LIMITS, of_bound, lambda words: tuple(filter(None, words)), parse_named),
        novelty=Novelty(
            values.one(NEW_RECIPIENTS), values.one(STRANGE), values.one(NETWORKS), values.one(SUSPEND_AFTER)
        ),
        administrators=values.names(ADMINISTRATOR),
    )
    if name is None and not values.given(LEDGER):
        for option in OPTIONS:
            values.warn(option, "has no effect without ledger")
    return None if name is None else settings


def _limits(values: Values) -> tuple[Limit, ...]:
    limits = values.unique(LIMIT)
    for per in Per:
        if sum(limit.per is per for limit in limits) > MOST_LIMITS:
            values.error(f"there are more than {MOST_LIMITS} limits per {per.value}", LIMIT)
    return limits


def _key(values: Values, ledger: str | None) -> bytes:
    """What a ledger in memory is given nobody else needs to know, nor can find again."""
    path = values.maybe(LEDGER_KEY)
    kind, _, name = (ledger or "memory:").partition(":")
    try:
        if kind in ("redis", "valkey"):
            return _shared_key(path)
        if kind == "sqlite":
            return make_secret(Path(path or f"{name}.key"))
        return read_secret(Path(path)) if path and ledger else secrets.token_bytes(32)
    except FileNotFoundError:
        values.error(f"{path}: there is none: {_HOW_TO_MAKE}", LEDGER_KEY, LEDGER)
    except (NoSecret, UnsafeFile) as problem:
        values.error(str(problem), LEDGER_KEY, LEDGER)
    return b""


def _shared_key(path: str | None) -> bytes:
    if path is None:
        raise NoSecret(f"a ledger that several hosts share needs ledger-key, the same on each: {_HOW_TO_MAKE}")
    return read_secret(Path(path))
