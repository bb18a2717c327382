"""Reads conversation files. Each mistake is an error with its file and line.

    # the fact, in one line; further lines of comment may follow
    only decide wire: why the others cannot (or: not sendmail: why)
    client  203.0.113.7                       a new connection; `port N` may follow; `unknown` has no address
    client  203.0.113.7 to 587                the same to another listener of the MTA
    xclient 203.0.113.7 login joe             the same by Postfix's XCLIENT from 127.0.0.1
    helo    mx.example.net                    `nothing`: the client says none; left out: an ordinary one
    login   alice                             AUTH PLAIN; `login alice refused`: with a wrong password
    login   alice by CRAM-MD5                 (or LOGIN); `refused` may follow
    starttls                                  `starttls with valid`: a client certificate (tests/rig/certificates.py)
    rset | message
    mail    <a@example.net> SIZE=100
    macro   {auth_author} boss                sent with every later command of the connection (only wire)
    rcpt    <b@example.com> NOTIFY=NEVER as b@example.com -> OUTCOME | postfix OUTCOME | sendmail OUTCOME

`as` says what {rcpt_addr} is where there is no real MTA (`nothing`: absent); left out: the path without its brackets.
OUTCOME is `permit RULE`, `reject CODE STATUS [RULE] ["text"] [unsaid]`, `defer ...`, or, of an MTA that answers by
itself, `CODE [STATUS]`. `\\xNN` is a byte. Conversations are separated by blank lines; lines `policy FLAG...` above the
first one replace the default policy.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from .mistake import Mistake, wrong
from .order import out_of_order
from .outcomes import runner
from .script import RUNNERS, Conversation, Step
from .steps import rcpt, step

DEFAULT_POLICY = tuple(
    shlex.split("""
    --local-domain example.org --local-domain mx.example.org --local-domain .sub.example.org
    --local-domain bücher.example
    --local-domain [192.0.2.25] --local-domain [IPv6:2001:db8::25]
    --relay-domain relayed.example --relay-domain .hub.relayed.example
    --local-network 127.0.0.0/8 --local-network ::1 --local-network 10.0.0.0/8
    --local-network 192.0.2.0/24 --local-network !192.0.2.64/28 --local-network 192.0.2.70
    --local-network 2001:db8::/126 --local-network !2001:db8::3
    """)
)


class ScriptError(Exception):
    """A conversation file that cannot be read: `file:line: what is wrong`."""


def read_file(path: Path) -> list[Conversation]:
    """All conversations of a file. Raises ScriptError."""
    return read(path.read_text("utf-8"), path.stem)


def read(text: str, file: str) -> list[Conversation]:
    """All conversations in this text. Raises ScriptError."""
    policy: tuple[str, ...] = DEFAULT_POLICY
    found: dict[str, Conversation] = {}
    for block in _blocks(text):
        number = block[0][0]
        try:
            if block[0][1].split()[0] == "policy":
                if found:
                    wrong("the policy stands above the first conversation")
                policy = _policy(block)
                continue
            conversation = _Block(file, policy, block).conversation()
            if conversation.title in found:
                wrong(f"line {found[conversation.title].line} has the same title")
            found[conversation.title] = conversation
        except Mistake as mistake:
            at = mistake.args[1] if len(mistake.args) > 1 else number
            raise ScriptError(f"{file}:{at}: {mistake.args[0]}") from None
    return list(found.values())


def _blocks(text: str) -> Iterator[list[tuple[int, str]]]:
    block: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            block.append((number, line.strip()))
        elif block:
            yield block
            block = []
    if block:
        yield block


def _policy(block: list[tuple[int, str]]) -> tuple[str, ...]:
    flags: list[str] = []
    for number, line in block:
        verb, _, rest = line.partition(" ")
        if verb == "policy":
            flags += shlex.split(rest)
        elif verb != "#":
            raise Mistake(f"{verb!r} among the lines of the policy", number)
    return tuple(flags)


class _Block:
    """One conversation while it is read."""

    def __init__(self, file: str, policy: tuple[str, ...], lines: list[tuple[int, str]]) -> None:
        self.file = file
        self.policy = policy
        self.lines = lines
        self.title = ""
        self.runners = frozenset(RUNNERS)
        self.steps: list[Step] = []

    def conversation(self) -> Conversation:
        first, title = self.lines[0]
        if not title.startswith("# "):
            wrong("a conversation begins with `# ` and the fact that it states")
        for number, line in self.lines[1:]:
            try:
                self.take(number, line)
            except Mistake as mistake:
                raise Mistake(mistake.args[0], number) from None
        if problem := out_of_order(self.steps, self.runners):
            wrong(problem)
        return Conversation(self.file, first, title[2:].strip(), tuple(self.steps), self.policy, self.runners)

    def take(self, number: int, line: str) -> None:
        verb, _, rest = line.partition(" ")
        if verb.startswith("#"):
            return
        if verb in ("only", "not"):
            self.tag(verb, rest)
        elif verb == "rcpt":
            self.steps.append(rcpt(number, rest.strip(), self.runners))
        else:
            self.steps.append(step(verb, rest.strip()))

    def tag(self, verb: str, rest: str) -> None:
        if self.steps:
            wrong(f"`{verb}` stands above the first step")
        names, _, reason = rest.partition(": ")
        if not reason.strip():
            wrong(f"`{verb}` gives its reason: `{verb} sendmail: why`")
        named = frozenset(runner(name) for name in names.split())
        self.runners = named if verb == "only" else self.runners - named
        if not self.runners:
            wrong("nothing can play this")
