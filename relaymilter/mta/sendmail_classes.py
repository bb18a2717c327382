"""What is in Sendmail's classes and macros, asked in its test mode (`sendmail -bt`).

In that it receives and delivers nothing.
"""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from relaymilter.tables.sendmail import find_program

SECONDS = 90.0
"""On a host whose name has no dot it sleeps for a minute."""
ELSEWHERE = ("/usr/libexec/sendmail/sendmail", "/usr/sbin/sendmail.sendmail", "/usr/lib/sm.bin/sendmail")
"""Where Sendmail's own is, should `sendmail` be that of another MTA."""

_GREETING = "Enter <ruleset> <address>\n"
_PROMPT = "> "


class NoSendmail(ValueError):
    """Sendmail could not be asked; in words."""


class Answers(NamedTuple):
    """What a Sendmail answers."""

    answers: list[str]
    """One to each line, stripped."""
    before: str
    """What it said of its configuration."""
    program: str
    """Which sendmail it was."""


def classes(cf: Path, names: Sequence[str]) -> tuple[dict[str, list[str]], str]:
    """The words of each class by its name, sorted, and what Sendmail said before. Raises NoSendmail."""
    replies = ask(cf, [f"$={_braced(name)}" for name in names])
    return {name: sorted(words.split()) for name, words in zip(names, replies.answers, strict=True)}, replies.before


def ask(cf: Path, lines: Sequence[str]) -> Answers:
    """What it answers to these lines: `$=w` for a class, `$v` for a macro. Raises NoSendmail."""
    problem = f"{cf}: there is no sendmail to read it with"
    for program in _programs():
        try:
            said = _said(program, cf, "".join(f"{line}\n" for line in lines))
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = f"{cf}: {error}"
            continue
        before, greeting, after = said.partition(_GREETING)
        answers = after.removeprefix(_PROMPT).split(_PROMPT)  # no word has a blank
        if greeting and len(answers) == len(lines) + 1:
            return Answers([answer.strip() for answer in answers[:-1]], before, program)
        problem = f"{cf}: {program} cannot read it: {' '.join(said.split())[:200] or 'it says nothing'}"
    raise NoSendmail(problem)


def _programs() -> Iterator[str]:
    usual = find_program("sendmail")
    yield from dict.fromkeys(program for program in (usual, *map(shutil.which, ELSEWHERE)) if program)


def _said(program: str, cf: Path, asked: str) -> str:
    done = subprocess.run(
        [program, "-bt", "-C", str(cf)],
        input=asked.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS,
        check=False,
    )
    return done.stdout.decode("utf-8", "backslashreplace")


def _braced(name: str) -> str:
    return name if len(name) == 1 else f"{{{name}}}"
