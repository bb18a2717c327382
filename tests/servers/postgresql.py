"""PostgreSQL, on a unix socket, with databases that nobody minds losing."""

from __future__ import annotations

import atexit
import subprocess
from functools import cache
from pathlib import Path

import psycopg2

from relaymilter.lookups import deadline
from tests.rig.folders import lasting_folder
from tests.rig.private import private_command

from . import NOBODY, ServerProcess

PROGRAM = 'exec "$(ls -d /usr/lib/postgresql/*/bin | tail -1)/$0" "$@"'
FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=1MB", "max_connections=60")
ACCESS = "local all admin trust\nlocal all all scram-sha-256\nhost all all all scram-sha-256\n"
USER, PASSWORD = "mail", "secret"


class Postgresql(ServerProcess):
    """The server. Its superuser `admin` needs no password, its user `mail` has PASSWORD and may read everything."""

    def __init__(self, folder: Path, *settings: str, port: int = 5432) -> None:
        self.folder = folder
        self.port = port  # a part of its socket's name, too
        folder.chmod(0o777)  # a server that is not root writes here
        options = [word for setting in (*FAST, f"port={port}", *settings) for word in ("-c", setting)]
        where = ("-D", f"{folder}/data", "-k", str(folder), "-c", "listen_addresses=")
        super().__init__(_as_nobody("postgres", *where, *options), folder / "log", self._answers_now)

    def create(self) -> None:
        """Make its files, and start it for the first time."""
        initdb = _as_nobody("initdb", "--no-sync", "-D", f"{self.folder}/data", "-U", "admin", "--no-locale", "-EUTF8")
        subprocess.run(private_command(*initdb), check=True, capture_output=True, cwd="/", timeout=60)
        (self.folder / "data" / "pg_hba.conf").write_text(ACCESS)
        self.start()
        self.run(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data")

    def run(self, statement: str, *values: object) -> None:
        """Do this as its superuser."""
        connection = self._connect()
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
        finally:
            connection.close()

    def _connect(self) -> psycopg2.extensions.connection:
        deadline.begin(10)  # if relaymilter is in this process, all of psycopg2 waits by it
        return psycopg2.connect(
            host=str(self.folder), port=self.port, user="admin", dbname="postgres", connect_timeout=10
        )

    def _answers_now(self) -> bool:
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True


def _as_nobody(program: str, *arguments: str) -> tuple[str, ...]:
    return (*NOBODY, "sh", "-c", PROGRAM, program, *arguments)


@cache
def shared() -> Postgresql:
    """The one of this process, until it ends; whoever kills it is to start it again."""
    folder = lasting_folder("postgresql")
    server = Postgresql(folder)
    atexit.register(server.kill)
    server.create()
    return server
