"""How the daemon runs: as whom, in how many processes, and when it stops and reloads."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from relaymilter.config.account import Account, account
from relaymilter.config.option import Kind, Option, switch
from relaymilter.config.scalars import choice, number_of_seconds, seconds, whole
from relaymilter.config.values import Values

Runtime: TypeAlias = Literal["loop", "libmilter"]


def _watch_interval(text: str) -> float:
    """0, or 0.1 to an hour."""
    value = number_of_seconds(text)
    if value and not 0.1 <= value <= 3600:
        raise ValueError(f"{text} is out of range: give 0.1 to 3600 seconds, or 0 not to watch")
    return value


DRY_RUN = switch("dry-run", "Refuse nothing: only log what would have been refused.")
USER = Option("user", "Serve as this user, and group.", "USER[:GROUP]", short=("-u",), parse=account)
RUNTIME: Option[Runtime] = Option(
    "runtime",
    "What speaks to the MTA: an event loop (on uvloop where that is installed), or libmilter, which costs more.",
    "loop|libmilter",
    parse=choice("loop", "libmilter"),
    default="loop",
)
WORKERS = Option(
    "workers",
    "How many processes serve.",
    "N",
    kind=Kind.NUMBER,
    parse=whole("number of workers", 64),
    default="1",
)
NO_PIN = switch("no-pin", "Let a worker move between processor cores; kept on one it costs less.")
STOP_TIMEOUT = Option(
    "stop-timeout",
    "How long sessions in flight are served at a stop.",
    "SECONDS",
    kind=Kind.NUMBER,
    parse=seconds,
    default="30",
)
WATCH = Option(
    "watch",
    "How often to look whether the files have changed, to reload then; 0: only at SIGHUP.",
    "SECONDS",
    kind=Kind.NUMBER,
    parse=_watch_interval,
    default="5",
)
OPTIONS = (DRY_RUN, USER, RUNTIME, WORKERS, NO_PIN, STOP_TIMEOUT, WATCH)


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """How it runs; times in seconds."""

    dry_run: bool
    account: Account | None
    """None: the one who starts it."""
    runtime: Runtime
    workers: int
    pin: bool
    """A worker stays on one processor core."""
    stop_timeout: float
    watch: float
    """Between two looks at the files; 0: none."""


def read(values: Values) -> DaemonSettings:
    """How the daemon runs, as its options say."""
    return DaemonSettings(
        dry_run=values.one(DRY_RUN),
        account=values.maybe(USER),
        runtime=values.one(RUNTIME),
        workers=values.one(WORKERS),
        pin=not values.one(NO_PIN),
        stop_timeout=values.one(STOP_TIMEOUT),
        watch=values.one(WATCH),
    )
