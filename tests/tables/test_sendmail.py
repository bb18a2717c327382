"""`sendmail:`: what an access map and a list say, as Sendmail's own rules take them; and what is left out, by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, Reading, read
from relaymilter.policy.domains import DomainList
from relaymilter.policy.networks import Networks, parse_address
from relaymilter.tables import sendmail
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import TableError
from tests.rig import why_unusable
from tests.rig.rulesets import relays_for, relays_to, sendmail_path, write_cf

from .kinds.sendmail import makemap

ACCESS = """\
# tag, key, value
Connect:192.0.2\tRELAY
192.0.2.5\tREJECT
Connect:192.0.2.6\tOK
192.0.2.7\tSKIP
CONNECT:192.0.2.8\tERROR:5.7.1:550 No
192.0.2.9\tRELAY
Connect:192.0.2.9\tREJECT
192.0.2.10\tREJECT
Connect:192.0.2.10\tRELAY
Connect:198.51\trelay\t
198.51.100\tDISCARD
198.51.100.7\tRELAY
203.0.113.1\tRELAY
203.0.113.2\tRELAY # not the value that it seems
203.0.113.\tRELAY
203.0.113.16/28\tRELAY
203.0.113.03\tRELAY
Connect:IPv6:2001:db8\tRELAY
IPv6:2001:db8:0:1\tREJECT
IPv6:2001:DB8:0:1:0:0:0:9\tRELAY
IPv6:2001:db9::1\tRELAY
IPv6:2001:0dba\tRELAY
198.51.100.9\tREJECT
203.0.113.9\tREJECT
To:example.org\tRELAY
Example.NET\tRELAY
To:no.example.net\tREJECT
yes.no.example.net\tRELAY
To:example.com\tOK
www.example.com\tRELAY
To:www.example.com\tREJECT
To:both.example\tRELAY
both.example\tREJECT
.dot.example\tRELAY
end.example.\tRELAY
To:[192.0.2.25]\tRELAY
To:[192.0.2]\tRELAY
10\tRELAY
To:11\tRELAY
From:from.example\tRELAY
Connect:name.example\tRELAY
user@mailbox.example\tRELAY
To:user@box.example\tRELAY
user@\tRELAY
GreetPause:192.0.2\t0
CERTISSUER:/C=US/CN=ca\tRELAY
"""

ADDRESSES = [
    *(f"192.0.2.{last}" for last in (1, 4, 5, 6, 7, 8, 9, 10, 50, 255)),
    *("198.51.0.1", "198.51.99.255", "198.51.100.1", "198.51.100.7", "198.51.100.9", "198.51.101.0", "198.50.1.1"),
    *("203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.9", "203.0.113.10", "203.0.113.16", "203.0.112.1"),
    *("2001:db8::1", "2001:db8:0:1::8", "2001:db8:0:1::9", "2001:db8:0:11::8", "2001:db8:1::1", "2001:db80::1"),
    *("2001:db9::1", "2001:dba::1", "2001:dbb::1", "10.0.0.1", "10.255.255.255", "11.0.0.1", "100.0.0.1", "1.0.0.1"),
]
DOMAINS = [
    *("example.org", "www.example.org", "a.b.example.org", "xexample.org", "org", "EXAMPLE.org"),
    *("example.net", "www.example.net", "no.example.net", "x.no.example.net", "yes.no.example.net"),
    *("a.yes.no.example.net", "example.com", "www.example.com", "x.www.example.com", "both.example", "x.both.example"),
    *("dot.example", "x.dot.example", "end.example", "[192.0.2.25]", "[192.0.2.26]", "11", "1.11", "from.example"),
    *("name.example", "mailbox.example", "box.example", "mx.example.org", "hosts.example"),
]
CLOSED_HERE = {"www.example.net", "[192.0.2.26]", "11", "1.11"}
"""Relayed to by Sendmail alone, and told of: of a domain with an exception its subdomains, and what is no domain."""


@pytest.fixture(scope="module", params=["access", "access.db", "source"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The access map, named in each way."""
    if reason := why_unusable():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("access")
    (folder / "access").write_text(ACCESS)
    if request.param != "source":
        makemap(folder / "access", ACCESS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", sendmail_path(folder / "programs"))
        yield f"sendmail:{folder / request.param.replace('source', 'access')}"


@pytest.fixture(scope="module")
def cf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Sendmail with the access map."""
    if reason := why_unusable():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("mail")
    makemap(folder / "access", ACCESS)
    return write_cf(folder, "FEATURE(`access_db', , `skip')")


def reading(**given: str) -> Reading:
    """What flags come to."""
    return read(Flags({key.replace("_", "-"): (text,) for key, text in given.items()}))


def our_clients(table: str) -> set[str]:
    """Those addresses that are local to us."""
    networks = Networks(reading(local_network=table).settings.policy.local.networks.known)
    found = {text: networks.find(address) for text in ADDRESSES if (address := parse_address(text))}
    return {text for text, local in found.items() if local and not local.excluded}


def our_domains(table: str) -> set[str]:
    """Those domains that we relay for."""
    domains = DomainList(reading(relay_domain=table).settings.policy.local.relay_domains.known)
    return {domain for domain in DOMAINS if domains.match(domain.lower())}


def test_clients_are_those_of_sendmail(table: str, cf: Path) -> None:
    """The same addresses may relay, in each form of the map."""
    assert relays_for(cf, ADDRESSES) == our_clients(table)


def test_domains_are_those_of_sendmail(table: str, cf: Path) -> None:
    """The same domains are relayed for, but one that we cannot express, and that is closed therefore."""
    theirs = relays_to(cf, DOMAINS)
    assert theirs >= CLOSED_HERE | {"mx.example.org"}
    assert theirs - CLOSED_HERE == our_domains(table)


@pytest.fixture
def access(tmp_path: Path) -> Path:
    """The source of the map, whose lines have numbers that can be told."""
    path = tmp_path / "access"
    path.write_text(ACCESS)
    return path


def line(text: str) -> int:
    """The line that begins so."""
    return next(number for number, found in enumerate(ACCESS.split("\n"), 1) if found.startswith(text))


@pytest.mark.parametrize(
    ("begins", "why"),
    [
        ("Connect:name.example", "the name of a client can be forged: give its address"),
        ("From:from.example", "the sender can be forged"),
        ("CERTISSUER:/C=US/CN=ca", "certificates are not read from here"),
    ],
)
def test_clients_that_are_not_honoured(access: Path, begins: str, why: str) -> None:
    """A RELAY that opens by what can be forged is left out, and named with its place."""
    expected = f"{access}:{line(begins)}: local-network: {begins} RELAY is not honoured: {why}"
    assert expected in reading(local_network=f"sendmail:{access}").warnings


@pytest.mark.parametrize(
    ("begins", "why"),
    [
        ("user@mailbox.example", "it is a mailbox, not a domain"),
        ("To:user@box.example", "it is a mailbox, not a domain"),
        ("user@", "it is a mailbox, not a domain"),
        (".dot.example", "it needs FEATURE(lookupdotdomain): give it as an entry of its own"),
        ("To:[192.0.2]", "it is no domain"),
        ("To:11", "it is no domain"),
        ("end.example.", "it is no domain"),
        ("203.0.113.16/28", "it is no domain"),
        ("IPv6:2001:db9::1", "it is no domain"),
    ],
)
def test_recipients_that_are_not_honoured(access: Path, begins: str, why: str) -> None:
    """A RELAY that is no domain is left out, and named with its place."""
    at = next(number for number, found in enumerate(ACCESS.split("\n"), 1) if found.startswith(begins + "\t"))
    expected = f"{access}:{at}: relay-domain: {begins} RELAY is not honoured: {why}"
    assert expected in reading(relay_domain=f"sendmail:{access}").warnings


def test_other_values_are_named(access: Path) -> None:
    """What does not say RELAY is named with its place, in one line."""
    at = {key: f"{key} ({line(key)})" for key in ("GreetPause:192.0.2", "203.0.113.2\t", "203.0.113.9")}
    left = ", ".join(at.values()).replace("\t", "")
    expected = f"--local-network: {access}: left to Sendmail, because they do not say RELAY: {left}"
    assert expected in reading(local_network=f"sendmail:{access}").warnings


def test_names_without_a_tag_are_domains_alone(access: Path) -> None:
    """Untagged, a domain also stands for clients of that name to Sendmail; not here, and that is said."""
    said = [text for text in reading(local_network=f"sendmail:{access}").warnings if "these names" in text]
    assert len(said) == 1
    assert f"Example.NET ({line('Example.NET')})" in said[0]


def test_an_exception_is_told(access: Path) -> None:
    """That a domain stands for itself alone is said where the exception stands."""
    expected = (
        f"{access}:{line('To:no.example.net')}: relay-domain: no.example.net is REJECT, so here example.net stands for "
        "none of its subdomains: give those that are relayed for by themselves"
    )
    assert expected in reading(relay_domain=f"sendmail:{access}").warnings


def test_hosts_only(tmp_path: Path) -> None:
    """With FEATURE(relay_hosts_only) no domain stands for its subdomains."""
    path = tmp_path / "access"
    path.write_text("To:example.org\tRELAY\n")
    known = reading(relay_domain=f"sendmail:hosts-only:{path}").settings.policy.local.relay_domains.known
    assert frozenset({"example.org"}) == known


LIST = """\
# class R
relay.example
Other.Example # with a comment
.sub.example second.word
192.0.2
198.51.100.
IPv6:2001:db8
[192.0.2.25]
10.0.0.0/8
*.example
"""


def test_list_gives_each_option_its_sort(tmp_path: Path) -> None:
    """Of relay-domains the domains are relay domains, the beginnings of addresses local networks."""
    path = tmp_path / "relay-domains"
    path.write_text(LIST.replace(" second.word", ""))
    found = reading(relay_domain=f"sendmail:{path}", local_network=f"sendmail:{path}")
    policy = found.settings.policy
    domains = {"relay.example", "other.example", ".sub.example", "[192.0.2.25]"}
    assert domains == policy.local.relay_domains.known
    networks = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]
    assert networks == [str(local) for local in policy.local.networks.known]
    neither = "Sendmail takes it neither for the beginning of an address nor for a domain, so it is left out"
    assert {
        f"{path}:{at}: {option}: {key}: {neither}"
        for option in ("relay-domain", "local-network")
        for at, key in ((9, "10.0.0.0/8"), (10, "*.example"))
    } == set(found.warnings)


def test_files_are_watched(tmp_path: Path) -> None:
    """A list is read again when it changes, and when a map of that name is made."""
    path = tmp_path / "local-host-names"
    path.write_text("example.org\n")
    assert {path, tmp_path / "local-host-names.db"} == reading(local_domain=f"sendmail:{path}").files


def test_no_logins_in_a_map(access: Path) -> None:
    """An access map has no logins."""
    with pytest.raises(ConfigError, match=f"--authorised-login: {access}: there are no logins in an access map"):
        reading(authorised_login=f"sendmail:{access}")


def opening(path: str) -> str:
    """Why it cannot be opened."""
    with pytest.raises(TableError) as refused:
        open_table(f"sendmail:{path}")
    return str(refused.value)


def test_missing(tmp_path: Path) -> None:
    """A file that is not there is named."""
    assert f"{tmp_path}/none: No such file or directory" == opening(f"{tmp_path}/none")
    assert f"{tmp_path}/none.db: No such file or directory" == opening(f"{tmp_path}/none.db")


def test_no_map(tmp_path: Path) -> None:
    """A .db that makemap has not made is refused."""
    (tmp_path / "access.db").write_bytes(b"SQLite format 3\0" * 4)
    assert f"{tmp_path}/access.db: is no map that makemap has made" == opening(f"{tmp_path}/access")


def test_without_makemap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where makemap is not installed, it is said how to."""
    (tmp_path / "access.db").write_bytes(bytes(12) + (0x61561).to_bytes(4, "little"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sendmail, "ELSEWHERE", ())
    expected = "needs makemap, which comes with Sendmail: apt install sendmail-bin"
    assert f"{tmp_path}/access.db: {expected}" == opening(f"{tmp_path}/access.db")


def test_damaged_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makemap says of a map that it cannot read is told, and no part of it is used."""
    if reason := why_unusable():
        pytest.skip(reason)
    database = makemap(tmp_path / "access", ACCESS)
    database.write_bytes(database.read_bytes()[:100])
    monkeypatch.setenv("PATH", sendmail_path(tmp_path / "programs"))
    assert opening(f"{tmp_path}/access").startswith(f"{database}: makemap: error opening type hash map")


def test_what_everyone_may_write(tmp_path: Path) -> None:
    """A list, and a map that is named without its suffix, must not be everyone's to change."""
    (tmp_path / "relay-domains").write_text("example.org\n")
    (tmp_path / "relay-domains").chmod(0o666)
    assert "everyone may write it" in opening(f"{tmp_path}/relay-domains")
    (tmp_path / "access.db").write_bytes(bytes(12) + (0x61561).to_bytes(4, "little"))
    (tmp_path / "access.db").chmod(0o666)
    assert "everyone may write it" in opening(f"{tmp_path}/access")


def test_makemap_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for for ever."""
    (tmp_path / "access.db").write_bytes(bytes(12) + (0x61561).to_bytes(4, "little"))
    (tmp_path / "makemap").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "makemap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(sendmail, "SECONDS", 0.2)
    assert "timed out" in opening(f"{tmp_path}/access.db")


def test_command_is_safe(tmp_path: Path) -> None:
    """No part of a name is a command, an option or a pattern."""
    for name in ("-x", "$(id)", "a b", "*", "a\nb"):
        assert f"{tmp_path}/{name}: No such file or directory" == opening(f"{tmp_path}/{name}")
