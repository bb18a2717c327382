"""The description of a table: every key known and of its type, and the password told to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.tables.described import Description, describe
from relaymilter.tables.table import TableError

KEYS = {"host": str, "port": int, "hosts": list, "starttls": bool}
SECRET = "correct horse"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the description goes."""
    return tmp_path / "table.toml"


def described(path: Path, text: str, mode: int = 0o640) -> Description:
    """What this text describes."""
    path.write_text(text)
    path.chmod(mode)
    return describe(str(path), KEYS, needed=("host",))


def refused(path: Path, text: str, mode: int = 0o640) -> str:
    """Why this text is refused."""
    with pytest.raises(TableError) as caught:
        described(path, text, mode)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_the_keys_are_what_was_written(path: Path) -> None:
    """And what is not there has a default."""
    found = described(path, 'host = "db"\nport = 5432\nhosts = ["a", "b"]\nstarttls = true\n', 0o644)
    assert {"host": "db", "port": 5432, "hosts": ["a", "b"], "starttls": True} == found.values
    assert ("db", "5432", "none", None) == (
        found.text("host"),
        found.text("port"),
        found.text("x", "none"),
        found.password,
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "host is missing", id="missing key"),
        pytest.param('host = "db"\npasswort = "x"', "no such key: passwort", id="unknown key"),
        pytest.param('host = "db"\nport = "5432"', "port: wants a number", id="number in quotes"),
        pytest.param("host = true", "host: wants a string", id="no string"),
        pytest.param('host = "db"\nport = true', "port: wants a number", id="true is no number"),
        pytest.param('host = "db"\nstarttls = 1', "starttls: wants true or false", id="number for a switch"),
        pytest.param('host = "db"\nhosts = ["a", 1]', "hosts: wants a list of strings", id="list of more"),
        pytest.param("host = ", "Invalid value", id="no TOML"),
        pytest.param('host = "db"\n[table]\n', "no such key: table", id="a table of TOML"),
    ],
)
def test_a_mistake_is_named(path: Path, text: str, problem: str) -> None:
    """With the file and the key."""
    assert refused(path, text).startswith(f"{path}: {problem}")


@pytest.mark.parametrize("name", ["missing.toml", ".", "nul\0.toml"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """In words, without a traceback."""
    with pytest.raises(TableError, match=r"No such file|Is a directory|null"):
        describe(f"{tmp_path}/{name}", KEYS)


def test_a_password_in_the_description(path: Path) -> None:
    """It is in no repr, and not among the values."""
    found = described(path, f'host = "db"\npassword = "{SECRET}"\n')
    assert SECRET == found.password
    assert SECRET not in repr(found)
    assert {"host": "db"} == found.values


def test_a_password_in_a_file_of_its_own(path: Path) -> None:
    """The line that it has."""
    secret = path.with_name("secret")
    secret.write_text(f"{SECRET}\r\n")
    secret.chmod(0o600)
    assert SECRET == described(path, f'host = "db"\npassword-file = "{secret}"\n', 0o644).password


def test_a_password_in_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name."""
    monkeypatch.setenv("TABLE_PASSWORD", SECRET)
    assert SECRET == described(path, 'host = "db"\npassword-env = "TABLE_PASSWORD"\n', 0o644).password


def test_a_password_that_everyone_may_read_is_refused(path: Path) -> None:
    """In the description, and in its own file."""
    assert "everyone may read the password" in refused(path, f'host = "db"\npassword = "{SECRET}"\n', 0o644)
    secret = path.with_name("secret")
    secret.write_text(SECRET)
    secret.chmod(0o644)
    assert f"chmod o-r {secret}" in refused(path, f'host = "db"\npassword-file = "{secret}"\n')


@pytest.mark.parametrize("content", ["", f"{SECRET}\nmore\n"])
def test_a_password_file_has_one_line(path: Path, content: str) -> None:
    """An empty one is a mistake, no empty password."""
    secret = path.with_name("secret")
    secret.write_text(content)
    secret.chmod(0o600)
    assert "it is to have one" in refused(path, f'host = "db"\npassword-file = "{secret}"\n')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('password-file = "/nonexistent/secret"', "password-file: /nonexistent/secret: No such file or directory"),
        ('password-env = "NO_SUCH_VARIABLE"', "password-env: there is no NO_SUCH_VARIABLE in the environment"),
        (f'password = "{SECRET}"\npassword-env = "X"', "give one of password, password-env"),
    ],
)
def test_a_password_that_cannot_be_had_is_a_mistake(path: Path, text: str, problem: str) -> None:
    """At the start."""
    assert f"{path}: {problem}" == refused(path, f'host = "db"\n{text}\n')
