"""`postgresql:` and `mysql:`, described by a file: where the server is, who asks, and the query.

Opening checks the description and that the drivers are installed; it asks no server.
"""

import importlib
from pathlib import Path

from relaymilter.policy.ports import Table
from relaymilter.tables import query
from relaymilter.tables.described import Description, describe
from relaymilter.tables.table import TableError

KEYS = {
    "host": str,
    "port": int,
    "socket": str,
    "dbname": str,
    "user": str,
    "query": str,
    "tls": str,
    "tls-ca": str,
}
TLS = ("off", "require", "verify")
_DRIVERS = {
    "postgresql": ("sql_postgresql", "psycopg2"),
    "mysql": ("sql_mysql", "pymysql"),
}


def open_table(kind: str, name: str) -> Table:
    """The table that the file `name` describes. Raises TableError."""
    description = describe(name, KEYS, needed=("dbname", "user", "query"))
    statement = query.checked(description, comment="#" if kind == "mysql" else "")
    _demand_a_place(description)
    _demand_sound_tls(description)
    module, driver = _DRIVERS[kind]
    try:
        sql_table = importlib.import_module("relaymilter.tables.sql_table")
        connector = importlib.import_module(f"relaymilter.tables.{module}")
    except ImportError as error:
        packages = f"python3-sqlalchemy and python3-{driver}"
        raise TableError(
            f"{kind}: needs {packages} ({error}): apt install {packages.replace(' and', '')}, "
            f"or pip install 'relaymilter[{kind}]'"
        ) from None
    table: Table = sql_table.SqlTable(f"{kind}:{name}", connector.DIALECT, connector.connector(description), statement)
    return table


def _demand_a_place(description: Description) -> None:
    if ("host" in description.values) == ("socket" in description.values):
        raise TableError(f"{description.path}: give host, or socket, where the server is on this machine")
    port = description.values.get("port", 1)
    if not 1 <= int(str(port)) <= 65535:
        raise TableError(f"{description.path}: port: {port} is no port")


def _demand_sound_tls(description: Description) -> None:
    """No half of it: what was meant to be safe and is not is worse than a refusal to start."""
    tls, authority = description.text("tls", "off"), description.text("tls-ca")
    if tls not in TLS:
        raise TableError(f"{description.path}: tls: {tls!r} is none of {', '.join(TLS)}")
    if tls != "off" and "socket" in description.values:
        raise TableError(f"{description.path}: tls: there is none on a socket of this machine")
    if (tls == "verify") != bool(authority):
        raise TableError(f'{description.path}: tls = "verify" and tls-ca, a file of certificates, go together')
    if authority and not Path(authority).is_file():
        raise TableError(f"{description.path}: tls-ca: there is no file {authority}")
