"""redis-server, on a unix socket, and on 127.0.0.1 with TLS."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path

import redis

from tests.rig.folders import lasting_folder

from . import ServerProcess
from .slapd import certificate, free_port

PASSWORD, READER, READER_PASSWORD = "secret", "reader", "secret-too"
CONFIGURATION = """\
port 0
unixsocket {folder}/socket
tls-port {port}
bind 127.0.0.1
tls-cert-file {folder}/server.pem
tls-key-file {folder}/server.key
tls-auth-clients no
dir {folder}
appendonly yes
appendfsync no
save ""
aclfile {folder}/acl
"""
ACL = f"""\
user default on >{PASSWORD} ~* &* +@all
user {READER} on >{READER_PASSWORD} ~* -@all +sismember +hget +exists
"""


class Redis(ServerProcess):
    """The server. Its superuser has PASSWORD; READER, with READER_PASSWORD, may only look up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unix = f"unix://{folder}/socket"
        self.tls = f"rediss://127.0.0.1:{free_port()}"
        self.client = redis.Redis(unix_socket_path=f"{folder}/socket", password=PASSWORD, socket_timeout=10)
        super().__init__(("redis-server", f"{folder}/redis.conf"), folder / "log", self._answers_now)

    def create(self) -> None:
        """Make its files, and start it for the first time."""
        self.authority = certificate(self.folder, "server")
        port = self.tls.rpartition(":")[2]
        text = CONFIGURATION.format(folder=self.folder, port=port)
        (self.folder / "redis.conf").write_text(text)
        (self.folder / "acl").write_text(ACL)
        self.start()

    def _answers_now(self) -> bool:
        try:
            return bool(self.client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False


@cache
def shared() -> Redis:
    """The one of this process, until it ends; whoever kills it is to start it again."""
    folder = lasting_folder("redis")
    server = Redis(folder)
    atexit.register(server.kill)
    server.create()
    return server
