"""The description of a directory: where it is, how safe the way there must be, what is searched for.

Nothing here needs the driver; ldap.py checks what only that can.
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from relaymilter.files.safety import require_safe
from relaymilter.tables.described import Description, describe
from relaymilter.tables.table import TableError

KEYS = dict.fromkeys(("url", "base", "scope", "filter", "attribute", "bind-dn", "tls", "tls-ca"), str)
SCOPES = ("base", "one", "sub")


@dataclass(frozen=True, slots=True)
class Directory:
    """What the description says."""

    urls: tuple[str, ...]
    starttls: bool
    """Where the URL is an ldap: one."""
    authority: str
    """A file of certificates; empty for those of ldap.conf(5)."""
    bind_dn: str
    """Empty for an anonymous search."""
    password: str = field(repr=False)
    base: str
    scope: str
    filter: str
    attribute: str
    """Empty where the values do not matter."""


def described_directory(name: str) -> tuple[Path, Directory]:
    """What the file `name` describes, and its path. Raises TableError."""
    description = describe(name, KEYS, needed=("url", "base", "filter"))
    try:
        return description.path, _directory(description)
    except ValueError as error:
        raise TableError(f"{description.path}: {error}") from None


def _directory(description: Description) -> Directory:
    urls = [_checked_url(url) for url in description.text("url").split()]
    if not urls:
        raise ValueError("url: no server")
    starttls, authority = _tls(description, {url.scheme for url in urls})
    scope, bind_dn, password = description.text("scope", "sub"), description.text("bind-dn"), description.password or ""
    if scope not in SCOPES:
        raise ValueError(f"scope: {scope!r} is none of {', '.join(SCOPES)}")
    if bool(bind_dn) != bool(password):  # RFC 4513 5.1.2: a name with an empty password is let in, as anonymous
        raise ValueError("bind-dn and a password that is not empty go together")
    if "{key}" not in description.text("filter"):
        raise ValueError("filter: there is no {key} in it, which stands for what is looked up")
    return Directory(
        urls=tuple(url.geturl() for url in urls),
        starttls=starttls,
        authority=authority,
        bind_dn=bind_dn,
        password=password,
        base=description.text("base"),
        scope=scope,
        filter=description.text("filter"),
        attribute=description.text("attribute"),
    )


def _checked_url(text: str) -> SplitResult:
    url = urlsplit(text)
    if url.scheme not in ("ldap", "ldaps", "ldapi"):
        raise ValueError(f"url: {text} does not begin with ldap://, ldaps:// or ldapi://")
    if url.scheme == "ldapi" and url.path not in ("", "/"):
        raise ValueError(f"url: slashes of a socket are written %2F: ldapi://{url.path.replace('/', '%2F')}")
    if url.path not in ("", "/") or url.query or url.fragment or "@" in url.netloc:
        raise ValueError(f"url: {text} has more than a host and a port")
    if url.scheme != "ldapi" and not url.hostname:
        raise ValueError(f"url: {text} names no host")
    return url


def _tls(description: Description, schemes: set[str]) -> tuple[bool, str]:
    tls, authority = description.text("tls"), description.text("tls-ca")
    if tls not in ("", "starttls", "off"):
        raise ValueError(f"tls: {tls!r} is none of starttls, off")
    if tls and "ldap" not in schemes:
        raise ValueError("tls: it is for ldap:// alone; ldaps:// is TLS, ldapi:// a socket of this machine")
    if authority and "ldaps" not in schemes and (tls == "off" or "ldap" not in schemes):
        raise ValueError("tls-ca: there is no TLS for which it could count")
    if authority:
        if not Path(authority).is_file():
            raise ValueError(f"tls-ca: there is no file {authority}")
        require_safe(Path(authority))
    return tls != "off", authority
