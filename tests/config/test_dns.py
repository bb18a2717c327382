"""What the DNS is asked, and what it must say: every mistake, and the order of what asks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.config.dns import parse_name_server
from relaymilter.config.wiring import ruleset
from relaymilter.policy.envelope import Need
from relaymilter.policy.rules import Restriction

from .written import problems, reading, settings

FAR = "198.51.100.24/29"


def test_watched_name_servers() -> None:
    """A new /etc/resolv.conf is a reason to reload, where it says whom to ask."""
    given = {"mx_backup": "a.test", "mx_backup_networks": FAR, "mx_name": "mx.here.test"}
    assert Path("/etc/resolv.conf") in reading(**given).files
    assert frozenset() == reading(dns_server="127.0.0.1", **given).files
    assert frozenset() == reading().files


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:DB8::53]", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
        ("fe80::1%eth0", ("fe80::1%eth0", 53)),
        ("::ffff:192.0.2.53", ("::ffff:c000:235", 53)),
    ],
)
def test_name_server(text: str, expected: tuple[str, int]) -> None:
    """An address, with a port or without."""
    assert expected == parse_name_server(text)


@pytest.mark.parametrize(
    "text",
    ["", "ns.test", "192.0.2.53:", "192.0.2.53:0", "192.0.2.53:65536", "192.0.2", "[::1", "[::1]:x", "file:servers"],
)
def test_no_name_server(text: str) -> None:
    """Anything else is refused, in words."""
    with pytest.raises(ValueError, match=r"is no (name server|port)"):
        parse_name_server(text)


def test_a_name_server_twice() -> None:
    """One address is one server: dnspython knows one port of each."""
    assert ["--dns-server: 127.0.0.1 is given twice"] == problems(dns_server=("127.0.0.1:53", "127.0.0.1:54"))


def restrictions(**given: str | tuple[str, ...]) -> tuple[Restriction, ...]:
    """What these flags come to."""
    return ruleset(settings(**given).policy).restrictions


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        ("dnsbl", "bl", "'bl' is no list in the DNS: give its zone, such as bl.example.org"),
        ("dnsbl", "bl.test*0", "'0' is no weight: give 1 to 1000000, or -1 and below for a list of good clients"),
        ("dnsbl_threshold", "0", "'0' is no threshold: give 1 to 1000000"),
        ("dnsbl_threshold", "1.5", "'1.5' is no threshold: give 1 to 1000000"),
        ("dnsbl_threshold", "10000000", "'10000000' is no threshold: give 1 to 1000000"),
        ("dnsbl_threshold", "\u0662", "'\u0662' is no threshold: give 1 to 1000000"),
    ],
)
def test_mistake(key: str, entry: str, message: str) -> None:
    """Each is told with its flag."""
    assert [f"--{key.replace('_', '-')}: {message}"] == problems(**{key: entry})


def test_every_mistake() -> None:
    """All at once, and a list that is given twice is one."""
    found = problems('dnsbl = ["bl.test", "bl.test=127.0.0.2", "BL.test", "x"]\ndnsbl-threshold = 0\n')
    assert [
        "relaymilter.toml:1: dnsbl: 'BL.test' is given twice",
        "relaymilter.toml:1: dnsbl: 'x' is no list in the DNS: give its zone, such as bl.example.org",
        "relaymilter.toml:2: dnsbl-threshold: '0' is no threshold: give 1 to 1000000",
    ] == found


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        pytest.param({"dnsbl": "bl.test"}, (), id="none"),
        pytest.param({"dnsbl": ("bl.test", "good.test*-2"), "dnsbl_threshold": "1"}, (), id="good"),
        pytest.param(
            {"dnsbl": ("bl.test*2", "good.test*-2"), "dnsbl_threshold": "3"},
            ("--dnsbl: all lists weigh 2 together, less than dnsbl-threshold: none is refused",),
            id="never reached",
        ),
        pytest.param(
            {"dnsbl_threshold": "3"}, ("--dnsbl-threshold: has no effect without dnsbl",), id="a threshold alone"
        ),
    ],
)
def test_warning(given: dict[str, str | tuple[str, ...]], warnings: tuple[str, ...]) -> None:
    """What has no effect is warned of."""
    assert warnings == reading(**given).warnings


ALL = {"dnsbl": "bl.test", "sender_domain_exists": "yes", "forward_confirmed": "yes"}


def test_order() -> None:
    """They come after those that need no DNS, and only where they are asked for; --warn knows them."""
    given = {**ALL, "deny_helo": "a.test", "warn": ("dnsbl", "forward-confirmed")}
    assert [
        ("deny-helo", False),
        ("forward-confirmed", True),
        ("sender-domain-exists", False),
        ("dnsbl", True),
    ] == [(restriction.name, restriction.warns) for restriction in restrictions(**given)]
    assert () == restrictions()
    assert ["sender-domain-exists"] == [each.name for each in restrictions(sender_domain_exists="yes")]


@pytest.mark.parametrize(("certificate", "needs"), [(None, frozenset()), ("a|b", frozenset({Need.CERTIFICATE}))])
def test_certificates(certificate: str | None, needs: frozenset[Need]) -> None:
    """Who has an authorised certificate is no stranger, so the MTA must tell of it."""
    given = ALL if certificate is None else {**ALL, "certificate": certificate}
    assert {"dnsbl": needs, "forward-confirmed": needs, "sender-domain-exists": frozenset()} == {
        each.name: each.needs for each in restrictions(**given)
    }


@pytest.mark.parametrize(
    ("given", "watched"),
    [
        ({"dnsbl": "bl.test"}, True),
        ({"sender_domain_exists": "yes"}, True),
        ({"sender_domain_exists": "no"}, False),
        ({"dnsbl": "bl.test", "dns_server": "127.0.0.1"}, False),
    ],
)
def test_name_servers_of_the_system(given: dict[str, str], watched: bool) -> None:
    """Where those of /etc/resolv.conf are asked, a change of it reloads."""
    assert watched is (Path("/etc/resolv.conf") in reading(**given).files)
