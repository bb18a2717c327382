"""The lines of a part of a log, each given to who knows the program that wrote it; most are looked at no further.

A line is `STAMP HOST NAME[PID]: TEXT`, where NAME is `postfix/smtpd`, `postfix/submission/smtpd`, `sm-mta`, ...; of the
name the first part says which MTA of the host it is, the last one which program.
"""

from collections.abc import Callable
from typing import TypeAlias

from relaymilter.maillog import postfix, sendmail
from relaymilter.maillog.part import Part
from relaymilter.maillog.postfix import Take
from relaymilter.maillog.stamps import Stamps
from relaymilter.maillog.transaction import Transaction

Own: TypeAlias = Callable[[bytes], Transaction]
"""Reads a line of our own decision log. Raises ValueError."""

_TAKE: dict[bytes, Take] = {
    **postfix.TAKE,
    **dict.fromkeys((b"sendmail", b"sm-mta", b"sm-msp-queue", b"sendmail-mta"), sendmail.take),
}
_OWN = b"decision time="
_NINE = ord("9")


def is_own(line: bytes) -> bool:
    """It is one of our decision log, bare or with what syslog puts before it."""
    return line.startswith((b'{"time": ', _OWN)) or b": " + _OWN in line or b']: {"time": "' in line


def parsed(lines: bytes, stamps: Stamps, own: Own | None) -> Part:
    """What whole lines tell; with `own` they are our own decision log, else those of MTAs."""
    part = Part(stamps)
    split = lines.split(b"\n")
    if not split[-1]:
        split.pop()
    part.lines = len(split)
    if own is None:
        _of_mtas(part, split)
    else:
        _of_ours(part, split, own)
    part.close()
    return part


def _of_mtas(part: Part, lines: list[bytes]) -> None:
    known = dict[bytes, tuple[Take, bytes]]()
    for line in lines:
        end = line.find(b"]: ")
        if end < 0:
            continue
        host = 16 if line[0] > _NINE else line.find(b" ") + 1
        process = line[host:end]
        if not process:
            part.gaps.unreadable += _taking(line[:end])[0] is not _pass
            continue
        taking = known.get(process)
        if taking is None:
            taking = known[process] = _taking(process)
        take, place = taking
        if take is not _pass:
            try:
                take(part, line, place, process, line[end + 3 :])
            except ValueError:  # it has no time stamp, or is cut short
                part.gaps.unreadable += 1
        elif line.find(_OWN, end) > 0:
            part.gaps.own_lines += 1
    part.first, part.last = _time(part, lines), _time(part, lines[::-1])


def _taking(process: bytes) -> tuple[Take, bytes]:
    """Who takes the lines of a `HOST NAME[PID`, and the part of it that says the MTA."""
    begin = process.rfind(b" ") + 1
    name = process[begin : process.rfind(b"[")]
    mta, slash, program = name.rpartition(b"/")
    place = process[: begin + len(mta.partition(b"/")[0])] if slash else process[: begin - 1] if begin else b""
    return _TAKE.get(program, _pass), place


def _pass(part: Part, line: bytes, place: bytes, process: bytes, said: bytes) -> None:
    """Of no interest."""


def _time(part: Part, lines: list[bytes]) -> float:
    """Of the first line that has one."""
    for line in lines[:100]:
        try:
            return part.seconds(line)
        except ValueError:
            continue
    return 0.0


def _of_ours(part: Part, lines: list[bytes], own: Own) -> None:
    for line in lines:
        try:
            part.done.append(own(line))
        except ValueError:
            part.gaps.unreadable += is_own(line)
    times = [each.time for each in part.done]
    part.first, part.last = min(times, default=0.0), max(times, default=0.0)
