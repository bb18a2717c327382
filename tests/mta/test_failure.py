"""A relaymilter that is gone, wholly or in the middle of a session, opens nothing."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mta.dialogue import VICTIM, begin, refusal
from tests.rig import STRANGER, Mta, MtaSettings, Namespace, Postfix, Relaymilter, Reply, Sendmail, running, wait_for


@pytest.fixture(params=["loop", "libmilter"])
def daemon(request: pytest.FixtureRequest, folder: Path) -> Iterator[Relaymilter]:
    """A relaymilter that a test may kill, on each runtime in turn."""
    relaymilter = Relaymilter(folder / "milter", "--local-domain", "example.org", "--runtime", request.param)
    relaymilter.start()
    yield relaymilter
    relaymilter.end(signal.SIGTERM)


@pytest.fixture(params=[Postfix, Sendmail], ids=["postfix", "sendmail"])
def doomed(request: pytest.FixtureRequest, namespace: Namespace, folder: Path, daemon: Relaymilter) -> Iterator[Mta]:
    """An MTA that is told to defer without its milter."""
    with running(request.param(namespace, folder / "mta", MtaSettings((daemon.milter,)))) as mta:
        yield mta


def kill_workers(daemon: Relaymilter) -> None:
    """Kill the workers, and wait until they are gone."""
    workers = daemon.children()
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: not set(workers) & set(daemon.children()), "the workers are gone")


def kill_all(daemon: Relaymilter) -> None:
    """Kill the supervisor and its workers, the supervisor first so that it replaces none."""
    assert daemon.process
    daemon.process.send_signal(signal.SIGSTOP)
    workers = daemon.children()
    daemon.end(signal.SIGKILL)
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def attempt(mta: Mta, recipient: str, source: str = STRANGER) -> Reply:
    """The first refusal of MAIL or RCPT, or the reply to RCPT, in a connection of its own."""
    with mta.smtp(source) as client:
        client.ehlo()
        begun = client.mail()
        return client.rcpt(f"<{recipient}>") if begun.ok else begun


@pytest.mark.parametrize("kill", [kill_workers, kill_all])
def test_killed_in_a_session(doomed: Mta, daemon: Relaymilter, kill: Callable[[Relaymilter], None]) -> None:
    """If it dies between MAIL and RCPT, every further recipient and message is deferred."""
    with doomed.smtp() as client:
        begin(client)
        kill(daemon)
        for recipient in (VICTIM, "bob@example.org", VICTIM):
            assert client.rcpt(f"<{recipient}>").code // 100 == 4
        client.rset()
        again = client.mail()
        assert (client.rcpt(f"<{VICTIM}>") if again.ok else again).code // 100 == 4


def test_killed_before_a_session(doomed: Mta, daemon: Relaymilter) -> None:
    """Without it everything is deferred, for strangers and for local clients."""
    kill_all(daemon)
    for source in (STRANGER, "127.0.0.1"):
        for recipient in (VICTIM, "bob@example.org"):
            assert attempt(doomed, recipient, source).code // 100 == 4


def test_lost_worker_is_replaced(doomed: Mta, daemon: Relaymilter) -> None:
    """After a worker was killed, a new one refuses as the old one did."""
    kill_workers(daemon)
    wait_for(daemon.children, "a new worker")
    wait_for(lambda: attempt(doomed, "bob@example.org").code == 250, "the new worker serves")
    assert str(attempt(doomed, VICTIM)) == refusal(VICTIM)


def test_restarted(doomed: Mta, daemon: Relaymilter) -> None:
    """A stop and a start at once: the next session is closed as before."""
    daemon.stop()
    daemon.start()
    assert str(attempt(doomed, VICTIM)) == refusal(VICTIM)
