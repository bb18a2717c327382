"""What is taken from a Postfix's own configuration, as the real postconf prints it, and what is remarked on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.files.reading import noted
from relaymilter.mta import postfix
from relaymilter.mta.interfaces import own_addresses
from relaymilter.mta.settings import MtaSettings
from tests.rig.postmap import configured, postfix_commands, why_no_postmap
from tests.tables.kinds.postfix import settle, write_source

QUIET = """myhostname = mx.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
"""A configuration in which there is next to nothing."""


@pytest.fixture(autouse=True)
def _commands(tmp_path: Path) -> Iterator[None]:
    if reason := why_no_postmap():
        pytest.skip(reason)
    with postfix_commands(tmp_path / "commands"):
        yield


def found(folder: Path, main_cf: str, master_cf: str = "") -> MtaSettings:
    """The settings and remarks where these lines are added to QUIET."""
    lines = {line.partition("=")[0]: line for line in (QUIET + main_cf).splitlines()}
    conf = configured(folder / "conf", "".join(f"{line}\n" for line in lines.values()))
    (conf / "master.cf").write_text(master_cf)
    return postfix.read(str(conf))


def settings(key: str, found: MtaSettings) -> list[str]:
    """The entries of this option, those that stand for subdomains with a `+`; without that of the folder."""
    texts = [f"{setting.text}{'+' * setting.subdomains}" for setting in found.settings if setting.key == key]
    return [text for text in texts if text != "[127.0.0.1]"]


def remarks(found: MtaSettings) -> list[str]:
    """Place and text."""
    return [f"{remark.place}: {remark.text}" for remark in found.remarks]


def test_quiet(tmp_path: Path) -> None:
    """What is usual is not remarked on."""
    assert remarks(found(tmp_path, "")) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "mydestination = $myhostname, localhost.$mydomain localhost",
            "mx.example.org localhost.example.org localhost",
        ),
        ("mydestination = Example.ORG", "example.org"),
        ("virtual_alias_domains = a.test, b.test", "a.test b.test"),
        ("virtual_mailbox_domains = a.test", "a.test"),
        ("mydestination = !a.test, b.test", "b.test"),
        ("mydestination = !a.test, b.test, a.test", "b.test"),
        ("mydestination = a.test, !a.test", "a.test"),
        ("mydestination = !!a.test", "a.test"),
        ("proxy_interfaces = 192.0.2.25, 198.51.100.25", "[192.0.2.25] [198.51.100.25]"),
        ("mydestination = [192.0.2.25]", "[192.0.2.25]"),
        ("virtual_alias_domains = inline:{a.test=x}", "postfix:exact:CONF:inline:{a.test=x}"),
        ("mydestination = pcre:/etc/x", "postfix:exact:CONF:pcre:/etc/x"),
        ("mydestination = proxy:mysql:/etc/x.cf", "postfix:exact:CONF:mysql:/etc/x.cf"),
        ("virtual_alias_maps = hash:/etc/x", "postfix:exact:CONF:hash:/etc/x"),
        ("virtual_mailbox_domains = cidr:{ {192.0.2.0/24 x} }", "postfix:exact:CONF:cidr:{ {192.0.2.0/24 x} }"),
    ],
)
def test_local_domains(tmp_path: Path, line: str, expected: str) -> None:
    """Names, literals, and tables, whose keys that begin with a dot mean nothing."""
    here = found(tmp_path, line)
    assert " ".join(settings("local-domain", here)) == expected.replace("CONF", f"{tmp_path}/conf")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("relay_domains = a.test", "a.test+"),
        ("relay_domains = a.test\nparent_domain_matches_subdomains =", "a.test"),
        ("relay_domains = .a.test\nparent_domain_matches_subdomains =", ".a.test"),
        ("relay_domains = .a.test", ""),
        ("relay_domains = !b.a.test, a.test", "a.test"),
        ("relay_domains = a.test, !b.a.test", "a.test+"),
        ("relay_domains = !a.test, b.a.test, c.test", "c.test+"),
        ("relay_domains = !b.a.test, .a.test\nparent_domain_matches_subdomains =", ""),
        ("relay_domains = !.a.test, b.a.test, a.test\nparent_domain_matches_subdomains =", "a.test"),
        ("relay_domains = hash:/etc/x", "postfix:parents:CONF:hash:/etc/x"),
        ("relay_domains = pcre:/etc/x", "postfix:parents:CONF:pcre:/etc/x"),
        ("relay_domains = hash:/etc/x\nparent_domain_matches_subdomains =", "postfix:CONF:hash:/etc/x"),
        ("relay_domains = !a.test, hash:/etc/x", ""),
        ("relay_domains = !hash:/etc/x, a.test", ""),
        ("relay_domains = hash:/etc/x, !a.test", "postfix:parents:CONF:hash:/etc/x"),
    ],
)
def test_relay_domains(tmp_path: Path, lines: str, expected: str) -> None:
    """A domain stands for its subdomains, too, if parent_domain_matches_subdomains says so."""
    here = found(tmp_path, lines)
    assert " ".join(settings("relay-domain", here)) == expected.replace("CONF", f"{tmp_path}/conf")


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ("127.0.0.0/8 [::1]/128 [2001:db8::]/32", "127.0.0.0/8 ::1/128 2001:db8::/32"),
        ("192.0.2.7, [192.0.2.8], [2001:db8::7]", "192.0.2.7/32 192.0.2.8/32 2001:db8::7/128"),
        ("!192.0.2.1, 192.0.2.0/24", "!192.0.2.1/32 192.0.2.0/24"),
        ("192.0.2.0/24, !192.0.2.1", "192.0.2.0/24 !192.0.2.1/32"),
        ("!192.0.2.0/24, 192.0.2.7, 198.51.100.0/24", "!192.0.2.0/24 198.51.100.0/24"),
        ("192.0.2.7, !192.0.2.0/24", "192.0.2.7/32 !192.0.2.0/24"),
        ("0.0.0.0/0", "127.0.0.0/8"),
        ("0.0.0.0/0 [::]/0", "127.0.0.0/8 ::1/128"),
        ("mail.example.org, 192.0.2.0/24", "192.0.2.0/24"),
        ("!mail.example.org, 192.0.2.0/24", "!0.0.0.0/0 !::/0"),
        ("192.0.2.0/24, !mail.example.org, 198.51.100.0/24", "192.0.2.0/24"),
        ("192.0.2.7/24, 198.51.100.0/24", "198.51.100.0/24"),
        ("", "!0.0.0.0/0 !::/0"),
        ("!192.0.2.0/24", "!192.0.2.0/24 !0.0.0.0/0 !::/0"),
        ("hash:/etc/x", "postfix:exact:CONF:hash:/etc/x"),
        ("cidr:/etc/x", "postfix:CONF:cidr:/etc/x"),
        ("!192.0.2.0/24, cidr:/etc/x, 198.51.100.0/24", "!192.0.2.0/24 198.51.100.0/24"),
        ("!cidr:/etc/x, 198.51.100.0/24", "!0.0.0.0/0 !::/0"),
        ("static:all, 198.51.100.0/24", "198.51.100.0/24"),
        ("2001:db8::/32, 198.51.100.0/24", "postfix:exact:CONF:2001:db8::/32 198.51.100.0/24"),
    ],
)
def test_networks(tmp_path: Path, networks: str, expected: str) -> None:
    """What would be local here alone is left out; where nothing is left, nobody is local."""
    here = found(tmp_path, f"mynetworks = {networks}")
    assert " ".join(settings("local-network", here)) == expected.replace("CONF", f"{tmp_path}/conf")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("mydestination = .a.test", "mydestination: .a.test is not carried over: a name that begins with a dot"),
        ("mydestination = a_b!c", "a_b!c is not carried over: it is no domain"),
        ("mydestination = 192.0.2.25", "in a mailbox it is written [192.0.2.25]"),
        ("mydestination = !a.test, a.test", "a.test is not carried over: it comes after its exclusion"),
        ("mydestination = !hash:/x, a.test", "a.test is not carried over: it comes after !hash:/x"),
        ("mydestination = !a.test, hash:/x", "hash:/x is not carried over: it comes after an exclusion"),
        ("mydestination = static:x", "static:x is not carried over: a map of the type static has every key"),
        ("mydestination = hash:x", "hash:x is not carried over: x is relative"),
        ("mydestination = a.test, # b.test", "#: Postfix takes no comment here, and reads no further"),
        ("relay_domains = !b.a.test, a.test", "a.test is not carried over: its subdomain b.a.test is excluded"),
        ("inet_interfaces = mx.example.org", "mx.example.org is not looked up"),
        ("mynetworks = 0.0.0.0/0", "0.0.0.0/0 is not carried over, but for 127.0.0.0/8: 0.0.0.0/0 is too wide"),
        ("mynetworks = mail.example.org", "mail.example.org is not carried over: names of clients are not asked"),
        ("mynetworks = 192.0.2.7/24", "192.0.2.7/24 has host bits set"),
        (
            "mynetworks = 192.0.2.0/24, !192.0.2.1",
            "!192.0.2.1 comes after 192.0.2.0/24, so it means nothing to Postfix",
        ),
        ("mynetworks = !192.0.2.0/24, 192.0.2.1", "192.0.2.1 is not carried over: it comes after !192.0.2.0/24"),
        ("mynetworks = !a.test, 192.0.2.1", "192.0.2.1 is not carried over, as it comes after !a.test"),
        ("mynetworks = 172.16.0.0/12", "172.16.0.0/12 holds 172.17.0.1, the gateway of a container network"),
        ("mynetworks = 172.19.0.1", "172.19.0.1 holds 172.19.0.1, the gateway of a container network"),
        ("milter_default_action = accept", "accept opens the relay whenever the milter is down"),
        ("smtpd_relay_restrictions = permit_mx_backup, reject_unauth_destination", "permit_mx_backup relays for every"),
        ("smtpd_relay_restrictions = permit", "permit permits every recipient to everyone"),
    ],
)
def test_remarks(tmp_path: Path, line: str, words: str) -> None:
    """What is not carried over exactly, and what is dangerous, is said once, with its parameter."""
    parameter = line.partition(" ")[0]
    said = [remark for remark in remarks(found(tmp_path, line)) if words in f" {remark}"]
    assert len(said) == 1
    assert said[0].startswith(f"postfix: {parameter}: ")


@pytest.mark.parametrize(
    ("networks", "expected", "said"),
    [
        ("127.0.0.0/8 [::1]/128 [fe80::]/10", "127.0.0.0/8 ::1/128 fe80::/10", ""),
        ("[::1]/128 [2000::]/3", "::1/128", "[2000::]/3 is not carried over: 2000::/3 is too wide"),
        ("200.0.0.0/7", "!0.0.0.0/0 !::/0", "200.0.0.0/7 is not carried over: 200.0.0.0/7 is too wide"),
        ("0.0.0.0/0 127.0.0.0/8", "127.0.0.0/8", "0.0.0.0/0 is not carried over, but for 127.0.0.0/8"),
        ("[::1]/128 [::]/0", "::1/128", "[::]/0 is not carried over, but for ::1/128"),
    ],
    ids=["link-local", "without loopback", "nothing left", "loopback after it", "loopback before it"],
)
def test_too_wide(tmp_path: Path, networks: str, expected: str, said: str) -> None:
    """Of a network that is too wide, loopback is carried over if it is part of it, and stands there once."""
    here = found(tmp_path, f"mynetworks = {networks}")
    assert " ".join(settings("local-network", here)) == expected
    about = [remark for remark in remarks(here) if "carried over" in remark]
    assert [said in remark for remark in about] == [True] * bool(said)


def test_excluded_gateway(tmp_path: Path) -> None:
    """Whoever has excluded the gateway is not warned of it."""
    assert remarks(found(tmp_path, "mynetworks = !172.17.0.1, 172.17.0.0/16")) == []


RELAY = "smtpd_relay_restrictions"
RECIPIENT = "smtpd_recipient_restrictions"


@pytest.mark.parametrize(
    ("relay", "recipient", "opens"),
    [
        ("permit_mynetworks, ACCESS, reject_unauth_destination", "", [RELAY]),
        ("ACCESS defer_unauth_destination", "", [RELAY]),
        ("reject_unauth_destination, ACCESS", "", []),
        ("permit_mynetworks, reject_unauth_destination", "ACCESS", []),
        ("", "ACCESS, reject_unauth_destination", [RECIPIENT]),
        ("", "reject_unauth_destination, ACCESS", []),
    ],
)
def test_access_map_that_opens(tmp_path: Path, relay: str, recipient: str, opens: list[str]) -> None:
    """An access map says OK before the relay is closed, to these keys."""
    write_source(tmp_path / "map", "hash", {"a.test": "OK", "b.test": "REJECT", "c.test": "1", "d.test": "ok then"})
    access = f"check_recipient_access hash:{tmp_path}/map"
    here = found(tmp_path, f"{RELAY} = {relay}\n{RECIPIENT} = {recipient}\n".replace("ACCESS", access))
    said = f"{access} says OK before the relay is closed, to "
    assert [f"postfix: {name}" for name in opens] == [remark.place for remark in here.remarks]
    assert all(remark.text.startswith(said) and remark.text.endswith(": open to these") for remark in here.remarks)
    assert all({"a.test,", "c.test,", "d.test:"} & {*remark.text.split()} for remark in here.remarks)


@pytest.mark.parametrize("table", ["pcre:/etc/nothing", "hash:/etc/nothing", "static:OK", "ldap:x"])
def test_access_map_that_cannot_be_read(tmp_path: Path, table: str) -> None:
    """That, too, is said."""
    here = found(tmp_path, f"{RELAY} = check_client_access {table}, reject_unauth_destination")
    assert ["could not be looked through for OK" in remark.text for remark in here.remarks] == [True]


def test_harmless_access_map(tmp_path: Path) -> None:
    """One that says no OK is none to remark on."""
    write_source(tmp_path / "map", "hash", {"a.test": "DUNNO", "b.test": "REJECT", "c.test": ""})
    line = f"{RELAY} = check_client_access hash:{tmp_path}/map, reject_unauth_destination"
    assert remarks(found(tmp_path, line)) == []


def test_services(tmp_path: Path) -> None:
    """What a service in master.cf has of its own."""
    master_cf = """smtp inet n - n - - smtpd
  -o { mynetworks = 192.0.2.0/24 }
587 inet n - n - - smtpd
  -o smtpd_milters=
  -o milter_default_action=accept
  -o smtpd_tls_security_level=encrypt
"""
    assert sorted(remarks(found(tmp_path, "", master_cf))) == [
        "postfix: master.cf: 587/inet: milter_default_action = accept opens the relay whenever the milter is down",
        "postfix: master.cf: 587/inet: smtpd_milters is empty, so no milter guards this service",
        "postfix: master.cf: smtp/inet: mynetworks of this service alone is not carried over: 192.0.2.0/24",
    ]


def test_files_of_patterns(tmp_path: Path) -> None:
    """A list may stand in a file, and that may name others; a place is the line in it."""
    (tmp_path / "list").write_text(f"# comment\na.test, b.test\n\n  !c.test\n{tmp_path}/more\n")
    (tmp_path / "more").write_text("c.test d.test\n.e.test\n")
    here = found(tmp_path, f"mydestination = {tmp_path}/list")
    assert settings("local-domain", here) == ["a.test", "b.test", "d.test"]
    assert here.settings[0].place == f"{tmp_path}/list:2: mydestination"
    assert [remark.place for remark in here.remarks] == [f"{tmp_path}/more:{n}: mydestination" for n in (1, 2)]


def test_excluded_file(tmp_path: Path) -> None:
    """A `!` before a file turns every item in it round."""
    (tmp_path / "list").write_text("192.0.2.1 !198.51.100.0/24\n")
    here = found(tmp_path, f"mynetworks = !{tmp_path}/list, 192.0.2.0/24")
    assert settings("local-network", here) == ["!192.0.2.1/32", "198.51.100.0/24", "192.0.2.0/24"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"\xff", "not UTF-8"), (b"LIST", "files name one another"), (b"{ a", "} missing")],
    ids=["missing", "no UTF-8", "itself", "brace"],
)
def test_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, words: str) -> None:
    """A list of which a part is not known is no list."""
    if content is not None:
        (tmp_path / "list").write_bytes(content.replace(b"LIST", f"{tmp_path}/list".encode()))
    with pytest.raises(ValueError, match=words):
        found(tmp_path, f"mydestination = {tmp_path}/list")


def test_files_are_known(tmp_path: Path) -> None:
    """What was read is known, so that a change is noticed."""
    (tmp_path / "list").write_text("a.test\n")
    files: set[Path] = set()
    with noted(files):
        found(tmp_path, f"mydestination = {tmp_path}/list")
    assert files == {tmp_path / "list", tmp_path / "conf" / "main.cf", tmp_path / "conf" / "master.cf"}


def test_list_that_everyone_may_write(tmp_path: Path) -> None:
    """Nor is one that anyone might have written."""
    (tmp_path / "list").write_text("a.test\n")
    (tmp_path / "list").chmod(0o666)
    with pytest.raises(ValueError, match="everyone may write it"):
        found(tmp_path, f"mydestination = {tmp_path}/list")


def test_no_configuration(tmp_path: Path) -> None:
    """A folder without a main.cf, or without Postfix, is said to be none."""
    with pytest.raises(ValueError, match=r"postconf: open .*/none/main.cf: No such file or directory"):
        postfix.read(str(tmp_path / "none"))


def test_usual_configuration(tmp_path: Path) -> None:
    """Without a folder it is the one that Postfix itself takes; its maps then name no folder."""
    main_cf = tmp_path / "commands" / "conf" / "main.cf"
    main_cf.write_text(main_cf.read_text() + QUIET + "relay_domains = hash:/etc/x\n")
    settle(main_cf)
    assert "postfix:parents:hash:/etc/x" in [setting.text for setting in postfix.read(None).settings]


@pytest.mark.parametrize(
    ("interfaces", "protocols", "expected"),
    [
        ("loopback-only", "ipv4", {4: "loopback", 6: ""}),
        ("loopback-only", "all", {4: "loopback", 6: "loopback"}),
        ("all", "ipv6", {4: "", 6: "all"}),
        ("all", "ipv4, ipv6", {4: "all", 6: "all"}),
    ],
)
def test_own_addresses(tmp_path: Path, interfaces: str, protocols: str, expected: dict[int, str]) -> None:
    """The addresses of this machine, of the families that Postfix speaks, are literals of local mailboxes."""
    here = found(tmp_path, f"inet_interfaces = {interfaces}\ninet_protocols = {protocols}")
    literals = {setting.text for setting in here.settings if setting.place == "postfix: inet_interfaces"}
    wanted = {
        f"[{'IPv6:' * (address.version == 6)}{address}]"
        for address in own_addresses()
        if expected[address.version] == "all" or (expected[address.version] and address.is_loopback)
    }
    assert wanted == literals
    assert ("[127.0.0.1]" in literals) == bool(expected[4])


def test_addresses_of_interfaces(tmp_path: Path) -> None:
    """What the kernel lists, each address once; no network, no broadcast address."""
    (tmp_path / "fib_trie").write_text(
        "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n"
        "     |-- 192.0.2.0\n        /24 link UNICAST\n        |-- 192.0.2.25\n           /32 host LOCAL\n"
        "        |-- 192.0.2.255\n           /32 link BROADCAST\nLocal:\n     |-- 192.0.2.25\n        /32 host LOCAL\n"
    )
    (tmp_path / "if_inet6").write_text("20010db8000000000000000000000025 02 40 00 80     eth0\n")
    assert [str(address) for address in own_addresses(tmp_path)] == ["192.0.2.25", "2001:db8::25"]
    assert own_addresses(tmp_path / "none") == []
