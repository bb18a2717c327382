"""What is read of a Sendmail's configuration opens no more than that Sendmail does, asked of its own rules."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.config.model import PolicySettings
from relaymilter.config.reader import Flags, read
from relaymilter.mta import sendmail, sendmail_classes
from relaymilter.mta.registry import read_mta
from relaymilter.mta.sendmail_cf import read_cf
from relaymilter.mta.settings import MtaSettings, Setting
from relaymilter.policy.domains import DomainList
from relaymilter.policy.networks import Networks, parse_address
from tests.rig import why_unusable
from tests.rig.rulesets import relays_for, relays_to, sendmail_path, write_cf
from tests.tables.kinds.sendmail import makemap

LOCAL = """\
# class w
example.org
EXAMPLE.net # ours
localhost.localdomain
[198.51.100.25]
[IPv6:2001:db8:0:0:0:0:0:25]
_odd
end.example.
"""
RELAYED = """\
# class R
relay.example
.below.example
mx.relay2.example
192.0.2
198.51.100.7
203.0.113.
IPv6:2001:db8:1
IPv6:2001:db8:2:
IPv6:2001:db8::7
[192.0.2.99]
10.0.0.0/8
300.1
*.star.example
user@mailbox.example
"""
ACCESS = """\
Connect:172.16\tRELAY
Connect:172.16.1\tREJECT
172.16.1.7\tRELAY
Connect:name.example\tRELAY
To:access.example\tRELAY
From:from.example\tRELAY
"""
ADDRESSES = [
    *("127.0.0.1", "127.0.0.2", "::1", "192.0.2.1", "192.0.3.1", "198.51.100.7", "198.51.100.70", "203.0.113.1"),
    *("198.51.100.25", "2001:db8::25", "2001:db8:1::1", "2001:db8:10::1", "2001:db8:2::1", "2001:db8:2f::1"),
    *("2001:db8::7", "10.0.0.1", "172.16.0.1", "172.16.1.1", "172.16.1.7", "172.17.0.1", "8.8.8.8"),
]
DOMAINS = [
    *("example.org", "www.example.org", "example.net", "Example.ORG", "mx.example.org", "localhost", "mx", "org"),
    *("[198.51.100.25]", "[IPv6:2001:db8:0:0:0:0:0:25]", "[198.51.100.26]", "[192.0.2.99]", "_odd", "end.example"),
    *("relay.example", "www.relay.example", "xrelay.example", "below.example", "x.below.example", "relay2.example"),
    *("mx.relay2.example", "a.mx.relay2.example", "300.1", "x.300.1", "star.example", "x.star.example"),
    *("mailbox.example", "access.example", "x.access.example", "name.example", "from.example", "virtual.example"),
    *("x.virtual.example", "mail.example", "192.0.2", "x.192.0.2", "10.0.0.0", "evil.example", "relay.example.evil"),
]

BASIC = ("FEATURE(`use_cw_file')",)
WITH_ACCESS = (*BASIC, "FEATURE(`access_db')")
CONFIGURATIONS = {
    "basic": BASIC,
    "access": WITH_ACCESS,
    "skip": (*BASIC, "FEATURE(`access_db', , `skip')", "FEATURE(`blocklist_recipients')"),
    "hosts-only": (*WITH_ACCESS, "FEATURE(`relay_hosts_only')"),
    "virtual": (*BASIC, "VIRTUSER_DOMAIN(`virtual.example')", "FEATURE(`virtusertable', `hash -o {folder}/virtual')"),
    "mailertable": (*BASIC, "FEATURE(`mailertable', `hash -o {folder}/mailer')", "LOCAL_DOMAIN(`mail.example')"),
    "delay-checks": (*WITH_ACCESS, "FEATURE(`delay_checks')"),
    "logins": (*WITH_ACCESS, "TRUST_AUTH_MECH(`PLAIN LOGIN')"),
    "entire-domain": (*WITH_ACCESS, "FEATURE(`relay_entire_domain')"),
    "local-from": (*WITH_ACCESS, "FEATURE(`relay_local_from')"),
    "mail-from": (*WITH_ACCESS, "FEATURE(`relay_mail_from', `domain')"),
    "loose": (*WITH_ACCESS, "FEATURE(`loose_relay_check')"),
}


def configured(folder: Path, *features: str) -> Path:
    """The folder of a Sendmail, its files written."""
    (folder / "local-host-names").write_text(LOCAL)
    (folder / "relay-domains").write_text(RELAYED)
    makemap(folder / "access", ACCESS)
    write_cf(folder, *(feature.format(folder=folder) for feature in features))
    return folder


@pytest.fixture(scope="module", autouse=True)
def _sendmail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if reason := why_unusable():
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", sendmail_path(tmp_path_factory.mktemp("programs")))
        yield


CLOSED_HERE = {"entire-domain": {"www.example.org"}}
"""Reached by anyone there alone, and warned of."""
NOWHERE = {"x.300.1", "300.1", "x.192.0.2", "192.0.2"}
"""Relayed for there, but no domain can have these names."""


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_opens_what_sendmail_opens(tmp_path: Path, name: str) -> None:
    """Who may relay there may relay here, and whom anyone may reach there anyone may reach here; and nobody else."""
    cf = configured(tmp_path, *CONFIGURATIONS[name]) / "sendmail.cf"
    policy = read(Flags({"mta": (f"sendmail:{tmp_path}",)})).settings.policy
    assert relays_for(cf, ADDRESSES) == our_clients(policy)
    assert relays_to(cf, DOMAINS) - CLOSED_HERE.get(name, set()) - NOWHERE == our_domains(policy)


def our_clients(policy: PolicySettings) -> set[str]:
    """Those addresses that are local."""
    networks = Networks(policy.local.networks.known)
    found = {text: networks.find(address) for text in ADDRESSES if (address := parse_address(text))}
    return {text for text, local in found.items() if local and not local.excluded}


def our_domains(policy: PolicySettings) -> set[str]:
    """Those domains that are local or relayed for."""
    lists = DomainList(policy.local.domains.known), DomainList(policy.local.relay_domains.known)
    return {domain for domain in DOMAINS if any(known.match(form(domain)) for known in lists)}


def form(domain: str) -> str:
    """As our policy has it."""
    return domain.lower().replace(":0:0:0:0:0:", "::")


def found(folder: Path) -> MtaSettings:
    """What is read of it."""
    return sendmail.read(str(folder))


def remarks(folder: Path) -> list[str]:
    """All of them, with their places."""
    return [f"{remark.place}: {remark.text}" for remark in found(folder).remarks]


def settings(folder: Path) -> list[tuple[str, str]]:
    """All of them, wherever the folder is."""
    return [(setting.key, setting.text.replace(str(folder), "")) for setting in found(folder).settings]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Those of a Sendmail with an access map, and nothing else."""
    return settings(configured(tmp_path_factory.mktemp("usual"), *WITH_ACCESS))


NAMES = "clients whose names are in the classes w and R may relay; not here, because a name can be forged"
NO_LOGIN = (
    "no mechanism of AUTH is trusted for relaying (TRUST_AUTH_MECH), but here every login may relay: "
    "give authorised-login"
)
NO_EFFECT = "has no effect: to Sendmail it is no domain, and no beginning of an address"


def line_of(folder: Path, text: str) -> str:
    """The place of the line of sendmail.cf that has this."""
    lines = (folder / "sendmail.cf").read_text().split("\n")
    return f"{folder}/sendmail.cf:{next(number for number, line in enumerate(lines, 1) if text in line)}"


def test_remarks_on_what_has_no_effect(tmp_path: Path) -> None:
    """What is in a file, but not to Sendmail, is named; so are the names that it goes by, and its logins."""
    folder = configured(tmp_path, *BASIC)
    assert sorted(remarks(folder)) == sorted(
        [
            "sendmail: class w: end.example. is no domain that a recipient can have",
            f"sendmail: class R: 10.0.0.0/8 {NO_EFFECT}",
            f"sendmail: class R: 300.1 {NO_EFFECT}",
            f"sendmail: class R: *.star.example {NO_EFFECT}",
            f"sendmail: class R: user@mailbox.example {NO_EFFECT}",
            f"sendmail: class R: IPv6:2001:db8::7 {NO_EFFECT}",
            f"{line_of(folder, 'R<?> $=w')}: {NAMES}",
            f"{folder}/sendmail.cf: {NO_LOGIN}",
        ]
    )


@pytest.mark.parametrize(
    ("lines", "at", "text"),
    [
        pytest.param(
            "FEATURE(`relay_entire_domain')",
            "R$+ < @ $* $=m >",
            "FEATURE(relay_entire_domain) is not carried over: give the domain as relay-domain, if need be",
            id="relay_entire_domain",
        ),
        pytest.param(
            "FEATURE(`relay_based_on_MX')",
            "R<$* : $=w . : $*> $*",
            "FEATURE(relay_based_on_MX) relays for whoever names this host as an MX: their owners decide, not you; "
            "not carried over",
            id="relay_based_on_MX",
        ),
        pytest.param(
            "FEATURE(`relay_local_from')",
            "R<?> $+ < @ $=w >\t$@ RELAY",
            "FEATURE(relay_local_from) lets everyone relay who gives a local sender, which is forged at will; "
            "not carried over",
            id="relay_local_from",
        ),
        pytest.param(
            "FEATURE(`relay_mail_from')",
            "R<@> <RELAY>",
            "FEATURE(relay_mail_from) lets everyone relay who gives a listed sender, which is forged at will; "
            "not carried over",
            id="relay_mail_from",
        ),
        pytest.param(
            "FEATURE(`bestmx_is_local')",
            "Kbestmx",
            "FEATURE(bestmx_is_local) takes for local what names this host as an MX: their owners decide, not you; "
            "not carried over",
            id="bestmx_is_local",
        ),
        pytest.param(
            "LOCAL_RULESETS\nSLocal_check_rcpt\nR$* < @ mine.example >\t$# OK",
            "R$* < @ mine.example >",
            "rules of your own are not carried over: Local_check_rcpt",
            id="own rules",
        ),
        pytest.param(
            "INPUT_MAIL_FILTER(`relaymilter', `S=inet:8894@127.0.0.1, T=C:5s')",
            "Xrelaymilter",
            "relaymilter: without F=T Sendmail takes mail unfiltered while this filter is down; relaymilter needs it",
            id="filter without F=T",
        ),
    ],
)
def test_remarks_on_what_opens(tmp_path: Path, usual: list[tuple[str, str]], lines: str, at: str, text: str) -> None:
    """What lets relay whom one cannot be sure of is not carried over, and is named with its line."""
    folder = configured(tmp_path, *WITH_ACCESS, lines)
    assert f"{line_of(folder, at)}: {text}" in remarks(folder)
    assert settings(folder) == usual


def test_filter_that_closes_when_it_is_down(tmp_path: Path) -> None:
    """F=T, F=R and F=4 leave nothing open."""
    lines = [f"INPUT_MAIL_FILTER(`m{action}', `S=inet:8894@127.0.0.1, F={action}, T=C:5s')" for action in "TR4"]
    assert [] == [text for text in remarks(configured(tmp_path, *BASIC, *lines)) if "F=T" in text]


def test_trusted_mechanisms(tmp_path: Path) -> None:
    """With TRUST_AUTH_MECH a login permits there as here."""
    assert not any(NO_LOGIN in text for text in remarks(configured(tmp_path, *CONFIGURATIONS["logins"])))


def test_promiscuous(tmp_path: Path, usual: list[tuple[str, str]]) -> None:
    """An open Sendmail is called so, and its domains and networks are read all the same."""
    folder = configured(tmp_path, *WITH_ACCESS, "FEATURE(`promiscuous_relay')")
    expected = "Sendmail itself relays for everyone, as FEATURE(promiscuous_relay) has it"
    assert f"{folder}/sendmail.cf: {expected}" in remarks(folder)
    assert settings(folder) == usual


def test_places(tmp_path: Path) -> None:
    """Each setting says where it stands; class R stands for subdomains, class w does not."""
    folder = configured(tmp_path, *WITH_ACCESS)
    table, place = f"sendmail:{folder}/access.db", line_of(folder, "Kaccess")
    assert {
        Setting("local-domain", "example.org", "sendmail: class w"),
        Setting("relay-domain", "relay.example", "sendmail: class R", subdomains=True),
        Setting("relay-domain", ".below.example", "sendmail: class R"),
        Setting("local-network", "192.0.2.0/24", "sendmail: class R"),
        Setting("local-network", table, place),
        Setting("relay-domain", table, place),
    } <= set(found(folder).settings)


def test_missing_access_map(tmp_path: Path) -> None:
    """Its source alone is nothing to Sendmail, nor here."""
    folder = configured(tmp_path, *WITH_ACCESS)
    (folder / "access.db").unlink()
    (folder / "access").write_text(ACCESS)
    expected = (
        f"{line_of(folder, 'Kaccess')}: {folder}/access.db is missing, so it is not carried over: make it with makemap"
    )
    assert expected in remarks(folder)
    assert not any("access" in setting.text for setting in found(folder).settings)


def test_access_map_elsewhere(tmp_path: Path) -> None:
    """A map that is no file is named."""
    folder = configured(tmp_path, *BASIC, "FEATURE(`access_db', `ldap -T<TMPF> -k x -v y')")
    expected = f"{line_of(folder, 'Kaccess')}: an access map of this type is not carried over: ldap -T<TMPF> -k x -v y"
    assert expected in remarks(folder)


def test_access_map_of_one_sort(tmp_path: Path) -> None:
    """A map without networks is no table of networks; what it leaves out is warned of all the same."""
    folder = configured(tmp_path, *WITH_ACCESS)
    makemap(folder / "access", "To:access.example\tRELAY\nConnect:name.example\tRELAY\n")
    assert ["relay-domain"] == [setting.key for setting in found(folder).settings if "access" in setting.text]
    expected = "connect:name.example RELAY is not honoured: the name of a client can be forged: give its address"
    assert any(text.endswith(expected) for text in remarks(folder))


def test_files_are_watched(tmp_path: Path) -> None:
    """The configuration, the files of its classes and its access map."""
    folder = configured(tmp_path, *WITH_ACCESS)
    watched = {folder / name for name in ("sendmail.cf", "local-host-names", "relay-domains", "access.db")}
    assert watched <= read(Flags({"mta": (f"sendmail:{folder}",)})).files


def refused(folder: Path) -> str:
    """Why it cannot be read."""
    with pytest.raises(ValueError, match="sendmail") as problem:
        read_mta(f"sendmail:{folder}")
    return str(problem.value)


def test_no_configuration(tmp_path: Path) -> None:
    """Without a sendmail.cf there is nothing to read."""
    assert f"{tmp_path}/sendmail.cf: No such file or directory" == refused(tmp_path)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A PATH with nothing of Sendmail's."""
    folder = tmp_path / "none"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(sendmail_classes, "ELSEWHERE", ())
    monkeypatch.setattr("relaymilter.tables.sendmail.ELSEWHERE", ())
    return folder


def program(path: Path, line: str) -> None:
    """Write a script."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def test_no_sendmail(tmp_path: Path, programs: Path) -> None:
    """Without the program nobody knows what is in its classes."""
    (tmp_path / "sendmail.cf").write_text("Cwexample.org\n")
    assert f"{tmp_path}/sendmail.cf: there is no sendmail to read it with" == refused(tmp_path)


def test_other_sendmail(tmp_path: Path, programs: Path) -> None:
    """That of another MTA, which has no test mode, is not taken for it."""
    (tmp_path / "sendmail.cf").write_text("Cwexample.org\n")
    program(programs / "sendmail", "echo 'sendmail: fatal: unsupported: -bt'; exit 64")
    expected = f"{programs}/sendmail cannot read it: sendmail: fatal: unsupported: -bt"
    assert f"{tmp_path}/sendmail.cf: {expected}" == refused(tmp_path)


def test_sendmail_that_hangs(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for for ever."""
    (tmp_path / "sendmail.cf").write_text("Cwexample.org\n")
    monkeypatch.setattr(sendmail_classes, "SECONDS", 0.2)
    program(programs / "sendmail", "exec sleep 60")
    assert "timed out" in refused(tmp_path)


def test_sendmail_that_stops_half_way(tmp_path: Path, programs: Path) -> None:
    """An answer that breaks off is none."""
    (tmp_path / "sendmail.cf").write_text("Cwexample.org\n")
    said = "ADDRESS TEST MODE (x)\nEnter <ruleset> <address>\n> example.org\n> "
    program(programs / "sendmail", f"printf %s {shlex.quote(said)}")
    assert "cannot read it" in refused(tmp_path)


def test_continued_lines(tmp_path: Path) -> None:
    """A line that begins with a blank continues the one before; comments do not count."""
    path = tmp_path / "sendmail.cf"
    path.write_text(
        "# K no map\nXone,\n\tS=inet:1@127.0.0.1,\n\tF=T\nSOne=3\nR$*\t$: $1\n\tand more\n#R$*\nKaccess hash\n  /x\n"
    )
    cf = read_cf(path)
    assert [("one", "S=inet:1@127.0.0.1, F=T")] == [(one.name, one.text) for one in cf.filters]
    assert [(6, "$*", "$: $1")] == [(rule.line, rule.left, rule.right) for rule in cf.rules("One")]
    assert "hash /x" == cf.maps["access"].text
