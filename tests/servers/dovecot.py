"""Dovecot, an IMAP server on 127.0.0.1, with STARTTLS and with TLS from the first byte, over a maildir of one user."""

from __future__ import annotations

import atexit
import socket
from functools import cache
from pathlib import Path

from tests.rig.folders import lasting_folder

from . import ServerProcess
from .slapd import certificate, free_port

USER, PASSWORD = "me@third.example", 'se"cr\\et'
CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = daemon
first_valid_uid = 1
mail_location = maildir:{folder}/mail
auth_mechanisms = plain
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=plain username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
"""


class Dovecot(ServerProcess):
    """The server. USER has PASSWORD; `authority` signs its certificate, which is for 127.0.0.1."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.starttls, self.tls = free_port(), free_port()
        command = ("dovecot", "-F", "-c", f"{folder}/dovecot.conf")
        super().__init__(command, folder / "log", self._answers_now)

    def create(self) -> None:
        """Make its files, and start it for the first time."""
        self.folder.chmod(0o755)
        self.authority = certificate(self.folder, "server")
        names = {"folder": self.folder, "starttls": self.starttls, "tls": self.tls}
        (self.folder / "dovecot.conf").write_text(CONFIGURATION.format(**names))
        (self.folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        for name in ("home", "mail"):
            (self.folder / name).mkdir()
            (self.folder / name).chmod(0o777)
        self.start()

    def deliver(self, name: str, message: bytes, folder: str = "") -> None:
        """Put a message into the inbox, or into this folder, as a delivery agent does."""
        maildir = self.folder / "mail" / (f".{folder}" if folder else "")
        for each in ("cur", "new", "tmp"):
            (maildir / each).mkdir(parents=True, exist_ok=True)
        for each in (maildir, *maildir.iterdir()):
            if each.is_dir():
                each.chmod(0o777)
        (maildir / "tmp" / name).write_bytes(message)
        (maildir / "tmp" / name).chmod(0o666)
        (maildir / "tmp" / name).rename(maildir / "new" / name)

    def _answers_now(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.starttls), 10) as imap:
                return imap.recv(4) == b"* OK"
        except OSError:
            return False


@cache
def shared() -> Dovecot:
    """The one of this process, until it ends."""
    server = Dovecot(lasting_folder("dovecot"))
    atexit.register(server.kill)
    server.create()
    return server
