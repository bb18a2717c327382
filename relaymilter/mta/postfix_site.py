"""A Postfix as a whole: every parameter of main.cf, and the services of master.cf, each with what it has of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from relaymilter.mta.postconf import parameters, printed
from relaymilter.policy.networks import parse_address
from relaymilter.tables.braces import words


@dataclass(frozen=True, slots=True)
class Service:
    """One line of master.cf (master(5))."""

    name: str
    """Such as `submission/inet`."""
    program: str
    """What runs, such as `smtpd`."""
    chrooted: bool
    """It sees the queue directory as the root."""
    main: Mapping[str, str] = field(repr=False)
    own: Mapping[str, str] = field(default_factory=dict)
    """What `-o` sets."""

    def value(self, parameter: str) -> str:
        """What holds for this service; empty for what this Postfix does not know."""
        return self.own.get(parameter, self.main.get(parameter, ""))

    def place(self, parameter: str) -> str:
        """Where that is set."""
        return f"postfix: master.cf: {self.name}" if parameter in self.own else f"postfix: {parameter}"

    def line(self, parameter: str, value: str) -> str:
        """The line that sets it there to something else."""
        if parameter in self.own:
            return f"master.cf: {self.name}: -o {{ {parameter} = {value} }}"
        return f"main.cf: {parameter} = {value}"

    @property
    def takes_mail(self) -> bool:
        """Clients speak SMTP to it."""
        return self.program == "smtpd" and self.name.rpartition("/")[2] in ("inet", "pass")

    @property
    def public(self) -> bool:
        """Others than this machine can connect to it."""
        if not self.takes_mail:
            return False
        where, _, kind = self.name.rpartition("/")
        host = where.rpartition(":")[0]
        interfaces = [host] if kind == "inet" and host else [*words(self.value("inet_interfaces"))]
        return not all(map(_is_loopback, interfaces)) or not interfaces


@dataclass(frozen=True, slots=True)
class PostfixSite:
    """A Postfix's configuration."""

    directory: str
    """Where it is, if it is not where Postfix itself looks."""
    main: Mapping[str, str]
    """Every parameter, expanded."""
    services: tuple[Service, ...]

    @property
    def public(self) -> list[Service]:
        """The services by which strangers bring mail."""
        return [service for service in self.services if service.public]

    @property
    def queue(self) -> str:
        """The root of services that are chrooted, and what other paths are relative to."""
        return self.main.get("queue_directory", "/var/spool/postfix")

    @property
    def version(self) -> tuple[int, ...]:
        """Such as (3, 7, 11)."""
        return numbers(self.main.get("mail_version", ""))


def read_site(directory: str | None) -> PostfixSite:
    """The Postfix with main.cf in this directory; None: the usual one. Raises TableError."""
    main = parameters(directory, "-x")
    own = parameters(directory, "-x", "-P")
    lines = [line.split(None, 8) for line in printed(directory, "-M").splitlines()]
    services = (_service(line, main, own) for line in lines if len(line) > 7)
    return PostfixSite(directory or "", main, tuple(services))


def numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    match = re.match(r"[\d.]+", version)
    return tuple(int(number) for number in match[0].split(".") if number) if match else ()


def _service(line: list[str], main: Mapping[str, str], own: Mapping[str, str]) -> Service:
    name = f"{line[0]}/{line[1]}"
    # Before 3.0, which compatibility level 0 stands for, the default is y: master(5).
    chrooted = line[4] == "y" or (line[4] == "-" and numbers(main.get("compatibility_level", "")) < (1,))
    mine = {key.rpartition("/")[2]: value for key, value in own.items() if key.rpartition("/")[0] == name}
    return Service(name, line[7], chrooted, main, mine)


def _is_loopback(interface: str) -> bool:
    if interface in ("localhost", "loopback-only"):
        return True
    address = parse_address(interface.removeprefix("[").removesuffix("]"))
    return address is not None and address.is_loopback
