"""Backing up the mail exchangers of others: what opens the relay is refused, what is odd is warned of."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from relaymilter.config.backup import own_addresses, parse_host
from relaymilter.policy.networks import parse_address

from .written import problems, reading, settings

FAR = "198.51.100.24/29"


def warnings(**given: str | tuple[str, ...]) -> list[str]:
    """What is warned of with these flags."""
    return list(reading(**given).warnings)


@pytest.mark.parametrize(
    "networks",
    [
        pytest.param(None, id="none"),
        pytest.param("!192.0.2.0/24", id="only an exclusion"),
        pytest.param("file:empty", id="an empty file"),
    ],
)
def test_no_networks(networks: str | None) -> None:
    """Without networks it is refused, and why: the DNS alone must not open the relay."""
    Path("empty").touch()
    given = {} if networks is None else {"mx_backup_networks": networks}
    (said,) = problems(mx_backup="a.test", mx_name="mx.here.test", **given)
    assert said.startswith(
        "--mx-backup: needs mx-backup-networks: without it whoever controls the DNS of such a domain"
    )


def test_whole_configuration() -> None:
    """Lists, files, subdomains and networks that are excluded are read as elsewhere, each mistake with its place."""
    Path("domains").write_text("a.test\n.b.test # and below\n")
    found = settings(
        mx_backup=("file:domains", "bücher.test"),
        mx_backup_networks=(FAR, "!198.51.100.30", "2001:db8:2::/64"),
        mx_name=("MX2.Here.test.", "bücher.test"),
    ).policy.backup
    assert found.domains is not None
    assert all(name in found.domains.known for name in ("a.test", ".b.test", "xn--bcher-kva.test"))
    assert ["198.51.100.24/29", "!198.51.100.30/32", "2001:db8:2::/64"] == [str(net) for net in found.networks.known]
    assert frozenset({"mx2.here.test", "xn--bcher-kva.test"}) == found.names


def test_every_mistake_at_once() -> None:
    """Each mistake is told, with its place."""
    Path("domains").write_text("a.test\n*.c.test\n")
    assert [
        "--dns-server: 'ns.test' is no name server: give an address, or ADDRESS:PORT, or [ADDRESS]:PORT",
        "--mx-backup-networks: 198.51.100.25/29 has host bits set: 198.51.100.24/29 was probably meant",
        "--mx-backup: '[192.0.2.1]' is an address: it has no mail exchanger to back up",
        "--mx-name: 'mx' is no full host name: give it as MX records have it, such as mx2.example.org",
        "domains:2: mx-backup: '*.c.test' has a wildcard: .example.org stands for the subdomains of example.org",
    ] == problems(
        mx_backup=("file:domains", "[192.0.2.1]"),
        mx_backup_networks=("198.51.100.25/29", FAR),
        mx_name=("mx", "mx.here.test"),
        dns_server="ns.test",
    )


def test_nothing_asked_for() -> None:
    """Without the option nothing is backed up, and neither the host's name nor its addresses matter."""
    assert settings().policy.backup.domains is None
    assert ["--mx-backup-networks: has no effect without mx-backup"] == warnings(mx_backup_networks=FAR)


def test_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless it is told, this host is called what the system calls it."""
    monkeypatch.setattr(socket, "getfqdn", lambda: "MX.Here.Test")
    assert frozenset({"mx.here.test"}) == settings(mx_backup="a.test", mx_backup_networks=FAR).policy.backup.names
    assert [] == warnings(mx_backup="a.test", mx_backup_networks=FAR)


@pytest.mark.parametrize("name", ["localhost", "vm", "", "192.0.2.1", "2001:db8::1", "a b.test"])
def test_no_own_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A system that does not know its full name (at boot, say) is warned of; it defers, and serves all else."""
    monkeypatch.setattr(socket, "getfqdn", lambda: name)
    assert [f"--mx-backup: this host calls itself {name!r}, which no MX record has: give mx-name"] == warnings(
        mx_backup="a.test", mx_backup_networks=FAR
    )
    assert frozenset() == settings(mx_backup="a.test", mx_backup_networks=FAR).policy.backup.names


@pytest.mark.parametrize("network", ["203.0.0.0/15", "10.0.0.0/8", "2001::/31"])
def test_wide(network: str) -> None:
    """A network that is wide is warned of, private ones too."""
    (said,) = warnings(mx_backup="a.test", mx_backup_networks=network, mx_name="mx.here.test")
    assert said.startswith(f"--mx-backup-networks: {network} is wide: ")


def test_our_own_address() -> None:
    """A network that holds an address of this host is warned of, unless that is excluded."""
    given = {"mx_backup": "a.test", "mx_name": "mx.here.test"}
    assert [
        "--mx-backup-networks: 127.0.0.0/24 holds 127.0.0.1, which is this host: exclude it, it is no backup of itself"
    ] == warnings(mx_backup_networks="127.0.0.0/24", **given)
    assert [] == warnings(mx_backup_networks=("127.0.0.0/24", "!127.0.0.1"), **given)


def test_own_addresses() -> None:
    """The system's list has loopback, and nothing but addresses."""
    found = own_addresses()
    assert "127.0.0.1" in found
    assert all(parse_address(text) for text in found)


@pytest.mark.parametrize("text", ["mx", "[192.0.2.1]", "192.0.2.1", "mx..test", "mx.test/", "-mx.test", ".mx.test"])
def test_no_host(text: str) -> None:
    """A host name is full, and no address."""
    with pytest.raises(ValueError, match="is no (full )?host name"):
        parse_host(text)


def test_value_has_a_place() -> None:
    """In a file the place is file, line and key."""
    toml = 'mx-backup = [\n  "a.test",\n  "[192.0.2.1]",\n]\nmx-name = ["mx.a.test"]\n'
    assert (
        "relaymilter.toml:3: mx-backup: '[192.0.2.1]' is an address: it has no mail exchanger to back up"
        in problems(toml, mx_backup_networks=FAR)
    )
