"""OpenLDAP's slapd, on a unix socket, and on 127.0.0.1 with STARTTLS and with TLS from the first byte."""

from __future__ import annotations

import atexit
import socket
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ldap
from ldap.dn import escape_dn_chars

from tests.rig.folders import lasting_folder
from tests.rig.packages import PRIVATE_USR

from . import ServerProcess

SUFFIX, READER, PASSWORD = "dc=example", "cn=reader,dc=example", "secret"
ADMIN = "cn=admin,dc=example"
CONFIGURATION = """\
include {schema}/core.schema
include {schema}/cosine.schema
include {schema}/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
{tls}
database mdb
suffix {suffix}
rootdn {admin}
rootpw {password}
directory {folder}/data
maxsize 16777216
dbnosync
index cn eq
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree=ou=secret,{suffix} by dn.exact={reader} read by * none
access to dn.subtree=ou=encrypted,{suffix} by tls_ssf=128 read by * none
access to * by * read
"""
TLS = """\
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
"""


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for 127.0.0.1, NAME.pem, and its key, NAME.key."""
    path = folder / f"{name}.pem"
    request = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    subject = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    files = ("-keyout", f"{folder}/{name}.key", "-out", str(path))
    subprocess.run([*request, *subject, *files], check=True, capture_output=True, timeout=60)
    return path


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Slapd(ServerProcess):
    """The server. READER has PASSWORD; below ou=secret only it may read, below ou=encrypted who comes with TLS."""

    def __init__(self, folder: Path, certified: bool = True) -> None:
        """`certified` gives it a certificate, without which it knows no TLS."""
        self.folder = folder
        self._tls = TLS.format(folder=folder) if certified else ""
        self.ldapi = "ldapi://" + quote(f"{folder}/socket", safe="")
        self.ldap, self.ldaps = (f"{scheme}://127.0.0.1:{free_port()}" for scheme in ("ldap", "ldaps"))
        urls = f"{self.ldapi} {self.ldap} {self.ldaps}"
        super().__init__(
            ("slapd", "-d", "0", "-h", urls, "-f", f"{folder}/slapd.conf"), folder / "log", self._answers_now
        )

    def create(self) -> None:
        """Make its files, and start it for the first time."""
        (self.folder / "data").mkdir()
        self.authority = certificate(self.folder, "server")
        schema = PRIVATE_USR.parent / "etc" / "ldap" / "schema"
        names = {"suffix": SUFFIX, "reader": READER, "admin": ADMIN, "password": PASSWORD}
        text = CONFIGURATION.format(schema=schema, folder=self.folder, tls=self._tls, **names)
        (self.folder / "slapd.conf").write_text(text)
        self.start()
        self.add(SUFFIX, objectClass=["dcObject", "organization"], dc="example", o="example")
        self.add(READER, objectClass="person", cn="reader", sn="reader", userPassword=PASSWORD)

    def add(self, dn: str, **attributes: str | list[str]) -> None:
        """Add an entry."""
        values = {key: [value] if isinstance(value, str) else value for key, value in attributes.items()}
        connection = self._connect()
        connection.simple_bind_s(ADMIN, PASSWORD)
        connection.add_s(dn, [(key, [value.encode() for value in found]) for key, found in values.items()])
        connection.unbind_s()

    def add_unit(self, name: str, entries: Mapping[str, str]) -> str:
        """Add an organizational unit with entries that have a key as their cn and a description; returns its name."""
        unit = f"ou={name},{SUFFIX}"
        self.add(unit, objectClass="organizationalUnit", ou=name)
        for key, value in entries.items():
            dn = f"cn={escape_dn_chars(key)},{unit}"
            self.add(dn, objectClass="applicationProcess", cn=key, description=value)
        return unit

    def _connect(self) -> Any:
        connection = ldap.initialize(self.ldapi)
        connection.set_option(ldap.OPT_NETWORK_TIMEOUT, 10)
        connection.set_option(ldap.OPT_TIMEOUT, 10)
        return connection

    def _answers_now(self) -> bool:
        connection = self._connect()
        try:
            connection.whoami_s()
        except ldap.SERVER_DOWN:
            return False
        finally:
            connection.unbind_ext()
        return True


@cache
def shared() -> Slapd:
    """The one of this process, until it ends; whoever kills it is to start it again."""
    folder = lasting_folder("slapd")
    server = Slapd(folder)
    atexit.register(server.kill)
    server.create()
    return server
