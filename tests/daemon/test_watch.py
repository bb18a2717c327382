"""Files are read again when they have changed and settled: whole, at once, and without a word from anyone."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, Reading, read
from relaymilter.daemon.failures import WorkerFailed
from relaymilter.daemon.opened import Opened
from relaymilter.daemon.supervisor import Supervisor
from relaymilter.daemon.watch import TRIES, Watch, look, read_steadily
from relaymilter.daemon.worker import Worker
from tests.rig import wait_for
from tests.rig.postmap import postfix_commands, why_no_postmap

from .process import DENIED, Daemon, asking

WATCH = ("--watch", "0.2")
REFUSED = "ERROR: reload: refused; the old policy stays"


def replace(path: Path, text: str) -> None:
    """By another file of that name."""
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


def rewrite(path: Path, text: str) -> None:
    """In place, to a file of the same size or another."""
    path.write_text(text)


def away_and_back(path: Path, text: str) -> None:
    """For a moment there is no file."""
    path.unlink()
    path.with_name("new").write_text(text)
    path.with_name("new").rename(path)


def another_target(path: Path, text: str) -> None:
    """The file is a link, and gets another target, which is older."""
    target = path.with_name(f"target-{text.strip()}")
    target.write_text(text)
    os.utime(target, (1, 1))
    link = path.with_name("link")
    link.symlink_to(target)
    link.replace(path)


@pytest.mark.parametrize("change", [replace, rewrite, away_and_back, another_target])
def test_changed_list(folder: Path, runtime: tuple[str, str], change: Callable[[Path, str], None]) -> None:
    """A list that has changed, in whatever way, is read again; a session begun before keeps the old policy."""
    domains = folder / "domains"
    change(domains, "a.test\n") if change is not away_and_back else domains.write_text("a.test\n")
    with Daemon(folder, *runtime, *WATCH, "--local-domain", f"file:{domains}") as daemon, daemon.session() as before:
        assert daemon.ask(b"<v@a.test>") == "continue"
        change(domains, "b.test\n")
        daemon.wait_log("reloaded")
        assert f"INFO: {domains} changed\n" in daemon.log
        assert daemon.ask(b"<v@b.test>") == "continue"
        assert daemon.ask(b"<v@a.test>") != "continue"
        assert before.rcpt(b"<v@a.test>") == "continue"
        before.quit()
        assert daemon.stop() == 0


def test_changed_configuration(folder: Path) -> None:
    """So is the configuration file; with 0 nothing is looked at any more."""
    path = folder / "r.toml"
    path.write_text('local-domain = ["a.test"]\nwatch = 0.2\n')
    with Daemon(folder, "-c", "r.toml") as daemon:
        replace(path, 'local-domain = ["b.test"]\nwatch = 0\n')
        daemon.wait_log("reloaded")
        assert daemon.ask(b"<v@b.test>") == "continue"
        replace(path, 'local-domain = ["c.test"]\nwatch = 0\n')
        time.sleep(0.7)
        assert daemon.log.count("reloaded") == 1


def test_broken_file(folder: Path, runtime: tuple[str, str]) -> None:
    """A file that is broken, or missing, leaves the policy as it was, which is said once; its repair is taken."""
    domains = folder / "domains"
    domains.write_text("a.test\n")
    with Daemon(folder, *runtime, *WATCH, "--local-domain", f"file:{domains}") as daemon:
        replace(domains, "*.test\n")
        daemon.wait_log(REFUSED)
        assert daemon.ask(b"<v@a.test>") == "continue"
        domains.unlink()
        daemon.wait_log(REFUSED, 2)
        assert f"{domains}: No such file or directory\n" in daemon.log
        time.sleep(1)
        assert daemon.log.count(REFUSED) == 2
        domains.write_text("b.test\n")
        daemon.wait_log("reloaded")
        assert daemon.ask(b"<v@b.test>") == "continue"
        assert daemon.ask(b"<v@a.test>") == DENIED._replace(text="<v@a.test>: Relay access denied")


def test_repair_of_a_file_that_is_new(folder: Path) -> None:
    """A file that the configuration names anew, and that is not there yet, is taken when it comes."""
    (folder / "r.toml").write_text('local-domain = ["a.test"]\n')
    with Daemon(folder, "-c", "r.toml", *WATCH) as daemon:
        replace(folder / "r.toml", f'local-domain = ["file:{folder}/domains"]\n')
        daemon.wait_log(REFUSED)
        assert daemon.ask(b"<v@a.test>") == "continue"
        (folder / "domains").write_text("b.test\n")
        daemon.wait_log("reloaded")
        assert daemon.ask(b"<v@b.test>") == "continue"
        assert daemon.log.count(REFUSED) == 1


def test_change_of_a_file_that_is_new(folder: Path) -> None:
    """A file that a reload has read for the first time is looked at as those of the start are."""
    (folder / "domains").write_text("b.test\n")
    (folder / "r.toml").write_text('local-domain = ["a.test"]\n')
    with Daemon(folder, "-c", "r.toml", *WATCH) as daemon:
        replace(folder / "r.toml", f'local-domain = ["file:{folder}/domains"]\n')
        daemon.wait_log("reloaded")
        replace(folder / "domains", "c.test\n")
        daemon.wait_log("reloaded", 2)
        assert daemon.ask(b"<v@c.test>") == "continue"


def test_change_of_a_file_that_is_old(folder: Path) -> None:
    """A file that is no longer read is not looked at any more: of both changes only one is seen."""
    (folder / "domains").write_text("a.test\n")
    (folder / "r.toml").write_text(f'local-domain = ["file:{folder}/domains"]\n')
    with Daemon(folder, "-c", "r.toml", *WATCH) as daemon:
        replace(folder / "r.toml", 'local-domain = ["b.test"]\n')
        daemon.wait_log("reloaded")
        replace(folder / "domains", "c.test\n")
        replace(folder / "r.toml", 'local-domain = ["d.test"]\n')
        daemon.wait_log("reloaded", 2)
        assert daemon.ask(b"<v@d.test>") == "continue"
        assert f"{folder}/domains" not in daemon.log


def test_files_of_settings_that_do_not_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no worker lives with what was read, a change of any file of it is worth another try."""
    (tmp_path / "domains").write_text("a.test\n")
    old, new = (read(Flags({"local-domain": (name,)})) for name in ("a.test", f"file:{tmp_path}/domains"))
    supervisor = Supervisor(old, lambda: new, Opened((), None, None), Watch({}))

    def fails(*_: object) -> Worker:
        raise WorkerFailed("it ended", 70)

    monkeypatch.setattr(supervisor.workers, "start", fails)
    assert supervisor.reload().status == os.EX_UNAVAILABLE
    assert tmp_path / "domains" in supervisor.watch.files


def test_file_that_never_settles(folder: Path) -> None:
    """A file that changes at every look is not read, which is said once."""
    domains = folder / "domains"
    domains.write_text("a.test\n")
    with Daemon(folder, "--watch", "0.1", "--local-domain", f"file:{domains}") as daemon:

        def said() -> bool:
            domains.write_text("b.test\n")
            return "WARNING: files change at every look" in daemon.log

        wait_for(said, "it is said")
        daemon.wait_log("reloaded")
        assert daemon.log.count("WARNING") == 1


LINES = 40_000


def generation(name: str) -> str:
    """A list all of whose entries are of one generation."""
    return "".join(f"{name}{number}.test\n" for number in range(LINES))


def known_ends(daemon: Daemon) -> tuple[bool, ...]:
    """Whether the first and the last entry of generation a, and those of b, are local, asked in one session."""
    asked = [f"<v@{name}{number}.test>".encode() for name in "ab" for number in (0, LINES - 1)]
    with daemon.session() as mta:
        known = tuple(mta.rcpt(path) == "continue" for path in asked)
        mta.quit()
    return known


def test_never_half_a_file(folder: Path, runtime: tuple[str, str]) -> None:
    """While a writer rewrites a list in place, by halves and with a pause, every answer is by one generation or none.

    The list is larger than what is written at once, so that it can be read torn, too.
    """
    domains = folder / "domains"
    domains.write_text(generation("a"))
    quiet = ("--log-decisions", "none")
    with Daemon(folder, *runtime, *quiet, "--watch", "1", "--local-domain", f"file:{domains}") as daemon:
        with asking(lambda: known_ends(daemon), threads=2) as answers:
            for count, name in enumerate("ba", 1):
                text = generation(name)
                with domains.open("w") as file:
                    for at in range(0, len(text), 1 + len(text) // 6):
                        file.write(text[at : at + 1 + len(text) // 6])
                        file.flush()
                        time.sleep(0.12)
                daemon.wait_log("reloaded", count)
        assert daemon.stop() == 0
    assert {*answers} == {(True, True, False, False), (False, False, True, True)}


def test_map_of_postfix(folder: Path) -> None:
    """A map that postmap builds anew, in place, is read when it is whole."""
    if reason := why_no_postmap():
        pytest.skip(reason)

    def postmap(name: str) -> None:
        (folder / "map").write_text("".join(f"{name}{number}.test x\n" for number in range(LINES)))
        subprocess.run(["postmap", f"hash:{folder}/map"], check=True, timeout=30)

    flags = ("--log-decisions", "none", "--watch", "0.3", "--local-domain", f"postfix:hash:{folder}/map")
    with postfix_commands(folder):
        postmap("a")
        with Daemon(folder, *flags) as daemon:
            with asking(lambda: known_ends(daemon), threads=1) as answers:
                postmap("b")
                daemon.wait_log("reloaded")
                assert daemon.ask(b"<v@b0.test>") == "continue"
            assert daemon.stop() == 0
    assert {*answers} <= {(True, True, False, False), (False, False, True, True)}


def reading(path: Path, meanwhile: Callable[[], None]) -> Callable[[], Reading]:
    """What reads a list, while something happens."""

    def really() -> Reading:
        found = read(Flags({"local-domain": (f"file:{path}",)}))
        meanwhile()
        return found

    return really


@pytest.mark.parametrize("known", [True, False], ids=["a reload", "the start"])
def test_changed_while_it_is_read(tmp_path: Path, known: bool) -> None:
    """A file that changes while it is read is read again, until it does not."""
    path = tmp_path / "domains"
    path.write_text("a.test\n")
    changes: Iterator[str] = iter(["b.test\n", "c.test\n"])

    def change() -> None:
        for text in changes:
            path.write_text(text)
            return

    found, seen = read_steadily(reading(path, change), [path] if known else ())
    assert found.settings.policy.local.domains.known == {"c.test"}
    assert seen == look([path])


def test_never_the_same(tmp_path: Path) -> None:
    """A file that changes with every try is a mistake."""
    path = tmp_path / "domains"
    texts = iter([f"d{number}.test\n" for number in range(TRIES + 1)])
    path.write_text(next(texts))
    with pytest.raises(ConfigError, match=f"^{path}: it changes while it is read$") as refused:
        read_steadily(reading(path, lambda: rewrite(path, next(texts))))
    assert refused.value.files == {path}


def test_settled(tmp_path: Path) -> None:
    """A change counts once it has been the same at two looks in a row, and is told until it has been tried."""
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("1")
    watch = Watch(look([path, other]))
    assert watch.changed() == []
    path.write_text("22")
    assert watch.changed() == []
    path.write_text("333")
    assert watch.changed() == []
    assert watch.changed() == [path]
    watch.tried()
    assert watch.changed() == []
    other.write_text("1")
    assert [watch.changed(), watch.changed()] == [[], [other]]


def test_added(tmp_path: Path) -> None:
    """A file of which it is not sure what was read counts as changed."""
    old, new, none = tmp_path / "old", tmp_path / "new", tmp_path / "none"
    old.write_text("1")
    since = os.stat(old).st_ctime + 0.001
    while time.time() < since + 0.02:
        time.sleep(0.01)
    new.write_text("1")
    watch = Watch({})
    watch.add([old, new, none], since)
    assert watch.files == {old, new, none}
    assert [watch.changed(), watch.changed()] == [[], [new]]
