"""What a large policy takes, and that a reload gives back what the old one took."""

from __future__ import annotations

from pathlib import Path

from tests.rig import wait_for

from .process import Daemon
from .test_reload import reload

DOMAINS = 300_000


def mib(pid: int, what: str = "Rss") -> float:
    """Of this process, now."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return int(dict(line.split(":", 1) for line in lines)[what].split()[0]) / 1024


def written(path: Path, word: str) -> None:
    """A list of very many domains."""
    path.write_text("".join(f"{word}-{number:07}.example.org\n" for number in range(DOMAINS)))


def test_reloads(folder: Path, runtime: tuple[str, str]) -> None:
    """However often very many domains are replaced, parent and worker have one set of them in memory, and share it."""
    domains = folder / "domains"
    written(domains, "a")
    flags = ("--log-decisions", "none", "--watch", "0", "--local-domain", f"file:{domains}")
    with Daemon(folder, *runtime, *flags) as daemon:
        assert daemon.ask(b"<v@a-0000007.example.org>") == "continue"
        (worker,) = daemon.workers()
        before = mib(daemon.pid), mib(worker)
        for word in "bcd":
            written(domains, word)
            reload(daemon)
        wait_for(lambda: len(daemon.workers()) == 1, "the old workers end")
        assert daemon.ask(b"<v@d-0000007.example.org>") == "continue"
        (worker,) = daemon.workers()
        after = mib(daemon.pid), mib(worker)
        # A set of them takes 9 MiB, as a frozenset 45.
        assert [now - then < 15 for now, then in zip(after, before, strict=True)] == [True, True]
        assert after[1] < 100
        assert mib(worker, "Private_Dirty") < after[1] / 2
        assert daemon.stop() == 0
