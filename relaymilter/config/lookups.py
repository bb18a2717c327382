"""How tables are asked that must be waited for: how long, and what is kept of their answers."""

from dataclasses import dataclass

from relaymilter.config.option import Kind, Option
from relaymilter.config.scalars import number_of_seconds, seconds, whole
from relaymilter.config.values import Values


def _timeout(text: str) -> float:
    """A time from 0.1 to 9 seconds: Sendmail waits for a milter's answer for 10."""
    value = seconds(text)
    if not 0.1 <= value <= 9:
        raise ValueError(f"{text} is out of range: give 0.1 to 9 seconds")
    return value


def _up_to_a_week(text: str) -> float:
    value = number_of_seconds(text)
    if not 0 <= value <= 604_800:
        raise ValueError(f"{text} is out of range: give 0 to 604800 seconds, which is a week")
    return value


LOOKUP_TIMEOUT = Option(
    "lookup-timeout",
    "How long a decision may wait for tables that must be asked, from 0.1 to 9.",
    "SECONDS",
    kind=Kind.NUMBER,
    parse=_timeout,
    default="2",
)
CACHE_POSITIVE = Option(
    "cache-positive",
    "How long the yes of such a table is kept.",
    "SECONDS",
    kind=Kind.NUMBER,
    parse=seconds,
    default="60",
)
CACHE_NEGATIVE = Option(
    "cache-negative", "How long its no is kept.", "SECONDS", kind=Kind.NUMBER, parse=seconds, default="20"
)
CACHE_SIZE = Option(
    "cache-size",
    "How many answers of each such table are kept.",
    "N",
    kind=Kind.NUMBER,
    parse=whole("size", 10_000_000, "answers"),
    default="10000",
)
STALE = Option(
    "stale",
    "How much longer a yes may serve while its table fails.",
    "SECONDS",
    kind=Kind.NUMBER,
    parse=_up_to_a_week,
    default="0",
)
OPTIONS = (LOOKUP_TIMEOUT, CACHE_POSITIVE, CACHE_NEGATIVE, CACHE_SIZE, STALE)


@dataclass(frozen=True, slots=True)
class LookupSettings:
    """How tables are asked that must be waited for; times in seconds."""

    timeout: float
    """For a decision that needs them."""
    positive: float
    """How long a yes is kept,"""
    negative: float
    """and a no."""
    size: int
    """Answers kept of each table."""
    stale: float
    """How much longer a yes may serve while its table fails."""


def read(values: Values) -> LookupSettings:
    """How long a table may take, and how long and how many of its answers are kept."""
    return LookupSettings(
        timeout=values.one(LOOKUP_TIMEOUT),
        positive=values.one(CACHE_POSITIVE),
        negative=values.one(CACHE_NEGATIVE),
        size=values.one(CACHE_SIZE),
        stale=values.one(STALE),
    )
