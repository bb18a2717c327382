"""`redis:` and `valkey:` on a real server: what is no answer, TLS, users, servers that fail."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.redis import RedisTable
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import TableError
from tests.rig.daemon import ROOT
from tests.rig.folders import open_folder
from tests.servers import redis, slapd
from tests.servers.redis import PASSWORD, READER, READER_PASSWORD, Redis

from .kinds.ldap import described

Open = Callable[..., RedisTable]


@pytest.fixture(scope="module")
def server() -> Redis:
    """The server, with a set, a hash and a list."""
    server = redis.shared()
    server.start()
    server.client.sadd("names", "example.org", b"\xff", "a\r\nb")
    server.client.hset("values", mapping={"example.org": "OK", "empty": "", "latin": b"caf\xe9", "a\r\nb": "c"})
    server.client.rpush("list", "example.org")
    return server


@pytest.fixture
def opened(server: Redis, tmp_path: Path) -> Open:
    """What opens a table; its description has these values and, if nothing else is said, a URL and a password."""

    def open_described(**values: str) -> RedisTable:
        path = described(tmp_path, **{"url": server.unix, "password": PASSWORD, **values})
        path.write_text(path.read_text().replace("'0'", "0").replace("'1'", "1").replace("'-1'", "-1"))
        table = open_table(f"redis:{path}")
        assert isinstance(table, RedisTable)
        return table

    return open_described


@pytest.mark.parametrize(
    ("kind", "name", "key", "value"),
    [
        pytest.param("set", "names", "example.org", "", id="member"),
        pytest.param("set", "names", "example.com", None, id="no member"),
        pytest.param("set", "names", "EXAMPLE.ORG", None, id="other case"),
        pytest.param("set", "names", "\udcff", "", id="a byte that is no UTF-8"),
        pytest.param("set", "names", "a\r\nb", "", id="line break"),
        pytest.param("set", "names", "", None, id="empty key"),
        pytest.param("hash", "values", "example.org", "OK", id="field"),
        pytest.param("hash", "values", "example.com", None, id="no field"),
        pytest.param("hash", "values", "empty", "", id="empty value"),
        pytest.param("hash", "values", "latin", "caf\ufffd", id="value that is no UTF-8"),
        pytest.param("hash", "values", "example.org\r\nGET x", None, id="a command"),
    ],
)
def test_what_an_answer_is(opened: Open, kind: str, name: str, key: str, value: str | None) -> None:
    """A member of the set, or the value of a field; keys are compared octet by octet."""
    assert value == opened(**{kind: name}).find(key)


@pytest.mark.parametrize(("kind", "name"), [("set", "values"), ("hash", "names"), ("set", "list"), ("hash", "list")])
def test_another_type_is_no_answer(opened: Open, kind: str, name: str) -> None:
    """A key of Redis that holds something else is a mistake."""
    with pytest.raises(LookupFailed, match="WRONGTYPE"):
        opened(**{kind: name}).find("example.org")


@pytest.mark.parametrize("kind", ["set", "hash"])
def test_a_missing_set_is_no_answer(opened: Open, server: Redis, kind: str) -> None:
    """A server that was emptied, or another database of it, does not know what is absent."""
    with pytest.raises(LookupFailed, match="there is no 'missing' on the server"):
        opened(**{kind: "missing"}).find("example.org")
    with pytest.raises(LookupFailed, match="there is no 'names' on the server"):
        opened(set="names", db="1").find("example.org")
    assert "" == opened(set="names", db="0").find("example.org")


@pytest.mark.parametrize("text", ["{}", "{}/0"])
def test_the_database_may_be_in_the_url(opened: Open, server: Redis, text: str) -> None:
    """As in other programs."""
    table = opened(url=text.format(server.tls), tls_ca=str(server.authority), set="names")
    assert "" == table.find("example.org")


def test_a_wrong_password_is_no_answer(opened: Open) -> None:
    """And it is not told."""
    table = opened(set="names", password="mistaken")
    with pytest.raises(LookupFailed, match="invalid username-password pair") as failure:
        table.find("example.org")
    assert "mistaken" not in str(failure.value) + repr(table)


def test_no_password_is_no_answer(server: Redis, tmp_path: Path) -> None:
    """Where one is needed."""
    table = open_table(f"redis:{described(tmp_path, url=server.unix, set='names')}")
    assert isinstance(table, RedisTable)
    with pytest.raises(LookupFailed, match="[Aa]uthenticat"):
        table.find("example.org")


def test_a_user_needs_little(opened: Open, server: Redis) -> None:
    """One who may only look up can; what it may not do is no answer."""
    login = {"user": READER, "password": READER_PASSWORD}
    assert "" == opened(set="names", **login).find("example.org")
    assert None is opened(hash="values", **login).find("example.com")
    server.client.execute_command("ACL", "SETUSER", "poor", "on", ">poor", "~other", "+sismember")
    with pytest.raises(LookupFailed, match="[Nn]o permission|NOPERM"):
        opened(set="names", user="poor", password="poor").find("example.org")


@pytest.fixture(scope="module")
def stranger() -> Iterator[Path]:
    """The certificate of somebody else."""
    with open_folder() as folder:
        yield slapd.certificate(folder, "stranger")


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_the_right_authority_is_trusted(opened: Open, server: Redis, scheme: str) -> None:
    """By either name of the protocol."""
    url = server.tls.replace("rediss", scheme)
    assert "" == opened(url=url, tls_ca=str(server.authority), set="names").find("example.org")


@pytest.mark.parametrize("how", ["stranger", "system", "name"])
def test_no_other_certificate_is_trusted(opened: Open, server: Redis, stranger: Path, how: str) -> None:
    """Of another authority, of none that the system knows, or for another name of the host."""
    values = {
        "stranger": {"url": server.tls, "tls_ca": str(stranger)},
        "system": {"url": server.tls},
        "name": {"url": server.tls.replace("127.0.0.1", "localhost"), "tls_ca": str(server.authority)},
    }
    with pytest.raises(LookupFailed, match="CERTIFICATE_VERIFY_FAILED|certificate"):
        opened(set="names", **values[how]).find("example.org")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({}, "give set", id="neither"),
        pytest.param({"set": "x", "hash": "y"}, "give set", id="both"),
        pytest.param({"set": ""}, "give set", id="empty set"),
        pytest.param({"set": "x", "url": "http://127.0.0.1"}, "begins with one of redis://", id="scheme"),
        pytest.param({"set": "x", "url": "redis://"}, "names no host", id="no host"),
        pytest.param({"set": "x", "url": "redis://127.0.0.1:port"}, "Port", id="port"),
        pytest.param({"set": "x", "url": "redis://:secret@127.0.0.1"}, "key of its own", id="password in URL"),
        pytest.param({"set": "x", "url": "redis://127.0.0.1?db=1"}, "key of its own", id="options in URL"),
        pytest.param({"set": "x", "url": "unix://run/redis.sock"}, "unix:///run", id="relative socket"),
        pytest.param({"set": "x", "url": "redis://127.0.0.1/x"}, "number of a database", id="no number"),
        pytest.param({"set": "x", "url": "redis://127.0.0.1/1", "db": "1"}, "number of a database", id="two databases"),
        pytest.param({"set": "x", "db": "-1"}, "0 or more", id="negative database"),
        pytest.param({"set": "x", "password": ""}, "must not be empty", id="empty password"),
        pytest.param({"set": "x", "user": "a", "password": ""}, "must not be empty", id="user without password"),
        pytest.param({"set": "x", "url": "redis://127.0.0.1", "tls_ca": "/dev/null"}, "no TLS", id="CA, but no TLS"),
        pytest.param(
            {"set": "x", "url": "rediss://127.0.0.1", "tls_ca": "{}/open"}, "everyone may write", id="CA of everyone"
        ),
        pytest.param({"set": "x", "url": "rediss://127.0.0.1", "tls_ca": "/nowhere"}, "no file", id="no such CA"),
        pytest.param({"set": "x", "key": "y"}, "no such key: key", id="unknown key"),
    ],
)
def test_mistakes_are_refused_at_the_start(opened: Open, tmp_path: Path, values: dict[str, str], words: str) -> None:
    """Without a connection."""
    (tmp_path / "open").touch()
    (tmp_path / "open").chmod(0o666)
    with pytest.raises(TableError, match=rf"^/.*\.toml: .*{words}") as failure:
        opened(**{key: value.replace("{}", str(tmp_path)) for key, value in values.items()})
    assert "secret" not in str(failure.value)


def test_opening_connects_to_nothing(opened: Open) -> None:
    """A server that is down keeps nothing from starting."""
    table = opened(url="redis://127.0.0.1:1", set="names")
    with pytest.raises(LookupFailed, match="refused"):
        table.find("example.org")


def test_a_server_that_was_started_again_is_asked_again(opened: Open, server: Redis) -> None:
    """The connection that it has closed costs no look-up."""
    table = opened(set="names")
    assert "" == table.find("example.org")
    server.kill()
    with pytest.raises(LookupFailed):
        table.find("example.org")
    server.start()
    assert "" == table.find("example.org")
    server.kill()
    server.start()
    assert "" == table.find("example.org")


@pytest.mark.parametrize("how", ["unix", "tls"])
def test_a_server_that_hangs_is_given_up(opened: Open, server: Redis, how: str) -> None:
    """Also one that accepts a connection and then says nothing, before TLS or in it."""
    values = {"unix": {"url": server.unix}, "tls": {"url": server.tls, "tls_ca": str(server.authority)}}
    table = opened(set="names", **values[how])
    server.hang()
    try:
        begin = time.monotonic()
        with pytest.raises(LookupFailed):
            table.find("example.org")
        assert time.monotonic() - begin < 10
    finally:
        server.resume()
    assert "" == table.find("example.org")


def test_threads_have_connections_of_their_own(opened: Open) -> None:
    """Sixteen at once get their own answers."""
    table = opened(hash="values")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(table.find, ["example.org", "empty", "nobody"] * 100))
    assert ["OK", "", None] * 100 == answers


def test_without_the_driver_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no redis-py is told how to get it."""
    for name in ("redis", "redis_server"):
        monkeypatch.delitem(sys.modules, f"relaymilter.tables.{name}")
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(TableError, match=r"apt install python3-redis, or pip install 'relaymilter\[redis\]'"):
        open_table("redis:/etc/relaymilter/redis.toml")


@pytest.mark.parametrize("kind", ["redis", "valkey"])
def test_the_example_is_accepted(tmp_path: Path, kind: str) -> None:
    """contrib/tables/redis.toml describes a table, once its password is there."""
    secret, path = tmp_path / "password", tmp_path / "redis.toml"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    text = (ROOT / "contrib" / "tables" / "redis.toml").read_text()
    path.write_text(text.replace("/etc/relaymilter/redis-password", str(secret)))
    table = open_table(f"{kind}:{path}")
    assert isinstance(table, RedisTable)
    assert (f"{kind}:{path}", "relaymilter:domains", False) == (table.name, table.collection, table.has_values)
