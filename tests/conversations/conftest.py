"""One daemon, one Postfix and one Sendmail for each policy that the conversations name, for the whole session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

import pytest

from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, running

from .cases import CONVERSATIONS
from .decisions import DecisionTail
from .script import RUNNERS, Conversation

P = ParamSpec("P")
T = TypeVar("T")
Kind: TypeAlias = type[Postfix] | type[Sendmail]
Closed: TypeAlias = tuple[Relaymilter, DecisionTail]


def once(start: Callable[P, T]) -> Callable[P, T]:
    """Start each thing once; one that failed to start is not tried again, but fails again."""
    outcomes: dict[object, T | Exception] = {}

    @wraps(start)
    def started(*arguments: P.args, **named: P.kwargs) -> T:
        if arguments not in outcomes:
            try:
                outcomes[arguments] = start(*arguments, **named)
            except Exception as error:
                outcomes[arguments] = error
        outcome = outcomes[arguments]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return started


@pytest.fixture(scope="session")
def session() -> Iterator[ExitStack]:
    """What is started for these tests is stopped at their end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def daemon_of(session: ExitStack, session_folder: Path) -> Callable[[tuple[str, ...]], Closed]:
    """The daemon with these flags, and its log."""
    numbers: dict[tuple[str, ...], int] = {}

    @once
    def start(flags: tuple[str, ...]) -> Closed:
        number = numbers.setdefault(flags, len(numbers))
        folder = session_folder / f"d{number}"
        daemon = session.enter_context(running(Relaymilter(folder, *flags)))
        log = DecisionTail(folder / "log")
        session.callback(log.close)
        return daemon, log

    return start


@pytest.fixture(params=["libmilter", "loop"])
def flags(conversation: Conversation, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The daemon's flags for this conversation, on each runtime in turn."""
    return (*conversation.policy, "--runtime", request.param)


@pytest.fixture
def daemon(flags: tuple[str, ...], daemon_of: Callable[[tuple[str, ...]], Closed]) -> Closed:
    """The daemon with these flags, and its log."""
    return daemon_of(flags)


@pytest.fixture(scope="session")
def mta_of(
    release_folder: Path, namespace: Namespace, daemon_of: Callable[[tuple[str, ...]], Closed]
) -> Iterator[Callable[[Kind, tuple[str, ...]], Mta]]:
    """The MTA of this kind that the daemon with these flags closes."""
    stack = ExitStack()

    @once
    def start(kind: Kind, flags: tuple[str, ...]) -> Mta:
        daemon, _ = daemon_of(flags)
        number = Path(daemon.milter.removeprefix("unix:")).parent.name
        settings = MtaSettings((daemon.milter,), forwards={"forward@example.org": "away@example.net"})
        mta = kind(namespace, release_folder / f"{kind.name}-{number}", settings)
        stack.enter_context(running(mta))
        return mta

    with stack:
        yield start


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many conversations each side cannot play, by their tags: they are not collected there, not skipped."""
    counts = (f"{runner} {len(CONVERSATIONS) - sum(runner in c.runners for c in CONVERSATIONS)}" for runner in RUNNERS)
    terminalreporter.write_line(f"{len(CONVERSATIONS)} conversations; not applicable: {', '.join(counts)}")
