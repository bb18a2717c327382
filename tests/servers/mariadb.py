"""MariaDB, on a unix socket, without InnoDB, which takes longest to start."""

from __future__ import annotations

import atexit
import subprocess
from functools import cache
from pathlib import Path

import pymysql

from tests.rig.folders import lasting_folder
from tests.rig.private import private_command

from . import ServerProcess

FAST = ("--no-defaults", "--user=root", "--skip-innodb", "--default-storage-engine=Aria", "--performance-schema=OFF")
BOOTSTRAP = """
{ printf 'create database mysql;\\nuse mysql;\\nset @auth_root_socket=NULL;\\n'
  cat /usr/share/mysql/mysql_system_tables.sql /usr/share/mysql/mysql_system_tables_data.sql
} | mariadbd "$@" --bootstrap
"""
"""What mariadb-install-db does, but for the help and the test database."""
USER, PASSWORD = "mail", "secret"


class Mariadb(ServerProcess):
    """The server. Its superuser `root` needs no password, its user `mail` has PASSWORD and may read everything."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.socket = f"{folder}/socket"
        # Left to itself it takes /tmp, in which two that start at once are in each other's way.
        self._where = (*FAST, f"--datadir={folder}/data", f"--tmpdir={folder}/tmp")
        network = options or ("--skip-networking",)
        command = ("mariadbd", *self._where, f"--socket={self.socket}", *network)
        super().__init__(command, folder / "log", self._answers_now)

    def create(self) -> None:
        """Make its files, and start it for the first time."""
        for name in ("data", "tmp"):
            (self.folder / name).mkdir()
        bootstrap = private_command("sh", "-c", BOOTSTRAP, "sh", *self._where)
        subprocess.run(bootstrap, check=True, capture_output=True, cwd="/", timeout=60)
        self.start()
        self.run("CREATE DATABASE mail CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        self.run(f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'")
        self.run(f"GRANT SELECT ON mail.* TO {USER}@'%'")

    def run(self, statement: str, *values: object) -> None:
        """Do this as its superuser."""
        connection = self._connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values or None)
        finally:
            connection.close()

    def _connect(self) -> pymysql.connections.Connection[pymysql.cursors.Cursor]:
        return pymysql.connect(unix_socket=self.socket, user="root", autocommit=True, connect_timeout=10)

    def _answers_now(self) -> bool:
        try:
            self._connect().close()
        except pymysql.err.OperationalError:
            return False
        return True


@cache
def shared() -> Mariadb:
    """The one of this process, until it ends; whoever kills it is to start it again."""
    folder = lasting_folder("mariadb")
    server = Mariadb(folder)
    atexit.register(server.kill)
    server.create()
    return server
