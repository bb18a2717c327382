"""Certificates, made with openssl when they are first asked for, and kept until this process ends.

The MTAs trust what `authority` has issued, itself or by way of `intermediate`, and nothing else.  They ask every client
for a certificate, and go on without one, or with one that is worth nothing.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .folders import lasting_folder
from .settings import HOST_NAME

CLIENT = "client.example.net"
AUTHORITY = "Example CA"

_MAY_ISSUE = "basicConstraints=critical,CA:true"
_MAY_NOT_ISSUE = "basicConstraints=critical,CA:false"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a certificate says."""

    name: str
    """The CN; empty: it has none."""
    issuer: str = "authority"
    """The key of KINDS whose key signs it; empty: its own does."""
    extension: str = _MAY_NOT_ISSUE
    before: str = "/O=Example"
    """What stands before the CN."""
    expired: bool = False

    @property
    def first_name(self) -> str:
        """The first CN, which is the one that Postfix tells."""
        first = re.search(r"(?<!\\)/CN=([^/]+)", self.before)
        return first[1] if first else self.name

    @property
    def subject(self) -> str:
        """As `openssl req -subj` takes it."""
        escaped = re.sub("([/+])", r"\\\1", self.name)
        return f"{self.before}/CN={escaped}" if escaped else self.before


AUTHORITIES = {
    "authority": Kind(AUTHORITY, "", _MAY_ISSUE),
    "intermediate": Kind("Example Client CA", "authority", _MAY_ISSUE),
    "namesake": Kind(AUTHORITY, "authority", _MAY_ISSUE, before="/O=Else"),
    "other-authority": Kind("Other CA", "", _MAY_ISSUE, before="/O=Other"),
    "forged-authority": Kind(AUTHORITY, "", _MAY_ISSUE),
    "server": Kind(HOST_NAME, "", before=""),
}
VERIFIED = {
    "valid": Kind(CLIENT),
    "second": Kind("second.example.net"),
    "by-intermediate": Kind(CLIENT, "intermediate"),
    "by-namesake": Kind(CLIENT, "namesake"),
    "upper": Kind("CLIENT.Example.NET"),
    "slash": Kind("a/CN=b"),
    "pipe": Kind("a|b"),
    "blanks": Kind(" a  b "),
    "plus": Kind("a+20b"),
    "utf-8": Kind("bücher.example"),
    "no-name": Kind("", before="/O=Example/OU=clients"),
    "two-names": Kind(CLIENT, before="/O=Example/CN=mallory.example.com"),
    "slash-before": Kind("", before=f"/O=Example\\/CN={CLIENT}"),
}
"""Those that an MTA takes for what they say."""
UNVERIFIED = {
    "self-signed": Kind(CLIENT, ""),
    "expired": Kind(CLIENT, expired=True),
    "by-other": Kind("other.example.com", "other-authority", before="/O=Other"),
    "impostor": Kind(CLIENT, "other-authority"),
    "by-forged": Kind(CLIENT, "forged-authority"),
    "by-client": Kind("victim.example.net", "valid"),
    "server-only": Kind(CLIENT, extension="extendedKeyUsage=serverAuth"),
}
"""Those that it does not, whatever they say."""
KINDS = AUTHORITIES | VERIFIED | UNVERIFIED

_KEY = ("-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
_PAST = ("-startdate", "20200101000000Z", "-enddate", "20200131000000Z")
_CA_CONF = """[ca]
default_ca = a
[a]
database = {folder}/{name}.index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = p
[p]
organizationName = optional
commonName = optional
"""


class Certificate(NamedTuple):
    """Two files in PEM: `client.starttls(*certificate("valid"))`."""

    file: str
    """The certificate, and those of who issued it, but for the last."""
    key: str


@cache
def certificate(name: str) -> Certificate:
    """The certificate of this name in KINDS."""
    kind, folder = KINDS[name], _folder()
    made = Certificate(str(folder / f"{name}.pem"), str(folder / f"{name}.key"))
    issuer = certificate(kind.issuer) if kind.issuer else None
    request = ("openssl", "req", *_KEY, "-utf8", "-subj", kind.subject, "-keyout", made.key)
    if kind.expired and issuer:
        _run(*request, "-out", f"{made.file}.request")
        _issue_past(folder, name, made, issuer)
    else:
        signed = ("-CA", issuer.file, "-CAkey", issuer.key) if issuer else ()
        _run(*request, "-x509", "-days", "30", *signed, "-addext", kind.extension, "-out", made.file)
    with open(made.file, "a") as chain:
        chain.writelines(Path(certificate(above).file).read_text() for above in _between(kind))
    return made


def _between(kind: Kind) -> Iterator[str]:
    """The one issuer of this kind that is not a root, if there is one: its own file has those above it."""
    if kind.issuer and KINDS[kind.issuer].issuer:
        yield kind.issuer


def _issue_past(folder: Path, name: str, made: Certificate, issuer: Certificate) -> None:
    """`openssl req` makes nothing that has expired."""
    (folder / f"{name}.index").touch()
    (folder / f"{name}.conf").write_text(_CA_CONF.format(folder=folder, name=name))
    by = ("-config", str(folder / f"{name}.conf"), "-cert", issuer.file, "-keyfile", issuer.key)
    _run("openssl", "ca", "-batch", "-notext", *by, *_PAST, "-in", f"{made.file}.request", "-out", made.file)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")


@cache
def _folder() -> Path:
    """It is removed when this process ends."""
    return lasting_folder("certificates")
