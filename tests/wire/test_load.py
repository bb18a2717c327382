"""Under load: 20 clients, 2,000 sessions of mixed kinds, no wrong verdict, no crash, and no memory that stays."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.rig import Relaymilter

from .mta import Answer
from .sessions import BOB, DENIED, VICTIM, greeted, logged, rcpt

CLIENTS = 20
SESSIONS = 2000
LOGIN = {b"{auth_authen}": b"alice"}
BANG = b"<example.com!victim@example.org>"
WARM_UP = 600
GROWTH = 1536
"""KiB that all processes of the daemon may grow by after the warm-up: less than one a session, were it kept."""

Verdicts = list[str]


def _word(answer: Answer) -> str:
    return answer if isinstance(answer, str) else str(answer.code)


def _stranger(daemon: Relaymilter) -> tuple[Verdicts, Verdicts]:
    with greeted(daemon) as mta:
        mta.mail()
        came = [rcpt(mta, VICTIM), rcpt(mta, BOB), rcpt(mta, BANG), rcpt(mta, b"<<victim@example.com>>")]
        assert came[0] == DENIED
        mta.quit()
    return [_word(answer) for answer in came], ["554", "continue", "554", "501"]


def _local_client(daemon: Relaymilter) -> tuple[Verdicts, Verdicts]:
    with greeted(daemon, "127.0.0.1") as mta:
        mta.mail()
        came = [rcpt(mta, VICTIM), rcpt(mta, BANG), mta.message()]
        mta.quit()
    return [_word(answer) for answer in came], ["continue"] * 3


def _login_and_none(daemon: Relaymilter) -> tuple[Verdicts, Verdicts]:
    with greeted(daemon) as mta:
        mta.mail()
        came = [rcpt(mta, VICTIM, LOGIN), mta.message()]
        mta.abort()
        mta.mail()
        came += [rcpt(mta, VICTIM), rcpt(mta, BOB)]
        mta.abort()
        mta.mail()
        came += [rcpt(mta, VICTIM, LOGIN)]
        mta.quit()
    return [_word(answer) for answer in came], ["continue", "continue", "554", "continue", "continue"]


def _relayed_by_ipv6(daemon: Relaymilter) -> tuple[Verdicts, Verdicts]:
    with greeted(daemon, "2001:db8::9") as mta:
        mta.mail(b"<>")
        came = [rcpt(mta, b"<joe@relayed.example>"), rcpt(mta, VICTIM)]
    return [_word(answer) for answer in came], ["continue", "554"]


def _odd(daemon: Relaymilter) -> tuple[Verdicts, Verdicts]:
    with greeted(daemon) as mta:
        mta.mail()
        came = [
            rcpt(mta, b'<"bob"@example.org>', {b"{rcpt_addr}": b"bob"}),
            rcpt(mta, b'<"bob"@example.org>', {b"{rcpt_addr}": b"bob@example.com"}),
            rcpt(mta, VICTIM, {b"{auth_authen}": b"\xff"}),
        ]
        mta.quit()
    return [_word(answer) for answer in came], ["continue", "554", "554"]


def _cut_off(daemon: Relaymilter) -> tuple[Verdicts, Verdicts]:
    with greeted(daemon) as mta, suppress(OSError):
        mta.mail()
        mta.write(b"\0\0\0\x20R<vic")
    return [], []


def _version_2(daemon: Relaymilter) -> tuple[Verdicts, Verdicts]:
    with greeted(daemon, version=2) as mta:
        came = [mta.mail(), rcpt(mta, BOB), rcpt(mta, VICTIM)]
        mta.quit()
    return [_word(answer) for answer in came], ["continue", "continue", "554"]


KINDS: tuple[Callable[[Relaymilter], tuple[Verdicts, Verdicts]], ...] = (
    _stranger,
    _local_client,
    _login_and_none,
    _relayed_by_ipv6,
    _odd,
    _version_2,
    _stranger,
    _cut_off,
)
DECISIONS = {
    "_stranger": 4,
    "_local_client": 2,
    "_login_and_none": 4,
    "_relayed_by_ipv6": 2,
    "_odd": 3,
    "_version_2": 2,
    "_cut_off": 0,
}
"""How many recipients a session of each kind has."""


def _play(daemon: Relaymilter, sessions: int) -> Iterator[tuple[str, Verdicts, Verdicts]]:
    """Sessions of each kind in turn, by all clients at once: the kind, what came, and what should have."""
    kinds = itertools.islice(itertools.cycle(KINDS), sessions)
    with ThreadPoolExecutor(CLIENTS) as pool:
        submitted = [(kind.__name__, pool.submit(kind, daemon)) for kind in kinds]
        for name, future in submitted:
            yield name, *future.result(30)


def _resident(daemon: Relaymilter) -> int:
    """KiB of private memory of the daemon and all its workers."""
    assert daemon.process is not None
    total = 0
    for pid in (daemon.process.pid, *daemon.children()):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        total += sum(int(fields[name].split()[0]) for name in ("Private_Clean", "Private_Dirty"))
    return total


def _decisions(daemon: Relaymilter) -> int:
    """The lines of decisions, one of which is for the mark that this leaves."""
    return sum(line.startswith("{") for line in logged(daemon).splitlines())


def test_load(daemon: Relaymilter) -> None:
    """Two thousand sessions by twenty clients get the verdicts they should, each is logged, and memory stays flat."""
    workers = daemon.children()
    assert [name for name, came, expected in _play(daemon, WARM_UP) if came != expected] == []
    before, already = _resident(daemon), _decisions(daemon)
    wrong: list[str] = []
    played: Counter[str] = Counter()
    for name, came, expected in _play(daemon, SESSIONS):
        wrong += [f"{name}: {came}, not {expected}"] if came != expected else []
        played[name] += 1
    assert wrong == []
    assert sum(played.values()) == SESSIONS
    assert daemon.children() == workers
    assert _resident(daemon) - before < GROWTH
    expected_lines = sum(DECISIONS[name] * number for name, number in played.items())
    assert _decisions(daemon) - already == expected_lines + 1
