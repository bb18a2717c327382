"""Maps of Postfix: which are read and which are asked, what is a key, and a postmap that does not do its work."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from relaymilter.files.reading import noted
from relaymilter.lookups import waiting
from relaymilter.policy.ports import LookupFailed, Table
from relaymilter.tables import postmap
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import Loaded, TableError
from tests.rig.postmap import configured, postfix_commands, why_no_postmap

from .kinds.postfix import settle, write_patterns, write_source, write_sqlite

WAIT = 60.0
"""What no test takes."""


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Path]:
    """The configuration of the postmap that is on PATH."""
    if reason := why_no_postmap():
        pytest.skip(reason)
    with postfix_commands(tmp_path) as folder:
        yield folder


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is PATH, with a postconf that knows pcre."""
    folder = tmp_path / "fake"
    folder.mkdir()
    program(folder / "postconf", "echo pcre")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    (tmp_path / "map").touch()
    return folder


def program(path: Path, script: str) -> None:
    """A command that does this."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def loaded(text: str) -> Loaded:
    """A map that is read."""
    table = open_table(text)
    assert isinstance(table, Loaded)
    return table


def asked(text: str) -> Table:
    """A map that is asked."""
    table = open_table(text)
    assert not isinstance(table, Loaded)
    assert table.waits
    return table


def keys(table: Loaded) -> list[str]:
    """Its keys."""
    return sorted(entry.key for entry in table.entries)


def refused(text: str) -> str:
    """Why it cannot be opened, or read."""
    with pytest.raises(TableError) as error:
        keys(loaded(text))
    return str(error.value)


def failure(table: Table, key: str = "example.org") -> str:
    """Why it cannot tell."""
    with pytest.raises(LookupFailed) as error:
        table.find(key)
    return str(error.value)


# What is opened


@pytest.mark.usefixtures("conf")
@pytest.mark.parametrize("type_", ["hash", "btree", "lmdb", "cdb", "texthash", "pcre", "regexp", "cidr"])
def test_missing_map(tmp_path: Path, type_: str) -> None:
    """A map that is not there is named, with the file that is missing; one that appears is noticed."""
    files: set[Path] = set()
    with noted(files):
        assert refused(f"postfix:{type_}:{tmp_path}/none").endswith(": No such file or directory")
    assert any(str(path).startswith(f"{tmp_path}/none") for path in files)


@pytest.mark.usefixtures("conf")
def test_postmap_was_not_run(tmp_path: Path) -> None:
    """Where only the source of a map is there, the message says what to do."""
    source = tmp_path / "map"
    source.write_text("example.org OK\n")
    assert refused(f"postfix:hash:{source}") == f"{source}.db: No such file or directory: run postmap hash:{source}"


@pytest.mark.usefixtures("conf")
def test_map_older_than_its_source(tmp_path: Path) -> None:
    """A source that was changed after postmap was run is told of; what counts is the map."""
    source = tmp_path / "map"
    write_source(source, "hash", {"example.org": "OK"})
    source.write_text("example.net OK\n")
    os.utime(f"{source}.db", (0, 0))
    table = loaded(f"postfix:hash:{source}")
    expected = f"{source} was changed after {source}.db was made of it: run postmap hash:{source}"
    assert [(0, expected)] == [*table.notes]
    assert ["example.org"] == keys(table)


@pytest.mark.usefixtures("conf")
def test_files_of_a_map(tmp_path: Path) -> None:
    """A map that was made of another file is read from both, for watching."""
    source = tmp_path / "map"
    write_source(source, "hash", {"example.org": "OK"})
    assert loaded(f"postfix:hash:{source}").files == (tmp_path / "map.db", source)
    source.unlink()
    assert loaded(f"postfix:hash:{source}").files == (tmp_path / "map.db",)


@pytest.mark.usefixtures("conf")
@pytest.mark.parametrize(
    ("type_", "file", "content"),
    [("hash", "map.db", os.urandom(8192)), ("lmdb", "map.lmdb", b"garbage\n" * 4000)],
    ids=["hash", "lmdb"],
)
def test_broken_map(tmp_path: Path, type_: str, file: str, content: bytes) -> None:
    """A map that is none cannot be read; it is not empty."""
    (tmp_path / file).write_bytes(content)
    assert refused(f"postfix:{type_}:{tmp_path}/map").startswith("postmap: ")


@pytest.mark.usefixtures("conf")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hash", "postfix:hash names no map: give postfix:TYPE:NAME, such as postfix:hash:/etc/postfix/domains"),
        ("hash:", "names no map"),
        ("exact:/etc/postfix:hash", "names no map"),
        ("hsah:/x", "'hsah' is no type of a map that can be asked: did you mean hash?"),
        ("zzzzzz:/x", "'zzzzzz' is no type of a map that can be asked: there are btree, cdb, cidr, "),
        ("static:all", "a map of the type static has every key: it would open the relay"),
        ("proxy:static:all", "static has every key"),
        ("randmap:{a, b}", "randmap has every key"),
        ("nisplus:x", "this Postfix has no maps of the type nisplus; Debian packages many apart"),
        ("hash:/x\0y", "null"),
    ],
)
def test_no_such_map(name: str, words: str) -> None:
    """What names no map that can be read or asked is refused, with what is wrong."""
    assert words in refused(f"postfix:{name}")


def test_no_postmap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Postfix the message says so; and once a map is asked, that is no answer."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postmap, "_WHERE_ELSE", ())
    (tmp_path / "map").touch()
    assert refused(f"postfix:texthash:{tmp_path}/map") == "postmap: there is no postmap, which is a part of Postfix"
    assert refused(f"postfix:pcre:{tmp_path}/map") == "postconf: there is no postconf, which is a part of Postfix"


def test_map_that_everyone_may_write(fake: Path, tmp_path: Path) -> None:
    """Of a map that is asked, too, the file is looked at."""
    (tmp_path / "map").chmod(0o666)
    assert "everyone may write it" in refused(f"postfix:pcre:{tmp_path}/map")


# What is a key


@pytest.mark.usefixtures("conf")
def test_keys_are_folded(tmp_path: Path) -> None:
    """postmap makes keys lower case."""
    write_source(tmp_path / "map", "hash", {"Example.ORG": "OK"})
    assert ["example.org"] == keys(loaded(f"postfix:hash:{tmp_path}/map"))


ODD_KEYS = ("-", "--", "-q", "-v", "=", "a b", "#a", "'", '"', "a\\b", "$(id)", "bücher.example", "%s", "*")


@pytest.mark.usefixtures("conf")
@pytest.mark.parametrize("type_", ["pcre", "sqlite"])
def test_odd_keys(tmp_path: Path, type_: str) -> None:
    """A key is a key, whatever postmap or a shell would make of it; only it is found."""
    write = {"pcre": write_patterns, "sqlite": write_sqlite}[type_]
    for present in (ODD_KEYS[::2], ODD_KEYS[1::2]):
        folder = tmp_path / present[0]
        folder.mkdir()
        write(folder / "map", type_, {key: f"value of {key}" for key in present})
        table = asked(f"postfix:{type_}:{folder}/map")
        assert {key: f"value of {key}" if key in present else None for key in ODD_KEYS} == {
            key: table.find(key) for key in ODD_KEYS
        }


@pytest.mark.usefixtures("conf")
def test_keys_that_cannot_be(tmp_path: Path) -> None:
    """A line feed does not end a key, NUL does not either, and no map has a key that is not UTF-8."""
    write_patterns(tmp_path / "map", "pcre", {"example.org": "OK", "-": "OK"})
    table = asked(f"postfix:pcre:{tmp_path}/map")
    for key in ("example.org\nx", "x\nexample.org", "-\n-", "example.org\0", "\0example.org", "example.org\udce9", ""):
        assert table.find(key) is None


@pytest.mark.usefixtures("conf")
def test_values(tmp_path: Path) -> None:
    """A value may be long, have line feeds or blanks at its end, or begin as a key does."""
    values = {"a": "-\tb", "b": "c\n\nd", "c": " e ", "d": "f" * 30_000, "-": "-\tg"}
    write_sqlite(tmp_path / "map", "sqlite", values)
    table = asked(f"postfix:sqlite:{tmp_path}/map")
    assert values == {key: table.find(key) for key in values}


KEYS = {
    "example.org": "x",
    ".example.net": "x",
    "alice@example.com": "x",
    "bob": "x",
    "192.0.2.7": "x",
    "192.0.2.0/24": "x",
    "2001:db8::7": "x",
}


@pytest.mark.usefixtures("conf")
@pytest.mark.parametrize(
    ("word", "sort", "expected"),
    [
        ("exact", "domain", ["bob", "example.org"]),
        ("parents", "domain", [".bob", ".example.org", "bob", "example.org"]),
        ("exact", "network", ["192.0.2.7", "2001:db8::7"]),
    ],
)
def test_keys_that_mean_nothing(tmp_path: Path, word: str, sort: str, expected: list[str]) -> None:
    """`exact:` and `parents:` take of a map that is read what Postfix would find."""
    source = tmp_path / "map"
    write_source(source, "hash", KEYS)
    for text in (f"postfix:{word}:hash:{source}", f"postfix:{word}:proxy:hash:{source}"):
        table = loaded(text)
        assert table.only is not None
        assert expected == keys(table.only(sort))  # type: ignore[arg-type]


@pytest.mark.usefixtures("conf")
def test_asked_as_postfix_asks(tmp_path: Path) -> None:
    """Of what is asked, a parent is the key as it is, no key, or the domain, as the word before the type says."""
    write_source(tmp_path / "map", "cdb", {"example.org": "plain", ".example.net": "dot"})
    questions = ("example.org", ".example.org", "example.net", ".example.net")
    answers = {
        word: [asked(f"postfix:{word}cdb:{tmp_path}/map").find(key) for key in questions]
        for word in ("", "exact:", "parents:")
    }
    assert answers == {
        "": ["plain", None, None, "dot"],
        "exact:": ["plain", None, None, None],
        "parents:": ["plain", "plain", None, None],
    }


@pytest.mark.usefixtures("conf")
@pytest.mark.parametrize("word", ["", "exact:", "parents:"])
def test_patterns_are_asked_for_whole_names(tmp_path: Path, word: str) -> None:
    """A pattern that would match the parent of a name is not asked for it."""
    path = tmp_path / "map"
    path.write_text("/example\\.org$/ OK\n")
    settle(path)
    table = asked(f"postfix:{word}pcre:{path}")
    assert ("OK", None, None) == (table.find("a.example.org"), table.find(".example.org"), table.find(".org"))


def test_another_postfix(conf: Path, tmp_path: Path) -> None:
    """A folder before the type is the configuration with which postmap reads, and asks."""
    write_source(tmp_path / "map", "cdb", {"example.org": "OK"})
    write_source(tmp_path / "list", "texthash", {"example.org": "OK"})
    other = configured(tmp_path / "other")
    (conf / "main.cf").unlink()
    assert "main.cf" in refused(f"postfix:texthash:{tmp_path}/list")
    assert ["example.org"] == keys(loaded(f"postfix:{other}:texthash:{tmp_path}/list"))
    assert asked(f"postfix:exact:{other}:cdb:{tmp_path}/map").find("example.org") == "OK"


def test_inline_map() -> None:
    """An inline map needs no Postfix."""
    assert ["a.test", "b.test"] == keys(loaded("postfix:inline:{ a.test=1, {b.test = 2, 3} }"))


# Networks


def test_cidr(tmp_path: Path) -> None:
    """A cidr file is read as its networks, with comments, brackets and lines that go on."""
    path = tmp_path / "map"
    path.write_text("# comment\n192.0.2.0/24 OK\n\n[2001:db8::]/32\tone\n  two\n  # no end\n198.51.100.7  OK\n")
    found = [*loaded(f"postfix:cidr:{path}").entries]
    assert found == [(2, "192.0.2.0/24", "OK"), (4, "2001:db8::/32", "one two"), (7, "198.51.100.7", "OK")]


def test_cidr_in_place() -> None:
    """Rules may stand in the name."""
    table = loaded("postfix:cidr:{ {192.0.2.0/24 OK}, {2001:db8::/32 OK} }")
    assert ["192.0.2.0/24", "2001:db8::/32"] == keys(table)


def test_cidr_without_result(tmp_path: Path) -> None:
    """A line without a result is skipped, as Postfix does, and told of."""
    path = tmp_path / "map"
    path.write_text("192.0.2.0/24\n198.51.100.0/24 OK\n")
    table = loaded(f"postfix:cidr:{path}")
    assert ["198.51.100.0/24"] == keys(table)
    assert [1] == [note.number for note in table.notes]


@pytest.mark.parametrize("line", ["if 192.0.2.0/24", "IF !192.0.2.0/24", "endif", "!192.0.2.0/24 OK", "! 192.0.2.1 OK"])
def test_cidr_that_is_no_list(tmp_path: Path, line: str) -> None:
    """What stands for all other addresses, or for some under a condition, is refused by its line."""
    path = tmp_path / "map"
    path.write_text(f"198.51.100.0/24 OK\n{line}\n")
    assert refused(f"postfix:cidr:{path}").startswith(f"{path}:2: ")


# A postmap that does not do its work


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("printf OK", "postmap prints no value, but b'OK'"),
        ("true", "postmap prints no value, but b''"),
        ("kill -9 $$", "postmap was killed by signal 9"),
        ("exit 2", "postmap: no word of explanation (exit status 2)"),
        ("echo OK; exit 1", "(exit status 1)"),
        ("echo 'postmap: fatal: no, really' >&2; exit 1", "postmap: no, really (exit status 1)"),
        ("echo 'postmap: warning: pcre map /x, line 2: skipping this rule' >&2; exit 1", "skipping this rule"),
        ("echo segmentation >&2; exit 1", "segmentation"),
    ],
)
def test_bad_postmap(fake: Path, tmp_path: Path, script: str, words: str) -> None:
    """What is neither a value nor a clear no is no answer."""
    program(fake / "postmap", script)
    assert words in failure(asked(f"postfix:pcre:{tmp_path}/map"))


@pytest.mark.parametrize(
    "warning",
    [
        "postmap: warning: /etc/postfix/main.cf, line 13: overriding earlier entry: mynetworks=127.0.0.0/8",
        "postmap: warning: database /x.db is older than source file /x",
    ],
)
def test_harmless_warning(fake: Path, tmp_path: Path, warning: str) -> None:
    """A warning that says nothing of the question takes nothing away from a no."""
    program(fake / "postmap", f"echo '{warning}' >&2; exit 1")
    assert asked(f"postfix:pcre:{tmp_path}/map").find("example.org") is None


def test_postmap_that_hangs(fake: Path, tmp_path: Path) -> None:
    """It is given up when the decision's time is over, killed, and asked again the next time."""
    program(fake / "postmap", f"echo $$ >{tmp_path}/pid; exec sleep {WAIT:g}")
    table = asked(f"postfix:pcre:{tmp_path}/map")
    with waiting.allowing(time.monotonic() + 0.2):
        assert failure(table) == "postmap: no answer within 0.2 s"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    program(fake / "postmap", "echo OK")
    assert table.find("example.org") == "OK"


def test_postmap_that_is_gone(fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Postfix may be removed while we run."""
    monkeypatch.setattr(postmap, "_WHERE_ELSE", ())
    table = asked(f"postfix:pcre:{tmp_path}/map")
    assert failure(table) == "postmap: there is no postmap, which is a part of Postfix"


def test_key_that_is_too_long(fake: Path, tmp_path: Path) -> None:
    """What the kernel does not take as an argument is no answer."""
    program(fake / "postmap", "exit 1")
    assert failure(asked(f"postfix:pcre:{tmp_path}/map"), "x" * 200_000) == "postmap: Argument list too long"


@pytest.mark.parametrize("script", ["echo no tab", "printf 'a\\tb\\n'; exit 1", "printf 'a\\tb\\nc\\n'", "kill -9 $$"])
def test_list_that_is_none(fake: Path, tmp_path: Path, script: str) -> None:
    """A list that ends badly, or is none, is no part of one."""
    program(fake / "postmap", script)
    assert refused(f"postfix:texthash:{tmp_path}/map").startswith("postmap")


@pytest.mark.usefixtures("conf")
def test_many_threads(tmp_path: Path) -> None:
    """Sixteen ask at once, and each has its own answer."""
    entries = {f"d{number}.test": f"v{number}" for number in range(64)}
    write_source(tmp_path / "map", "cdb", entries)
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(asked(f"postfix:cdb:{tmp_path}/map").find, [*entries, "none.test"])
        assert [*answers] == [*entries.values(), None]
