"""The socket, parsed by ourselves.

libmilter takes Postfix's `inet:127.0.0.1:8894` for port 127 on every address, lets port 99999 wrap, and makes a file of
a bare `8894@127.0.0.1`; so its parser never sees what the user wrote.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import TypeAlias

MAX_UNIX_PATH = 107
"""Octets of a unix socket's path (unix(7): sun_path, less its NUL)."""


@dataclass(frozen=True, slots=True)
class UnixEndpoint:
    """A unix socket at an absolute path."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class InetEndpoint:
    """A TCP socket at a numeric IPv4 or IPv6 address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"inet6:{self.port}@[{self.host}]" if ":" in self.host else f"inet:{self.port}@{self.host}"


@dataclass(frozen=True, slots=True)
class FdEndpoint:
    """A listening socket that was handed down (systemd's first is 3, sd_listen_fds(3))."""

    number: int

    def __str__(self) -> str:
        return f"fd:{self.number}"


@dataclass(frozen=True, slots=True)
class NamedFdEndpoint:
    """Every socket of this name that systemd handed down: FileDescriptorName= (systemd.socket(5))."""

    name: str

    def __str__(self) -> str:
        return f"fd:{self.name}"


Endpoint: TypeAlias = UnixEndpoint | InetEndpoint | FdEndpoint | NamedFdEndpoint

_FORMS = "give unix:/PATH, inet:PORT@HOST, inet6:PORT@[HOST] or fd:N"
_FD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.@-]{0,254}")
_PORT_AT_HOST = re.compile(r"([0-9]+)@(.+)")
_HOST_PORT = re.compile(r"(\[.+\]|[^:]+):([0-9]+)")


def parse_endpoint(text: str) -> Endpoint:
    """The socket that this names. Raises ValueError, in words."""
    if text.startswith("/"):
        return _unix(text)
    kind, colon, rest = text.partition(":")
    if not colon:
        hint = f"did you mean inet:{text}?" if _PORT_AT_HOST.fullmatch(text) else _FORMS
        raise ValueError(f"{text!r} names no kind of socket: {hint}")
    match kind:
        case "unix" | "local":
            return _unix(rest)
        case "inet" | "inet6":
            return _inet(kind, rest)
        case "fd":
            return _fd(rest)
    raise ValueError(f"{kind!r} is no kind of socket: {_FORMS}")


def parse_control(text: str) -> UnixEndpoint | FdEndpoint | NamedFdEndpoint:
    """The control socket that this names: an absolute path, or fd:. Raises ValueError, in words."""
    endpoint = parse_endpoint(text)
    if isinstance(endpoint, InetEndpoint):
        raise ValueError(f"{text} is open to everybody on this machine: give the path of a unix socket")
    return endpoint


def _fd(text: str) -> FdEndpoint | NamedFdEndpoint:
    if text.isascii() and text.isdigit():
        return FdEndpoint(int(text))
    if not _FD_NAME.fullmatch(text):
        raise ValueError(f"fd:{text} is no file descriptor: give a number, such as fd:3, or a name that systemd gives")
    return NamedFdEndpoint(text)


def _unix(path: str) -> UnixEndpoint:
    if not path.startswith("/"):
        raise ValueError(f"the path {path!r} is not absolute")
    if len(path.encode()) > MAX_UNIX_PATH or "\0" in path:
        raise ValueError(f"the path of a unix socket has at most {MAX_UNIX_PATH} octets and no NUL")
    return UnixEndpoint(path)


def _inet(kind: str, rest: str) -> InetEndpoint:
    if match := _PORT_AT_HOST.fullmatch(rest):
        port, host = match.groups()
    elif match := _HOST_PORT.fullmatch(rest):
        host, port = match.groups()
    elif rest.isdigit():
        raise ValueError(f"{kind}:{rest} names no address: give inet:{rest}@127.0.0.1 for this machine alone")
    else:
        raise ValueError(f"{kind}:{rest} is neither PORT@HOST nor HOST:PORT")
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"{port} is no port: give 1 to 65535")
    return InetEndpoint(_host(kind, host.removeprefix("[").removesuffix("]")), int(port))


def _host(kind: str, host: str) -> str:
    if host == "localhost":
        return "::1" if kind == "inet6" else "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is no address: give a numeric one, or localhost") from None
    if (address.version == 6) != (kind == "inet6"):
        raise ValueError(f"{host} is not an {kind} address: say {'inet' if kind == 'inet6' else 'inet6'}")
    return str(address)
