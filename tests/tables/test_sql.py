"""Tables in SQL: the query has one parameter and no way around it, and says yes only to what is there."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from relaymilter.lookups.guard import KeyFailed
from relaymilter.policy.ports import LookupFailed, Table
from relaymilter.tables import query
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import TableError
from tests.servers import mariadb, postgresql

from .kinds import sqlite
from .kinds.sql import described

PLACE = {"host": "127.0.0.1", "dbname": "mail", "user": "mail"}
GOOD = "SELECT 1 FROM domains WHERE name = :key"


def opened(kind: str, path: Path) -> Table:
    """The table that this file describes."""
    table = open_table(f"{kind}:{path}")
    assert hasattr(table, "find")
    return table


# The query, before anything is asked.


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(GOOD, id="plain"),
        pytest.param("SELECT 'it''s', \"a b\" FROM t WHERE name=:key AND kind = 'x'", id="strings and names in quotes"),
        pytest.param("SELECT a::text FROM t WHERE net >>= :key::inet", id="casts"),
        pytest.param("SELECT '12:30' FROM t WHERE :key LIKE p AND c = 'a%b'", id="colons and per cents in a string"),
        pytest.param("SELECT 1 FROM t WHERE a = :key OR b = :key", id="twice"),
        pytest.param("SELECT 1 FROM t WHERE a = lower(:key);", id="in a call, with an end"),
    ],
)
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_query_is_taken(tmp_path: Path, kind: str, statement: str) -> None:
    """At the start, without a server."""
    path = tmp_path / "table.toml"
    path.write_text(f'host="h"\ndbname="d"\nuser="u"\nquery = """{statement}"""\n')
    assert opened(kind, path).waits


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        pytest.param("SELECT 1 FROM domains", "there is no :key", id="no key"),
        pytest.param("SELECT 1 FROM t WHERE name = :keys", "there is no :key", id="another name"),
        pytest.param("SELECT a::key FROM t", "there is no :key", id="a cast"),
        pytest.param("SELECT 1 FROM t WHERE name = ':key'", ":key stands in quotes", id="single quotes"),
        pytest.param(
            "SELECT 1 FROM t WHERE a = ':key' OR a = :key", ":key stands in quotes", id="one of two in quotes"
        ),
        pytest.param("SELECT 1 FROM t WHERE name LIKE '%:key%' OR :key", ":key stands in quotes", id="inside a string"),
        pytest.param('SELECT ":key" FROM t WHERE a = :key', ":key stands in quotes", id="double quotes"),
        pytest.param("SELECT `:key` FROM t WHERE a = :key", ":key stands in quotes", id="backticks"),
        pytest.param("SELECT 1 FROM t WHERE a = $$:key$$", "$$ is not understood", id="dollar quotes"),
        pytest.param("SELECT 1 FROM t WHERE a = $x$:key$x$", "$x$ is not understood", id="tagged dollar quotes"),
        pytest.param(r"SELECT '\' :key \' '", r"\' is not understood", id="escaped quotes"),
        pytest.param("SELECT 1 FROM t -- ' :key", "-- is not understood", id="comment"),
        pytest.param("SELECT 1 /* ' :key */ FROM t", "/* is not understood", id="long comment"),
        pytest.param("SELECT 1 FROM t WHERE a = :key AND b = 'x", "a quote in it does not end", id="open quote"),
    ],
)
@pytest.mark.parametrize("kind", ["postgresql", "mysql", "sqlite"])
def test_a_query_is_refused(tmp_path: Path, kind: str, statement: str, problem: str) -> None:
    """At the start, with the place: what is not surely a parameter might be text that a client has typed."""
    path = tmp_path / "table.toml"
    place = f'database = "{path}"\n' if kind == "sqlite" else 'host="h"\ndbname="d"\nuser="u"\n'
    path.write_text(f"{place}query = '''{statement} '''\n")
    with pytest.raises(TableError) as caught:
        open_table(f"{kind}:{path}")
    assert str(caught.value).startswith(f"{path}: query: {problem}")


def test_mysql_has_one_comment_more(tmp_path: Path) -> None:
    """Which is an operator in PostgreSQL."""
    statement = "SELECT a #> b FROM t WHERE c = :key"
    path = described(tmp_path, query=statement, **PLACE)
    opened("postgresql", path)
    with pytest.raises(TableError, match="# begins a comment"):
        open_table(f"mysql:{path}")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        pytest.param({**PLACE, "socket": "/run/x"}, "give host, or socket", id="two places"),
        pytest.param({"dbname": "d", "user": "u"}, "give host, or socket", id="no place"),
        pytest.param({**PLACE, "tls": "yes"}, "tls: 'yes' is none of off, require, verify", id="tls"),
        pytest.param({**PLACE, "tls": "verify"}, 'tls = "verify" and tls-ca', id="verify by what"),
        pytest.param({**PLACE, "tls_ca": "/etc/passwd"}, 'tls = "verify" and tls-ca', id="ca for nothing"),
        pytest.param({**PLACE, "tls": "verify", "tls_ca": "/nonexistent"}, "tls-ca: there is no file", id="no ca"),
        pytest.param(
            {"socket": "/s", "dbname": "d", "user": "u", "tls": "require"}, "tls: there is none", id="tls on a socket"
        ),
    ],
)
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_description_is_refused(tmp_path: Path, kind: str, values: dict[str, str], problem: str) -> None:
    """What is half of something is a mistake."""
    path = described(tmp_path, query=GOOD, **values)
    with pytest.raises(TableError) as caught:
        open_table(f"{kind}:{path}")
    assert str(caught.value).startswith(f"{path}: {problem}")


@pytest.mark.parametrize(("kind", "driver"), [("postgresql", "psycopg2"), ("mysql", "pymysql")])
def test_a_missing_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, driver: str) -> None:
    """With the command that installs it."""
    for name in [name for name in sys.modules if name.startswith("relaymilter.tables.sql_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(TableError, match=rf"apt install python3-sqlalchemy python3-{driver}, or pip install"):
        open_table(f"{kind}:{described(tmp_path, query=GOOD, **PLACE)}")


# Answers.


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], None, id="no row"),
        pytest.param([("a",)], "a", id="a row"),
        pytest.param([("a", "b")], "a", id="more columns"),
        pytest.param([("a",), ("b",)], "a, b", id="more rows"),
        pytest.param([(None,)], "", id="NULL"),
        pytest.param([("",)], "", id="empty"),
        pytest.param([(0,)], "0", id="zero"),
        pytest.param([(1.5,)], "1.5", id="a number"),
        pytest.param([(True,)], "True", id="true"),
        pytest.param([(False,)], None, id="false"),
        pytest.param([(False,), ("a",)], "a", id="false and a row"),
        pytest.param([(b"a\xc3\xa9",)], "a\xe9", id="octets"),
        pytest.param([(memoryview(b"a\xff"),)], "a\\xff", id="octets that are no UTF-8"),
        pytest.param([()], "", id="no column"),
    ],
)
def test_rows_come_to_a_value(rows: list[tuple[object, ...]], expected: str | None) -> None:
    """The first column, of all rows."""
    assert expected == query.answer(rows)


@pytest.fixture(params=["postgresql", "mysql", "sqlite"])
def sql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sql]:
    """Each database in turn, with a table `names` that has three of them."""
    found = Sql(request.param, tmp_path)
    found.run("CREATE TABLE names (name VARCHAR(200), value VARCHAR(200))")
    for name, value in (("example.org", "one"), ("example.org", "two"), ("example.net", "three")):
        found.run(f"INSERT INTO names VALUES ('{name}', '{value}')")
    yield found
    found.run("DROP TABLE names")


class Sql:
    """A database, and tables of it for any query."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder

    def run(self, statement: str) -> None:
        """As its owner."""
        if self.kind == "postgresql":
            postgresql.shared().run(statement)
        elif self.kind == "mysql":
            mariadb.shared().run(statement.replace(" names", " mail.names"))
        else:
            with closing(sqlite3.connect(self.folder / "names.db")) as connection, connection:
                connection.execute(statement)

    def table(self, statement: str) -> Table:
        """Asked by this query."""
        login = {"user": "mail", "password": "secret", "query": statement}
        match self.kind:
            case "postgresql":
                path = described(self.folder, socket=str(postgresql.shared().folder), dbname="postgres", **login)
            case "mysql":
                path = described(self.folder, socket=mariadb.shared().socket, dbname="mail", **login)
            case _:
                path = described(self.folder, database=f"{self.folder}/names.db", query=statement)
        return opened(self.kind, path)


def test_all_rows_are_the_value(sql: Sql) -> None:
    """In their order."""
    table = sql.table("SELECT value, name FROM names WHERE name = :key ORDER BY value")
    assert ("one, two", "three", None) == tuple(map(table.find, ("example.org", "example.net", "example.com")))


def test_a_query_may_have_colons_and_per_cents(sql: Sql) -> None:
    """They reach the server as they were written."""
    table = sql.table("SELECT '12:30 100% :: %s' FROM names WHERE name = :key AND value NOT LIKE '%x%' LIMIT 1")
    assert "12:30 100% :: %s" == table.find("example.org")


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELECT count(*) FROM names WHERE name = :key", id="count"),
        pytest.param("SELECT max(value) FROM names WHERE name = :key", id="max"),
        pytest.param("SELECT CASE WHEN EXISTS (SELECT 1 FROM names WHERE name = :key) THEN 1 ELSE 0 END", id="exists"),
        pytest.param("SELECT value FROM names WHERE name = :key OR 1 = 1", id="always true"),
        pytest.param("SELECT value FROM names WHERE :key LIKE '%'", id="matches everything"),
    ],
)
def test_a_query_that_says_yes_to_everything_is_no_answer(sql: Sql, statement: str) -> None:
    """Neither for a key that is there nor for others: it would open the relay."""
    table = sql.table(statement)
    for key in ("example.com", "example.org"):
        with pytest.raises(LookupFailed, match="the query gives a row for no-such-key"):
            table.find(key)


def test_a_statement_that_gives_no_rows_is_no_answer(sql: Sql) -> None:
    """Nor may it write, where its user must not, or the file is open for reading."""
    table = sql.table("DELETE FROM names WHERE name = :key OR 1 = 1")
    with pytest.raises(LookupFailed):
        table.find("example.org")
    assert "three" == sql.table("SELECT value FROM names WHERE name = :key").find("example.net")


def test_a_wrong_query_is_no_answer(sql: Sql) -> None:
    """The reason is the database's own, without the query's parameters or a password."""
    with pytest.raises(LookupFailed, match="no_such_table") as caught:
        sql.table("SELECT value FROM no_such_table WHERE name = :key").find("example.org")
    assert "secret" not in str(caught.value)
    assert "parameters" not in str(caught.value)


@pytest.mark.parametrize("key", ["a\0b", "\udcff"])
def test_what_is_no_text_is_in_no_table(sql: Sql, key: str) -> None:
    """And no failure: a client must not be able to open the breaker with it."""
    assert None is sql.table("SELECT value FROM names WHERE name = :key").find(key)


@pytest.mark.parametrize(
    "key", ["' OR '1'='1", "' OR 1=1 -- ", "\\' OR 1=1 -- ", "x'; DROP TABLE names; --", "%s", ":key"]
)
def test_a_key_is_never_part_of_the_query(sql: Sql, key: str) -> None:
    """Whatever it looks like."""
    table = sql.table("SELECT value FROM names WHERE name = :key")
    assert (None, "three") == (table.find(key), table.find("example.net"))


# What is special of one.


def test_postgresql_refuses_a_key_alone(tmp_path: Path) -> None:
    """Where a key is no value of the column's type, that is no fault of the server."""
    login = {"user": postgresql.USER, "password": postgresql.PASSWORD, "dbname": "postgres"}
    statement = "SELECT 'in' WHERE :key::inet << '192.0.2.0/24'"
    table = opened("postgresql", described(tmp_path, socket=f"{postgresql.shared().folder}", query=statement, **login))
    assert ("in", None) == (table.find("192.0.2.7"), table.find("203.0.113.7"))
    with pytest.raises(KeyFailed, match="invalid input syntax"):
        table.find("example.org")


def test_postgresql_takes_its_socket_by_name(tmp_path: Path) -> None:
    """Or the folder that it is in."""
    login = {"user": postgresql.USER, "password": postgresql.PASSWORD, "dbname": "postgres"}
    socket = f"{postgresql.shared().folder}/.s.PGSQL.5432"
    table = opened("postgresql", described(tmp_path, socket=socket, query="SELECT 1 WHERE :key = 'a'", **login))
    assert "1" == table.find("a")


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_slow_query_is_given_up(tmp_path: Path, kind: str) -> None:
    """Within the time that a decision has."""
    sleep = {"postgresql": "pg_sleep(8)", "mysql": "sleep(8)"}[kind]
    sql = Sql(kind, tmp_path)
    with pytest.raises(LookupFailed):
        sql.table(f"SELECT {sleep} FROM (SELECT 1) AS t WHERE :key = 'a' OR {sleep} IS NULL").find("a")


def test_sqlite_notices_a_file_that_is_replaced(tmp_path: Path) -> None:
    """And one that is gone, and one that is none."""
    with sqlite.make(tmp_path, {"example.org": "old"}) as specimen:
        table = open_table(specimen.text)
        assert "old" == table.find("example.org")  # type: ignore[union-attr]
        sqlite.write(tmp_path / "new", {"example.org": "new"})
        os.replace(tmp_path / "new", tmp_path / "entries.db")
        assert "new" == table.find("example.org")  # type: ignore[union-attr]
        (tmp_path / "entries.db").rename(tmp_path / "away")
        with pytest.raises(LookupFailed, match=r"entries.db: No such file"):
            table.find("example.org")  # type: ignore[union-attr]
        (tmp_path / "entries.db").write_text("no database" * 1000)
        with pytest.raises(LookupFailed, match=r"entries.db: file is not a database"):
            table.find("example.org")  # type: ignore[union-attr]
        os.replace(tmp_path / "away", tmp_path / "entries.db")
        assert "new" == table.find("example.org")  # type: ignore[union-attr]


def test_sqlite_does_not_wait_long_for_a_lock(tmp_path: Path) -> None:
    """A writer that keeps it is a failure, no hang."""
    with sqlite.make(tmp_path, {"example.org": "old"}) as specimen:
        table = open_table(specimen.text)
        with closing(sqlite3.connect(tmp_path / "entries.db", isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LookupFailed, match="database is locked"):
                table.find("example.org")  # type: ignore[union-attr]
        assert "old" == table.find("example.org")  # type: ignore[union-attr]


def test_sqlite_wants_a_file_that_is_there(tmp_path: Path) -> None:
    """A wrong name is a mistake of the configuration."""
    path = described(tmp_path, database="/nonexistent/x.db", query=GOOD)
    with pytest.raises(TableError, match="database: there is no file /nonexistent/x.db"):
        open_table(f"sqlite:{path}")


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "sqlite"])
def test_the_example_is_taken(tmp_path: Path, kind: str) -> None:
    """The description in contrib/tables, but for the files that it names."""
    text = (Path(__file__).parents[2] / "contrib" / "tables" / f"{kind}.toml").read_text()
    for name in ("/etc/relaymilter/database-password", "/etc/relaymilter/domains.db"):
        (tmp_path / Path(name).name).write_text("secret\n")
        (tmp_path / Path(name).name).chmod(0o640)
        text = text.replace(name, str(tmp_path / Path(name).name))
    path = tmp_path / "example.toml"
    path.write_text(text)
    assert f"{kind}:{path}" == opened(kind, path).name
