"""A sliding window: how often something happened in the last so many seconds, in a few octets.

The window is cut into slices, and a slice is forgotten as a whole when all of it is out of the window. So what is
counted is what happened in the window and up to one slice before it: never less, so that no limit is exceeded.
"""

from dataclasses import dataclass, field

SLICES = 12
KEPT = SLICES + 1
"""The slice of now, which is not over, and those before it."""


@dataclass(slots=True)
class Window:
    """Counts of the last `seconds`; the clock may step. Mutable, since one is made with every RCPT."""

    seconds: int
    newest: int = 0
    """The number of the latest slice, since 1970."""
    counts: list[int] = field(default_factory=lambda: [0] * KEPT)
    """By the number of the slice, modulo KEPT."""

    def total(self, now: int) -> int:
        """What was charged in the window that ends now."""
        self._turn(now)
        return sum(self.counts)

    def charge(self, now: int, count: int = 1) -> None:
        """Add to the slice of now."""
        self._turn(now)
        self.counts[self.newest % KEPT] += count

    def give_back(self, then: int, count: int = 1) -> None:
        """Take back what was charged a moment before `then`; what has left the window by now is not there any more."""
        number = then // self.slice
        for at in (number, number - 1):
            if self.newest - KEPT < at <= self.newest:
                taken = min(count, self.counts[at % KEPT])
                self.counts[at % KEPT] -= taken
                count -= taken

    @property
    def slice(self) -> int:
        """Its length in seconds."""
        return -(-self.seconds // SLICES)

    def _turn(self, now: int) -> None:
        number = now // self.slice
        ahead = number - self.newest
        if ahead == 0:
            return
        if ahead < -KEPT:  # the clock was wrong: what it charged would stay until that time comes
            counts = [0] * KEPT
            counts[number % KEPT] = sum(self.counts)
            self.counts, self.newest = counts, number
        elif ahead >= KEPT:
            self.counts, self.newest = [0] * KEPT, number
        elif ahead > 0:
            for old in range(self.newest + 1, number + 1):
                self.counts[old % KEPT] = 0
            self.newest = number
