"""Reads lines as a whole log."""

from __future__ import annotations

from relaymilter.audit.replay.logged_transaction import logged_transaction
from relaymilter.maillog.joining import Joining
from relaymilter.maillog.parsing import parsed
from relaymilter.maillog.stamps import Stamps
from relaymilter.maillog.transaction import Gaps, Transaction

STAMP = "2026-11-24T18:23:07.5+00:00 mx "
AT = 1_795_544_587.5


def joined(*parts: str, own: bool = False) -> tuple[list[Transaction], Gaps]:
    """What these parts of a log tell, each of several lines without stamps, parsed by themselves, and the gaps."""
    joining = Joining()
    read = list[Transaction]()
    for part in parts:
        stamped = "".join(f"{STAMP}{line}\n" for line in part.splitlines() if line)
        raw = stamped.encode("utf-8", "surrogateescape")
        read += joining.add(parsed(raw, Stamps(0), logged_transaction if own else None))
    return [*read, *joining.end()], joining.gaps


def nonzero(gaps: Gaps) -> dict[str, int]:
    """The gaps that there are."""
    return {name: count for name in gaps.__slots__ if (count := getattr(gaps, name))}
