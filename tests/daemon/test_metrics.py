"""Metrics of a daemon: what all its workers did, whatever becomes of them, and nothing that a client says."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import time
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

import pytest

from relaymilter import __version__
from tests.observe.test_exposition import Samples, of, samples
from tests.rig import wait_for
from tests.servers import redis
from tests.wire.mta import dial

from .process import DENIED, Daemon, asking, free_port, output_of
from .test_ledger import fleet, guarded, recipient

PERMITTED = of("decisions_total", verdict="permit", rule="local-recipient")
REFUSED = of("decisions_total", verdict="reject", rule="no-rule")


class Scraped(Daemon):
    """A daemon with a listener for metrics on 127.0.0.1."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.port = free_port()
        super().__init__(folder, "--local-domain", "example.org", *flags, *metrics(self.port))

    def scrape(self) -> Samples:
        """Every sample, as it is now."""
        return scrape(self.port)


def metrics(port: int) -> tuple[str, str]:
    """The flag."""
    return "--metrics", f"inet:{port}@127.0.0.1"


def scrape(port: int) -> Samples:
    """What is shown on this port."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return samples(answer.read().decode())


def test_all_workers_are_counted(folder: Path, runtime: tuple[str, str]) -> None:
    """Those that were drained and those that were killed, too; what is open ends with its worker."""
    with Scraped(folder, *runtime, "--workers", "2") as daemon:
        for _ in range(6):
            daemon.ask()
            daemon.ask(b"<bob@example.org>")
        with daemon.session() as mta:
            assert mta.rcpt(b"<v@example.com>") == DENIED
            found = daemon.scrape()
            assert (6, 7) == (found[PERMITTED], found[REFUSED])
            assert 13 == found[of("sessions_total")]
            wait_for(lambda: daemon.scrape()[of("sessions_open")] == 1, "the others have ended")
            assert 13 == found[of("decision_seconds_count")]
            assert 2 == found[of("workers", state="serving")]
            daemon.tell(signal.SIGHUP)
            daemon.wait_log("reloaded")
            assert mta.rcpt(b"<v@example.com>") == DENIED
            wait_for(lambda: daemon.scrape()[of("reloads_total", outcome="ok")] == 1, "the reload is counted")
            wait_for(lambda: daemon.scrape()[of("workers", state="draining")] == 1, "one has still a session")
            for pid in daemon.workers()[1:]:
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: daemon.scrape()[of("workers_lost_total")] == 2, "they are missed")
        found = daemon.scrape()
        assert (6, 8) == (found[PERMITTED], found[REFUSED])
        assert (13, 0) == (found[of("sessions_total")], found[of("sessions_open")])
        daemon.ask()
        assert 9 == daemon.scrape()[REFUSED]
        assert daemon.stop() == 0


def test_counters_never_go_back(folder: Path) -> None:
    """Whoever scrapes without a pause, while workers are killed and replaced, sees them grow, and lose nothing."""
    with Scraped(folder, "--workers", "2") as daemon:
        with asking(daemon.scrape, 2) as seen:
            for number in range(6):
                daemon.ask()
                if number % 2:
                    os.kill(daemon.workers()[-1], signal.SIGKILL)
                    daemon.wait_log("a new one starts", number // 2 + 1)
                else:
                    daemon.tell(signal.SIGHUP)
                    daemon.wait_log("reloaded", number // 2 + 1)
            wait_for(lambda: len(seen) > 20, "it was scraped")
        last = daemon.scrape()
    assert 6 == last[REFUSED]
    counters = [key for key in last if key[0].endswith(("_total", "_bucket", "_count", "_sum"))]
    assert len(counters) > 30
    one = sorted(seen, key=lambda found: [found[key] for key in counters])
    assert all(a[key] <= b[key] for key in counters for a, b in pairwise(one))


def test_no_label_is_a_clients(folder: Path) -> None:
    """Whatever clients, helos, logins, senders and recipients are called: every label is a word of ours, or a name of
    the configuration, and there are as many samples as before.
    """
    with Scraped(folder, "--authorised-login", "alice", "--deny-helo", "spam.example") as daemon:
        before = daemon.scrape()
        nasty = [b'x"} 1\nrelaymilter_x{y="', b"\xff\xfe", b"a\\nb", b"<" + b"a" * 500, "\N{SNOWMAN}".encode(), b"{}"]
        for number, words in enumerate(nasty):
            with daemon.session(f"2001:db8::{number}") as mta:
                mta.helo(words)
                mta.mail(b"<" + words + b"@example.net>")
                mta.wanted_macros("rcpt", {b"{auth_authen}": words, b"{auth_type}": words, b"{rcpt_addr}": words})
                mta.rcpt(b"<" + words + b"@example.com>")
                mta.quit()
        after = daemon.scrape()
        assert len(nasty) == after[of("decision_seconds_count")]
    assert len(before) == len(after)
    said = {value for _, labels in after for name, value in labels if name not in ("le", "fingerprint", "version")}
    assert all(re.fullmatch("[a-z-]+", word) for word in said)


def test_what_is_in_force(folder: Path) -> None:
    """Since when, by its fingerprint, and whether the last reload was refused."""
    (folder / "r.toml").write_text('local-domain = ["example.org"]\ndry-run = true\n')
    with Scraped(folder, "-c", "r.toml", "--watch", "0") as daemon:
        first = daemon.scrape()
        assert 1 == first[of("dry_run")]
        assert abs(time.time() - first[of("policy_timestamp_seconds")]) < 60
        (prints,) = fingerprints(first)
        assert re.fullmatch("[0-9a-f]{12}", prints)
        (folder / "r.toml").write_text("no-key = 1\n")
        daemon.tell(signal.SIGHUP)
        wait_for(lambda: daemon.scrape()[of("reload_refused")] == 1, "the refusal shows")
        assert [prints] == fingerprints(daemon.scrape())
        (folder / "r.toml").write_text("dry-run = false\n")
        daemon.tell(signal.SIGHUP)
        wait_for(lambda: daemon.scrape()[of("reload_refused")] == 0, "the reload shows")
        last = daemon.scrape()
        assert (1, 1) == tuple(last[of("reloads_total", outcome=outcome)] for outcome in ("ok", "failed"))
        assert 0 == last[of("dry_run")]
        assert [prints] != fingerprints(last)


def fingerprints(found: Samples) -> list[str]:
    """Of the policies that are shown."""
    infos = [dict(labels) for name, labels in found if name == "relaymilter_policy_info"]
    assert {__version__} == {labels["version"] for labels in infos}
    return [labels["fingerprint"] for labels in infos]


def test_a_ledger_that_is_down(folder: Path) -> None:
    """What came of asking it, that it is not asked for a while, and who went by the spare; not so in a new worker."""
    port = free_port()
    with (
        fleet(folder) as ledger,
        guarded(folder, *metrics(port), "--ledger-key", f"{folder}/key", ledger=ledger) as daemon,
        daemon.session() as mta,
    ):
        recipient(mta)
        found = scrape(port)
        assert 1 == found[of("ledger_lookups_total", ledger=ledger, outcome="answered")]
        assert 0 == found[of("ledger_spare_total")]
        redis.shared().kill()
        for _ in range(4):
            recipient(mta)
        found = scrape(port)
        assert 3 == found[of("ledger_lookups_total", ledger=ledger, outcome="failed")]
        assert 1 == found[of("breaker_open", name=ledger)]
        assert 4 == found[of("ledger_spare_total")]
        os.kill(daemon.workers()[-1], signal.SIGKILL)
        wait_for(lambda: scrape(port)[of("workers_lost_total")] == 1, "it is missed")
        found = scrape(port)
        assert (0, 4) == (found[of("breaker_open", name=ledger)], found[of("ledger_spare_total")])


def test_strangers_at_the_listener(folder: Path) -> None:
    """They hold connections, and say what is no request: mail goes on, and the log says nothing of it."""
    with Scraped(folder) as daemon:
        held = [socket.create_connection(("127.0.0.1", daemon.port), 10) for _ in range(200)]
        for number, connection in enumerate(held):
            connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" if number % 2 else b"\xff\0\r\n\r\n")
        assert daemon.ask() == DENIED
        assert 1 == daemon.scrape()[REFUSED]
        for connection in held:
            connection.close()
        daemon.tell(signal.SIGHUP)
        daemon.wait_log("reloaded")
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log
        assert len(daemon.log.splitlines()) < 10


def test_the_process_that_shows_metrics_dies(folder: Path) -> None:
    """Another one shows the same, and nobody else notices; it ends with its parent, however that ends."""
    with Scraped(folder) as daemon:
        daemon.ask()
        first = daemon.workers()[0]
        os.kill(first, signal.SIGKILL)
        daemon.wait_log("the process that shows metrics was killed by SIGKILL; a new one starts in 1.0 s")
        assert daemon.ask() == DENIED
        wait_for(lambda: len(daemon.workers()) == 2, "a new one")
        assert 2 == wait_for(daemon.scrape, "it shows metrics")[REFUSED]
        second = next(pid for pid in daemon.workers() if Path(f"/proc/{pid}/comm").exists() and pid > first)
        daemon.process.kill()
        daemon.process.wait(10)
        wait_for(lambda: not Path(f"/proc/{second}").exists(), "it ends, too")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: run contrib/test")
def test_rights(folder: Path) -> None:
    """It listens before it gives its rights up, on a port that only root may have, and shows metrics as nobody."""
    folder.chmod(0o755)
    with Daemon(folder, "--local-domain", "example.org", "--user", "nobody", *metrics(94)) as daemon:
        assert 1 == scrape(94)[of("workers", state="serving")]
        assert {65534} == {os.stat(f"/proc/{pid}").st_uid for pid in daemon.workers()}


def test_a_unix_socket(folder: Path) -> None:
    """It is made like that of the milter, and removed at the end."""
    with Daemon(folder, "--local-domain", "example.org", "--metrics", f"unix:{folder}/m") as daemon:
        assert 0o660 == stat.S_IMODE(os.stat(folder / "m").st_mode)
        with dial(f"unix:{folder}/m") as connection:
            connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            with connection.makefile("rb") as stream:
                assert b"\nrelaymilter_sessions_total 0.0\n" in stream.read()
        assert daemon.stop() == 0
    assert {"log"} == {path.name for path in folder.iterdir()}


def test_a_socket_of_systemd(folder: Path) -> None:
    """By its name, as relaymilter-metrics.socket gives it; where there is none of this name it does not start."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        command = f'exec 3<&{given.fileno()}; LISTEN_PID=$$ exec "$@"'
        prefix = ("bash", "-c", command, "bash")  # dash has no descriptors above 9
        environment = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "metrics"}
        flags = ("--local-domain", "example.org", "--metrics", "fd:metrics")
        with Daemon(folder, *flags, prefix=prefix, environment=environment, pass_fds=(given.fileno(),)) as daemon:
            assert 1 == scrape(given.getsockname()[1])[of("workers", state="serving")]
            assert daemon.stop() == 0
    missing = "fd:metrics: systemd handed down no socket of this name (FileDescriptorName=), none at all"
    assert (69, f"relaymilter: --metrics: {missing}\n") == output_of(
        "-p", f"unix:{folder}/s", "--metrics", "fd:metrics"
    )


def test_a_port_in_use(folder: Path) -> None:
    """It does not start, says which flag names it, and leaves nothing behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert (69, f"relaymilter: --metrics: inet:{port}@127.0.0.1: Address already in use\n") == output_of(
            "-p", f"unix:{folder}/s", *metrics(port)
        )
    assert [] == [*folder.iterdir()]


def test_another_listener_needs_a_restart(folder: Path) -> None:
    """A reload says so, and the one that there is goes on."""
    port, other = free_port(), free_port()
    text = 'local-domain = ["example.org"]\nmetrics = "inet:{}@127.0.0.1"\n'
    (folder / "r.toml").write_text(text.format(port))
    with Daemon(folder, "-c", "r.toml", "--watch", "0") as daemon:
        (folder / "r.toml").write_text(text.format(other))
        daemon.tell(signal.SIGHUP)
        daemon.wait_log("metrics has changed, and stays as it was until a restart")
        assert 1 == scrape(port)[of("workers", state="wanted")]


def test_sessions_on_one_connection(folder: Path) -> None:
    """Each is counted, and one at a time is open."""
    with Scraped(folder) as daemon, daemon.session() as mta:
        for _ in range(3):
            mta.quit_nc()
            mta.connect("203.0.113.8")
        mta.mail()
        mta.rcpt(b"<v@example.com>")
        found = daemon.scrape()
        assert (4, 1) == (found[of("sessions_total")], found[of("sessions_open")])
