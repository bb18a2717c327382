"""The tallies that workers, the parent and the exporter share: one for the parent, one for each worker that lives.

A tally whose worker has ended is the next worker's, which counts on from there; so counts outlive workers, and only
ever grow. Where there is no listener for metrics there are none.
"""

import logging

from relaymilter.daemon.in_force import InForce
from relaymilter.daemon.shared_memory import SharedMemory
from relaymilter.observe.meter import OF_NOW
from relaymilter.observe.tally import SIZE, Tally

log = logging.getLogger(__name__)

MOST = 64
"""Workers at once, those that drain among them; what more would count is lost."""


class Tallies:
    """All of them; made before the first fork."""

    def __init__(self) -> None:
        octets = SharedMemory((MOST + 1) * SIZE).octets
        self.all = tuple(Tally(octets[at : at + SIZE]) for at in range(0, len(octets), SIZE))
        self.parent = self.all[0]
        for outcome in ("ok", "failed"):
            self.parent.cell(("reloads", outcome))
        self.parent.cell(("refused",))
        self._free = [*self.all[:0:-1]]

    def take(self) -> Tally | None:
        """One for a new worker, which nobody else writes to."""
        if not self._free:
            log.warning("metrics: there are more than %d workers; one of them counts nothing", MOST)
            return None
        return self._free.pop()

    def give_back(self, tally: Tally) -> None:
        """Its worker has ended."""
        tally.drop(*OF_NOW)
        self._free.append(tally)

    def reloaded(self, succeeded: bool) -> None:
        """One reload more."""
        self.parent.count(("reloads", "ok" if succeeded else "failed"))
        self.parent.put(("refused",), not succeeded)

    def record(self, in_force: InForce, started: float) -> None:
        """What is in force."""
        self.parent.put(("started",), int(started))
        self.parent.put(("policy-since",), int(in_force.since))
        self.parent.put(("fingerprint",), int(in_force.fingerprint or "0", 16))
        self.parent.put(("dry-run",), in_force.settings.daemon.dry_run)

    def workers(self, serving: int, wanted: int, draining: int, lost: int) -> None:
        """How many there are, and how many were lost so far."""
        for state, number in {"serving": serving, "wanted": wanted, "draining": draining}.items():
            self.parent.put(("workers", state), number)
        self.parent.put(("lost",), lost)
