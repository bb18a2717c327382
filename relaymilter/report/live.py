"""The live view: reads what comes, and shows it, until somebody ends it."""

import time
from collections.abc import Callable

from relaymilter.report.following import Follower, Keys
from relaymilter.report.watching import Watching

_DRAW = 0.25
"""Seconds between two pictures."""


def plain(source: Follower, write: Callable[[str], None]) -> None:
    """A line for each decision, until there will be none."""
    watching = Watching()
    while not source.ended:
        for line in source.lines(1):
            if (shown := watching.see(line, time.monotonic())) is not None:
                write(shown)


def on_screen(source: Follower, keys: Keys) -> None:
    """Until q is pressed; without a keyboard, until there will be no more."""
    from relaymilter.report import terminal  # a log is followed without rich

    watching, console, drawn = Watching(), terminal.terminal(), 0.0
    with terminal.live(console) as live:
        while not keys.quit and (keys.there or not source.ended):
            if source.ended:
                keys.wait(_DRAW)
            for line in source.lines(_DRAW) if not source.ended else ():
                watching.see(line, time.monotonic())
            if time.monotonic() - drawn >= _DRAW:
                drawn = time.monotonic()
                live.update(terminal.screen(watching, console, drawn), refresh=True)
