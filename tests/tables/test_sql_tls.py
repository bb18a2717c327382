"""TLS to a database: where it is demanded, nothing is told without it, or to a server that nobody vouches for."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.policy.ports import LookupFailed, Table
from relaymilter.tables.registry import open_table
from tests.rig.folders import open_folder
from tests.servers.mariadb import Mariadb
from tests.servers.postgresql import Postgresql

from .kinds.sql import described

LOGIN = {"host": "127.0.0.1", "user": "mail", "password": "secret", "query": "SELECT 'yes' WHERE :key = 'a'"}
DBNAME = {"postgresql": "postgres", "mysql": "mail"}
SELF_SIGNED = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def certificate(folder: Path, name: str) -> None:
    """Make a key and a certificate of 127.0.0.1, which is its own authority."""
    of = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    files = ("-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt")
    subprocess.run([*SELF_SIGNED, *of, *files], check=True, capture_output=True, timeout=60)


def free_port() -> int:
    """A port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, int, Path]]:
    """Each kind, the port of a server with TLS, and a folder with its certificate and another one."""
    port = free_port()
    with open_folder() as folder:
        for name in ("server", "other"):
            certificate(folder, name)
        pair = (f"{folder}/server.crt", f"{folder}/server.key")
        if request.param == "postgresql":
            subprocess.run(["chown", "nobody", *pair], check=True)
            settings = (f"ssl_cert_file={pair[0]}", f"ssl_key_file={pair[1]}")
            server: Postgresql | Mariadb = Postgresql(
                folder, "listen_addresses=127.0.0.1", "ssl=on", *settings, port=port
            )
        else:
            where = ("--bind-address=127.0.0.1", f"--port={port}")
            server = Mariadb(folder, *where, f"--ssl-cert={pair[0]}", f"--ssl-key={pair[1]}")
        try:
            server.create()
            yield request.param, port, folder
        finally:
            server.kill()


def table(kind: str, port: int, folder: Path, **values: str) -> Table:
    """A table on this port."""
    path = described(folder, dbname=DBNAME[kind], **LOGIN, **values)
    path.write_text(f"{path.read_text()}port = {port}\n")
    found = open_table(f"{kind}:{path}")
    assert hasattr(found, "find")
    return found


def test_tls_is_used_where_it_is_demanded(place: tuple[str, int, Path], tmp_path: Path) -> None:
    """With any certificate, or with the right one."""
    kind, port, folder = place
    tls = {"postgresql": "(SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid())", "mysql": "'true'"}[kind]
    query = f"SELECT {tls} FROM (SELECT 1) AS one WHERE :key = 'a'"
    for values in ({"tls": "require"}, {"tls": "verify", "tls_ca": f"{folder}/server.crt"}):
        path = described(tmp_path, dbname=DBNAME[kind], **{**LOGIN, "query": query}, **values)
        path.write_text(f"{path.read_text()}port = {port}\n")
        assert "true" == open_table(f"{kind}:{path}").find("a")  # type: ignore[union-attr]


def test_a_certificate_that_nobody_vouches_for_is_no_answer(place: tuple[str, int, Path], tmp_path: Path) -> None:
    """The server may be anyone's."""
    kind, port, folder = place
    with pytest.raises(LookupFailed, match=r"(?i)certificate"):
        table(kind, port, tmp_path, tls="verify", tls_ca=f"{folder}/other.crt").find("a")


def failure(asked: Table) -> str:
    """Why the table gives no answer."""
    try:
        return f"it answered {asked.find('a')}"
    except LookupFailed as error:
        return str(error)


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_without_tls_is_told_nothing(kind: str, tmp_path: Path) -> None:
    """Not even who asks: something between may have taken TLS out of the offer."""
    greeting = b"\x0a5.5.5\0" + bytes(4) + b"12345678\0" + b"\xff\xf7" + b"\x21\x02\0" + b"\x09\0" + b"\x15" + bytes(10)
    greeting += b"123456789012\0mysql_native_password\0"
    offer = {"postgresql": b"N", "mysql": len(greeting).to_bytes(3, "little") + b"\0" + greeting}[kind]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        asked = table(kind, listener.getsockname()[1], tmp_path, tls="require")
        heard = bytearray()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                if kind == "postgresql":
                    connection.recv(8)  # may I have TLS?
                connection.sendall(offer)
                while more := connection.recv(4096):
                    heard.extend(more)

        server = threading.Thread(target=serve)
        server.start()
        reason = failure(asked)  # its traceback, which holds the connection, is gone
        server.join(20)
    assert re.search("TLS|SSL", reason)
    assert b"" == heard
