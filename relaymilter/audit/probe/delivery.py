"""Marked messages to a mailbox of one's own, by the envelopes that a server takes, and which of them came through."""

import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import NamedTuple, TypeAlias

from relaymilter.audit.hostile.envelopes import HOP, Envelope, Names
from relaymilter.audit.hostile.trial import Outcome, Trial
from relaymilter.audit.probe.smtp_client import Client, Reply

HEADER = "X-Relaymilter-Probe"
_MARK = re.compile(rb"^X-Relaymilter-Probe: ([0-9a-f]{16}-\d+)\s*$", re.MULTILINE | re.IGNORECASE)
_HEADERS = 65536
_POLL = 0.5
MOST_MESSAGES = 50
"""In one run, for each target."""

Find: TypeAlias = Callable[[], set[str]]
"""The marks of the messages that are there now. Raises OSError."""


class Sent(NamedTuple):
    """The reply to the end of a message, or to what came before it; and the mark of a message that was taken."""

    reply: Reply
    mark: str


class Courier:
    """Sends a message, marked, where RCPT was taken."""

    def __init__(self, mailbox: str) -> None:
        self._mailbox = mailbox
        self._token = secrets.token_hex(8)
        self._count = 0

    def __call__(self, client: Client, envelope: Envelope) -> Sent:
        """DATA and a message. Raises SmtpFailed."""
        if self._count >= MOST_MESSAGES:
            return Sent(Reply(250, ("taken; enough messages are sent",)), "")
        begun = client.command(b"DATA")
        if begun.code != 354:
            return Sent(begun, "")
        self._count += 1
        mark = f"{self._token}-{self._count}"
        reply = client.command(self._message(mark, envelope) + b"\r\n.")
        return Sent(reply, mark if reply.code < 400 else "")

    def _message(self, mark: str, envelope: Envelope) -> bytes:
        lines = (
            f"Date: {formatdate()}",
            f"From: <{self._mailbox}>",
            f"To: <{self._mailbox}>",
            f"Subject: relaymilter probe {mark}",
            f"Message-ID: <{mark}@probe.invalid>",
            f"{HEADER}: {mark}",
            "",
            "A probe of the own server sent this, by an envelope that should have been refused:",
            *str(envelope).split(", "),
        )
        return "\r\n".join(line[:900] for line in lines).encode("ascii", "backslashreplace")


def to_the_mailbox_alone(envelopes: Iterable[Envelope], names: Names) -> Iterator[Envelope]:
    """Those that reach nobody but the victim, if they reach anyone: no other mailbox there, and nobody besides."""
    local, there = map(re.escape, names.there)
    victim = re.compile(rf"(?<![\w.+=-]){local}[@%]{there}(?![\w.-])|(?<![\w.+=-]){there}!{local}(?![\w.+=-])")
    for envelope in envelopes:
        recipient = envelope.recipient.decode("ascii", "replace")
        if victim.search(recipient) and HOP not in recipient and "," not in recipient and not envelope.before:
            yield envelope


def in_folder(folder: Path) -> Find:
    """Of a maildir, or of any folder with a file for each message."""

    def find() -> set[str]:
        marks = set[str]()
        for path in folder.rglob("*"):
            if path.is_file():
                with path.open("rb") as message:
                    marks.update(marks_in(message.read(_HEADERS)))
        return marks

    return find


def marks_in(message: bytes) -> set[str]:
    """The mark in the header of a message; one that came back has it in its body."""
    header = message.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    return {mark.decode("ascii") for mark in _MARK.findall(header)}


def seen(trials: list[Trial], find: Find, wait: float) -> list[Trial]:
    """The same, with what is known of their messages when all have come, or this many seconds later. Raises OSError."""
    wanted = {trial.mark for trial in trials if trial.mark}
    end = time.monotonic() + wait
    came = find() & wanted
    while came != wanted and time.monotonic() < end:
        time.sleep(_POLL)
        came = find() & wanted
    return [_seen(trial, came) for trial in trials]


def _seen(trial: Trial, came: set[str]) -> Trial:
    if not trial.mark:
        return trial
    if trial.mark in came:
        return trial._replace(said=f"{trial.said}; its message came through")
    return trial._replace(outcome=Outcome.UNSEEN, said=f"{trial.said}; its message has not come")
