"""What logins are held to by a configuration."""

from collections.abc import Callable

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import wired
from relaymilter.policy.guard.novelty import Novelty
from relaymilter.policy.guard.standing import Terms
from relaymilter.policy.ports import LookupFailed

NOTHING = Terms((), Novelty(None, None, None, None))


def held_to(flags: Flags, login: str) -> tuple[Terms, list[str]]:
    """The limits and thresholds of this login; or none, and why they could not be found."""
    held, problems = holding(flags)
    try:
        return held(login), problems
    except LookupFailed as failure:
        return NOTHING, [str(failure)]


def holding(flags: Flags) -> tuple[Callable[[str], Terms], list[str]]:
    """Of any login, which may raise LookupFailed; or nothing for all, and why."""
    try:
        charges = wired(read(flags).settings.policy, look_only=True).charges
    except ConfigError as error:
        return _nothing, error.problems
    return _nothing if charges is None else charges.terms_of, []


def _nothing(_login: str) -> Terms:
    return NOTHING
