"""Where the daemon listens: what is opened at the start, and stays until the end."""

import importlib.util
import re
from dataclasses import dataclass

from relaymilter.config.account import group_id
from relaymilter.config.endpoint import Endpoint, parse_control, parse_endpoint
from relaymilter.config.option import ListOption, Option
from relaymilter.config.scalars import absolute
from relaymilter.config.values import Values


def _octal_mode(text: str) -> int:
    """Permissions, such as 0660; a socket that others may write to would let any local user ask for verdicts."""
    if not re.fullmatch(r"0?o?[0-7]{3}", text):
        raise ValueError(f"{text!r} is no mode: give three octal digits, such as 0660")
    return int(text[-3:], 8)


def _metrics(text: str) -> Endpoint:
    """A socket, where there is what serves it."""
    endpoint = parse_endpoint(text)
    if importlib.util.find_spec("prometheus_client") is None:
        raise ValueError("prometheus-client is not installed (Debian's python3-prometheus-client)")
    return endpoint


SOCKET = ListOption(
    "socket",
    "Where to listen: unix:PATH, local:PATH, a bare path, inet:PORT@HOST, inet:HOST:PORT, inet6:PORT@[HOST], fd:N, or "
    "fd:NAME.",
    "SOCKET",
    short=("-p",),
    parse=parse_endpoint,
    default=("inet:8894@127.0.0.1",),
)
SOCKET_MODE = Option(
    "socket-mode", "The permissions of a unix socket, in octal.", "MODE", parse=_octal_mode, default="0660"
)
SOCKET_GROUP = Option("socket-group", "The group of a unix socket.", "GROUP", parse=group_id)
PIDFILE = Option("pidfile", "Write the process id to this file.", "PATH", short=("-P",), parse=absolute)
CONTROL = Option(
    "control",
    "The unix socket where `status` and `reload` ask, or fd:NAME; else it is beside the pid file.",
    "PATH",
    parse=parse_control,
)
METRICS = Option(
    "metrics",
    "Where Prometheus may ask how it goes, over HTTP, such as inet:9894@127.0.0.1; forms as of --socket.",
    "SOCKET",
    parse=_metrics,
)
OPTIONS = (SOCKET, SOCKET_MODE, SOCKET_GROUP, PIDFILE, CONTROL, METRICS)


@dataclass(frozen=True, slots=True)
class ListenSettings:
    """What is opened at the start, and stays until the end."""

    sockets: tuple[Endpoint, ...]
    """No two are the same."""
    socket_mode: int
    socket_gid: int | None
    pidfile: str | None
    control: Endpoint | None = None
    """Where the daemon is asked; None: where daemon.control.default_control() says."""
    metrics: Endpoint | None = None
    """Where Prometheus asks; None: nowhere."""


def read(values: Values) -> ListenSettings:
    """The sockets, who may open them, and where the daemon is asked and leaves its process id."""
    return ListenSettings(
        sockets=values.unique(SOCKET) or tuple(map(parse_endpoint, SOCKET.default)),
        socket_mode=values.one(SOCKET_MODE),
        socket_gid=values.maybe(SOCKET_GROUP),
        pidfile=values.maybe(PIDFILE),
        control=values.maybe(CONTROL),
        metrics=values.maybe(METRICS),
    )
