"""What becomes of look-ups, and who is not asked for a while: said to whoever counts it in this process, if anybody.

Names are those of tables, lists, ledgers and the DNS, as the configuration has them; never a key that was looked up.
"""

from collections.abc import Callable
from typing import TypeAlias

Heard: TypeAlias = Callable[[str, str, str, int], None]
"""Takes what it is of (LOOKUPS, LEDGER, SPARE, BREAKER), a name, an outcome, and what is to be added to its count."""

LOOKUPS, LEDGER, SPARE, BREAKER = "lookups", "ledger", "spare", "breaker"
FOUND, MISSING, FAILED, CACHED, NOT_ASKED, ANSWERED = "found", "missing", "failed", "cached", "not-asked", "answered"


def _nobody(_of: str, _name: str, _outcome: str, _more: int) -> None:
    pass


_heard: Heard = _nobody


def listen(heard: Heard | None) -> None:
    """From now on this is called, by whatever thread; None: nothing is."""
    global _heard
    _heard = heard or _nobody


def looked_up(table: str, outcome: str) -> None:
    """One question to a table, a list or the DNS."""
    _heard(LOOKUPS, table, outcome, 1)


def asked_ledger(name: str, outcome: str) -> None:
    """One question to a ledger."""
    _heard(LEDGER, name, outcome, 1)


def on_the_spare() -> None:
    """A recipient was judged without the ledger."""
    _heard(SPARE, "", "", 1)


def opened(breaker: str) -> None:
    """This is not asked any more, for a while."""
    _heard(BREAKER, breaker, "", 1)


def closed(breaker: str) -> None:
    """It answers again."""
    _heard(BREAKER, breaker, "", -1)
