"""`ldap:` on a real slapd: injection, TLS, binding, what counts as an answer, servers that fail."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from relaymilter.lookups.guard import KeyFailed
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables import channel
from relaymilter.tables.ldap import LdapTable
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import TableError
from tests.rig.daemon import ROOT
from tests.rig.folders import open_folder
from tests.servers import slapd
from tests.servers.slapd import PASSWORD, READER, SUFFIX, Slapd

from .kinds.ldap import described

ODD = r"a*(b)\c/d=e,f+g"
UNIT = f"ou=unit,{SUFFIX}"

Open = Callable[..., LdapTable]


@pytest.fixture(scope="module")
def server() -> Slapd:
    """The server, with units: open to all, to READER alone, to TLS alone, and a large one."""
    server = slapd.shared()
    server.start()
    unit = server.add_unit("unit", {"example.org": "OK", "bob": "x", ODD: "odd"})
    assert UNIT == unit
    server.add(f"cn=several,{unit}", objectClass="applicationProcess", cn="several", description=["one", "two"])
    server.add(f"cn=none,{unit}", objectClass="applicationProcess", cn="none")
    elsewhere = f"ldap://127.0.0.1:1/{SUFFIX}"
    server.add(f"ou=far,{unit}", objectClass=["referral", "extensibleObject"], ou="far", ref=elsewhere)
    for name in ("secret", "encrypted"):
        server.add_unit(name, {"example.org": "OK"})
    server.add_unit("large", {f"{number}.example.org": "OK" for number in range(120)})
    return server


@pytest.fixture
def opened(server: Slapd, tmp_path: Path) -> Open:
    """What opens a table; its description has these values and, if nothing else is said, those that suit most tests."""

    def open_described(**values: str) -> LdapTable:
        usual = {"url": server.ldapi, "base": UNIT, "filter": "(cn={key})", "attribute": "description"}
        table = open_table(f"ldap:{described(tmp_path, **{**usual, **values})}")
        assert isinstance(table, LdapTable)
        return table

    return open_described


KEYS = [chr(code) for code in range(256)] + [
    "\\2a",
    "*)(cn=*",
    ")(cn=*",
    "*)(objectClass=*))(|(cn=*",
    "bob)(cn=bob",
    "\u0100",
]


@pytest.mark.parametrize(
    "filter", ["(cn={key})", "(&(objectClass=*)(|(cn={key})(cn={key}.example)))"], ids=["plain", "nested"]
)
@pytest.mark.parametrize("text", ["{}", "b{}b", "{}bob", "bob{}"])
def test_no_key_changes_the_filter(opened: Open, filter: str, text: str) -> None:
    """Every byte alone, within and around a key, and whole pieces of filters, only mean themselves."""
    table = opened(filter=filter)
    found = {key for key in KEYS if table.find(text.format(key)) is not None}
    assert found == ({"O", "o"} if text == "b{}b" else set())


def test_a_key_of_special_characters_is_found(opened: Open) -> None:
    """What is escaped is the very key: an entry with such a name is found."""
    assert "odd" == opened().find(ODD)


@pytest.mark.parametrize("key", ["", " ", " bob", "bob ", "bob\0", "b\u00adob", "bob\udcff", "b\nob", "x  y"])
def test_what_a_directory_might_not_compare_is_not_there(opened: Open, key: str) -> None:
    """Blanks and controls that a directory leaves out of the comparison make another key all the same."""
    assert None is opened().find(key)


@pytest.mark.parametrize(
    ("key", "attribute", "value"),
    [
        pytest.param("example.org", "description", "OK", id="value"),
        pytest.param("EXAMPLE.ORG", "description", "OK", id="case of a directory"),
        pytest.param("several", "description", "one, two", id="several values"),
        pytest.param("none", "description", None, id="no value"),
        pytest.param("none", "", "", id="presence"),
        pytest.param("several", "", "", id="presence, values or not"),
        pytest.param("nobody", "", None, id="no entry"),
        pytest.param("far", "", None, id="reference to another server"),
    ],
)
def test_what_an_answer_is(opened: Open, key: str, attribute: str, value: str | None) -> None:
    """The values of the attribute, if one is wanted; the mere entry, if none is."""
    assert value == opened(attribute=attribute).find(key)


def test_presence_may_be_that_of_many(opened: Open) -> None:
    """A domain is there if any entry ends with it, however many do; values of so many are no answer."""
    many = {"base": f"ou=large,{SUFFIX}", "filter": "(cn=*.{key})"}
    assert "" == opened(attribute="", **many).find("example.org")
    assert None is opened(attribute="", **many).find("example.com")
    with pytest.raises(KeyFailed, match="too wide"):
        opened(**many).find("example.org")


@pytest.mark.parametrize("filter", ["(|(cn={key})(objectClass=*))", "(!(cn={key}))", "(|(cn={key})(cn=bob))"])
@pytest.mark.parametrize("attribute", ["", "description"])
def test_a_filter_that_finds_everything_says_nothing(opened: Open, filter: str, attribute: str) -> None:
    """A filter that finds a key that nobody has would make an open relay, so it finds none."""
    with pytest.raises(LookupFailed, match="finds no-such-key"):
        opened(filter=filter, attribute=attribute).find("example.org")


@pytest.mark.parametrize(
    ("scope", "base", "value"),
    [
        ("base", f"cn=bob,{UNIT}", "x"), ("base", UNIT, None), ("one", UNIT, "x"), ("one", SUFFIX, None),
        ("sub", SUFFIX, "x"),
    ],
)  # fmt: skip
def test_the_scope_is_kept(opened: Open, scope: str, base: str, value: str | None) -> None:
    """The base alone, what is right below it, or all below it."""
    assert value == opened(scope=scope, base=base).find("bob")


def test_a_base_that_is_not_there_is_no_answer(opened: Open) -> None:
    """It is a mistake, or something that one must bind to see."""
    with pytest.raises(LookupFailed, match="No such object"):
        opened(base=f"ou=missing,{SUFFIX}").find("bob")


def test_binding_opens_what_is_secret(opened: Open) -> None:
    """With the password entries are found that are hidden from strangers."""
    base = f"ou=secret,{SUFFIX}"
    assert "OK" == opened(base=base, bind_dn=READER, password=PASSWORD).find("example.org")
    with pytest.raises(LookupFailed, match="No such object"):
        opened(base=base).find("example.org")


def test_a_wrong_password_is_no_answer(opened: Open, server: Slapd) -> None:
    """Not even where strangers may read; and it is tried at one server alone."""
    table = opened(url=f"{server.ldapi} {server.ldap}", bind_dn=READER, password="mistaken", tls="off")
    with pytest.raises(LookupFailed, match="^Invalid credentials") as failure:
        table.find("example.org")
    assert "mistaken" not in str(failure.value) + repr(table)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        pytest.param({"bind_dn": READER, "password": ""}, "bind-dn and a password", id="empty password"),
        pytest.param({"bind_dn": READER}, "bind-dn and a password", id="no password"),
        pytest.param({"password": "x"}, "bind-dn and a password", id="no name"),
        pytest.param({"bind_dn": READER, "password_env": "EMPTY"}, "bind-dn and a password", id="empty in environment"),
        pytest.param({"bind_dn": READER, "password_file": "{}/empty"}, "bind-dn and a password", id="empty file"),
        pytest.param({"filter": "(cn=example.org)"}, "no {key}", id="filter without key"),
        pytest.param({"filter": "(cn={key}"}, "is no filter", id="filter without end"),
        pytest.param({"filter": "(cn={key})(cn=x)"}, "is no filter", id="two filters"),
        pytest.param({"base": "example"}, "no distinguished name", id="base"),
        pytest.param({"scope": "subtree"}, "none of base, one, sub", id="scope"),
        pytest.param({"url": ""}, "no server", id="no URL"),
        pytest.param({"url": "http://127.0.0.1"}, "does not begin with", id="scheme"),
        pytest.param({"url": "ldap:///"}, "names no host", id="no host"),
        pytest.param({"url": "ldap://127.0.0.1/dc=example"}, "more than a host", id="URL with base"),
        pytest.param({"url": "ldap://me:secret@127.0.0.1"}, "more than a host", id="URL with password"),
        pytest.param({"url": "ldapi:///run/slapd/ldapi"}, "ldapi://%2Frun%2Fslapd%2Fldapi", id="socket with slashes"),
        pytest.param({"tls": "never"}, "none of starttls, off", id="tls"),
        pytest.param({"tls": "off"}, "for ldap:// alone", id="tls for a socket"),
        pytest.param({"url": "ldaps://127.0.0.1", "tls": "off"}, "for ldap:// alone", id="tls for ldaps"),
        pytest.param({"url": "ldap://127.0.0.1", "tls_ca": "{}/open"}, "everyone may write", id="CA of everyone"),
        pytest.param({"url": "ldap://127.0.0.1", "tls_ca": "/nowhere"}, "no file /nowhere", id="no such CA"),
        pytest.param({"url": "ldap://127.0.0.1", "tls": "off", "tls_ca": "/dev/null"}, "no TLS", id="CA, but no TLS"),
        pytest.param({"hosts": "127.0.0.1"}, "no such key: hosts", id="unknown key"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_at_the_start(
    opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, values: dict[str, str], words: str
) -> None:
    """Without a connection; and a name with an empty password, which servers let in as anonymous, is one of them."""
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "empty").chmod(0o600)
    (tmp_path / "open").touch()
    (tmp_path / "open").chmod(0o666)
    with pytest.raises(TableError, match=rf"^/.*\.toml: .*{words}"):
        opened(**{key: value.replace("{}", str(tmp_path)) for key, value in values.items()})


def test_opening_connects_to_nothing(opened: Open) -> None:
    """A directory that is down keeps nothing from starting."""
    table = opened(url="ldap://127.0.0.1:1")
    with pytest.raises(LookupFailed, match="refused"):
        table.find("example.org")


@pytest.fixture(scope="module")
def stranger() -> Iterator[Path]:
    """The certificate of somebody else."""
    with open_folder() as folder:
        yield slapd.certificate(folder, "stranger")


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_the_right_authority_is_trusted(opened: Open, server: Slapd, scheme: str) -> None:
    """With STARTTLS, which is the default, and with TLS from the first byte, what needs TLS is found."""
    url, base = getattr(server, scheme), f"ou=encrypted,{SUFFIX}"
    assert "OK" == opened(url=url, base=base, tls_ca=str(server.authority)).find("example.org")


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
@pytest.mark.parametrize("how", ["stranger", "system", "name"])
def test_no_other_certificate_is_trusted(opened: Open, server: Slapd, stranger: Path, scheme: str, how: str) -> None:
    """Of another authority, of none that the system knows, or for another name of the host."""
    url: str = getattr(server, scheme)
    values = {
        "stranger": {"url": url, "tls_ca": str(stranger)},
        "system": {"url": url},
        "name": {"url": url.replace("127.0.0.1", "localhost"), "tls_ca": str(server.authority)},
    }
    with pytest.raises(LookupFailed, match="CERTIFICATE_VERIFY_FAILED"):
        opened(**values[how]).find("example.org")


def test_the_environment_weakens_nothing(server: Slapd, tmp_path: Path) -> None:
    """LDAPTLS_REQCERT=never, or ldap.conf's TLS_REQCERT, does not count."""
    usual = {"base": UNIT, "filter": "(cn={key})", "url": server.ldaps}
    code = "import sys; from relaymilter.tables.registry import open_table; print(open_table(sys.argv[1]).find('bob'))"
    environment = os.environ | {"LDAPTLS_REQCERT": "never"}
    ran = subprocess.run(
        [sys.executable, "-c", code, f"ldap:{described(tmp_path, **usual)}"],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert 1 == ran.returncode
    assert "LookupFailed" in ran.stderr


def test_what_needs_tls_is_not_had_without(opened: Open, server: Slapd) -> None:
    """Where the server wants TLS and the description declines it, that is no answer."""
    with pytest.raises(LookupFailed, match="No such object"):
        opened(url=server.ldap, base=f"ou=encrypted,{SUFFIX}", tls="off").find("example.org")
    assert "OK" == opened(url=server.ldap, tls="off").find("example.org")


def test_a_server_without_tls_is_not_asked_in_clear() -> None:
    """A server that does not know STARTTLS gets no password and no question."""
    with open_folder() as folder:
        bare = Slapd(folder, certified=False)
        try:
            bare.create()
            values = {"url": bare.ldap, "base": SUFFIX, "filter": "(cn={key})", "bind_dn": READER, "password": PASSWORD}
            table = open_table(f"ldap:{described(folder, **values)}")
            assert isinstance(table, LdapTable)
            with pytest.raises(LookupFailed, match="Protocol error|TLS"):
                table.find("reader")
        finally:
            bare.kill()


STARTTLS_DONE = bytes.fromhex("300c02010178070a010004000400")
FOUND = bytes.fromhex("30 0a 020102 64 05 0401 78 3000 30 0c 020102 65 07 0a0100 0400 0400")
"""An entry, and the end of a search: the answers to request 2."""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param(STARTTLS_DONE, "timed out", id="nothing more"),
        pytest.param(STARTTLS_DONE + FOUND * 2, "SSL|timed out", id="answers in clear"),
        pytest.param(b"0", "timed out", id="a beginning"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", "decode|contact|closed|timed out", id="another protocol"),
    ],
)
def test_what_comes_before_tls_does_not_count(
    opened: Open, monkeypatch: pytest.MonkeyPatch, said: bytes, words: str
) -> None:
    """A server, or who stands in the way, may say what he likes, or fall silent, after STARTTLS: that is no answer."""
    monkeypatch.setattr(channel, "STEP", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(said)
                while connection.recv(1000):
                    pass

        served = pool.submit(serve)
        table = opened(url=f"ldap://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(LookupFailed, match=words):
            table.find("example.org")
        served.exception(10)


def test_the_next_server_is_asked(opened: Open, server: Slapd) -> None:
    """Where the first does not answer, the second does."""
    assert "OK" == opened(url=f"ldap://127.0.0.1:1 {server.ldapi}").find("example.org")


def test_a_server_that_was_started_again_is_asked_again(opened: Open, server: Slapd) -> None:
    """The connection that it has closed costs no look-up."""
    table = opened()
    assert "OK" == table.find("example.org")
    server.kill()
    with pytest.raises(LookupFailed, match="refused|No such file|closed"):
        table.find("example.org")
    server.start()
    assert "OK" == table.find("example.org")
    server.kill()
    server.start()
    assert "OK" == table.find("example.org")


@pytest.mark.parametrize("scheme", ["ldapi", "ldap", "ldaps"])
def test_a_server_that_hangs_is_given_up(opened: Open, server: Slapd, scheme: str) -> None:
    """Also one that accepts a connection and then says nothing, before TLS or in it."""
    url: str = getattr(server, scheme)
    table = opened(url=url, **({} if scheme == "ldapi" else {"tls_ca": str(server.authority)}))
    server.hang()
    try:
        begin = time.monotonic()
        with pytest.raises(LookupFailed):
            table.find("example.org")
        assert time.monotonic() - begin < 10
    finally:
        server.resume()
    assert "OK" == table.find("example.org")


def test_threads_have_connections_of_their_own(opened: Open) -> None:
    """Sixteen at once get their own answers, and some connections are kept."""
    table = opened()
    keys = ["example.org", "bob", "several", "nobody"] * 100
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(table.find, keys))
    assert ["OK", "x", "one, two", None] * 100 == answers
    assert 1 <= len(table._kept) <= 16  # look-ups that end at once may each keep theirs


def test_without_the_driver_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no python-ldap is told how to get it."""
    monkeypatch.delitem(sys.modules, "relaymilter.tables.ldap")
    monkeypatch.setitem(sys.modules, "ldap", None)
    with pytest.raises(TableError, match=r"apt install python3-ldap, or pip install 'relaymilter\[ldap\]'"):
        open_table("ldap:/etc/relaymilter/ldap.toml")


def test_the_example_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """contrib/tables/ldap.toml describes a table, once its password is there."""
    text = (ROOT / "contrib" / "tables" / "ldap.toml").read_text()
    secret = tmp_path / "password"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    path = tmp_path / "ldap.toml"
    path.write_text(text.replace("/etc/relaymilter/ldap-password", str(secret)))
    assert f"ldap:{path}" == open_table(f"ldap:{path}").name  # type: ignore[union-attr]
