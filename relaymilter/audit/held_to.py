"""What a login is held to by a configuration."""

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import wired
from relaymilter.policy.novelty import Novelty
from relaymilter.policy.ports import LookupFailed
from relaymilter.policy.standing import Terms

NOTHING = Terms((), Novelty(None, None, None, None))


def held_to(flags: Flags, login: str) -> tuple[Terms, list[str]]:
    """The limits and thresholds of this login; or none, and why they could not be found."""
    try:
        charges = wired(read(flags).settings.policy, look_only=True).charges
        return (NOTHING, []) if charges is None else (charges.terms_of(login), [])
    except ConfigError as error:
        return NOTHING, error.problems
    except LookupFailed as failure:
        return NOTHING, [str(failure)]
