"""What is logged, how, and where."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from relaymilter.config.option import Option, switch
from relaymilter.config.scalars import absolute, choice
from relaymilter.config.values import Values

Format: TypeAlias = Literal["text", "json"]
Decisions: TypeAlias = Literal["all", "refused", "none"]

SYSLOG = switch("syslog", "Log to syslog, facility mail, instead of standard error.", short=("-l",))
LOG_FILE = Option(
    "log-file",
    "Log to this file instead of standard error; it may be renamed at any time, as by logrotate.",
    "PATH",
    parse=absolute,
)
LOG_FORMAT: Option[Format] = Option(
    "log-format", "How a decision is logged.", "text|json", parse=choice("text", "json"), default="text"
)
LOG_DECISIONS: Option[Decisions] = Option(
    "log-decisions",
    "Which decisions are logged.",
    "all|refused|none",
    parse=choice("all", "refused", "none"),
    default="all",
)
VERBOSE = switch("verbose", "Log the trail of every decision, and more of what the daemon does.", short=("-v",))
OPTIONS = (SYSLOG, LOG_FILE, LOG_FORMAT, LOG_DECISIONS, VERBOSE)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where the log goes, what it has, and how."""

    syslog: bool
    file: str | None
    """Neither: standard error."""
    format: Format
    decisions: Decisions
    verbose: bool


def read(values: Values) -> LogSettings:
    """Where the log goes and what is in it, as its options say."""
    syslog, file = values.one(SYSLOG), values.maybe(LOG_FILE)
    if syslog and file:
        values.error("with syslog there is no log file: give one of both", LOG_FILE)
    return LogSettings(
        syslog=syslog,
        file=file,
        format=values.one(LOG_FORMAT),
        decisions=values.one(LOG_DECISIONS),
        verbose=values.one(VERBOSE),
    )
