"""What `doctor` finds in a Postfix, of each release, as its real postconf prints it; a sound one gives nothing."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from relaymilter.audit.checks.inspected import Host, Inspected
from relaymilter.audit.checks.postfix_attachment import not_attached
from relaymilter.audit.checks.versions import BARE_NEWLINE, smuggling_postfix
from relaymilter.config.reader import Flags, read
from relaymilter.mta.gateways import Gateway
from relaymilter.mta.postfix_site import read_site
from tests.rig import Release
from tests.tables.kinds.postfix import settle, write_source

from .examined import Sound, findings, postfix_folder, words

pytestmark = pytest.mark.usefixtures("_commands")


def test_sound(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A sound set-up, with a content filter, logins and a service for submission, gives no finding."""
    assert findings(f"postfix:{postfix_folder(tmp_path / 'conf', release, sound)}", sound) == []


MILTERS = "postfix: smtpd_milters"
RELAY = "smtpd_relay_restrictions"
CASES = {
    "not attached": (
        "smtpd_milters = inet:127.0.0.1:8891",
        "",
        [f"open not-attached {MILTERS}"],
        "main.cf: smtpd_milters = inet:127.0.0.1:8891, unix:relaymilter/milter.sock",
    ),
    "one service without milters": (
        "",
        "submission inet n - y - - smtpd -o smtpd_milters=",
        ["open service-not-attached postfix: master.cf: submission/inet"],
        "master.cf: submission/inet: -o { smtpd_milters = unix:relaymilter/milter.sock }",
    ),
    "a service behind postscreen": (
        "",
        "smtpd pass - - y - - smtpd -o smtpd_milters=inet:127.0.0.1:8891",
        ["open service-not-attached postfix: master.cf: smtpd/pass"],
        "-o { smtpd_milters = inet:127.0.0.1:8891, unix:relaymilter/milter.sock }",
    ),
    "default action": (
        "milter_default_action = accept",
        "",
        ["open default-action postfix: milter_default_action"],
        "main.cf: milter_default_action = tempfail",
    ),
    "default action of a service": (
        "",
        "smtp inet n - y - - smtpd -o milter_default_action=accept",
        ["open default-action postfix: master.cf: smtp/inet"],
        "master.cf: smtp/inet: -o { milter_default_action = tempfail }",
    ),
    "default action of the milter": (
        "smtpd_milters = { unix:relaymilter/milter.sock, { default_action = accept } }",
        "",
        [f"open default-action {MILTERS}"],
        "{ unix:relaymilter/milter.sock, default_action=tempfail }",
    ),
    "DISABLE for strangers": (
        "smtpd_milter_maps = cidr:{ {203.0.113.0/24 DISABLE} }",
        "",
        ["open milter-maps postfix: smtpd_milter_maps"],
        "leave these out of cidr:{ {203.0.113.0/24 DISABLE} }, or main.cf: smtpd_milter_maps =",
    ),
    "DISABLE for all": (
        "smtpd_milter_maps = static:DISABLE",
        "",
        ["open milter-maps postfix: smtpd_milter_maps"],
        "leave these out of static:DISABLE",
    ),
    "other milters for strangers": (
        "smtpd_milter_maps = inline:{203.0.113.7=inet:127.0.0.1:8891}",
        "",
        ["open milter-maps postfix: smtpd_milter_maps"],
        "leave these out",
    ),
    "a milter map that can only be asked": (
        "smtpd_milter_maps = pcre:/etc/none",
        "",
        ["warning milter-maps postfix: smtpd_milter_maps"],
        "leave these out",
    ),
    "no_milters": (
        "",
        "smtp inet n - y - - smtpd -o receive_override_options=no_milters,no_address_mappings",
        ["open no-milters postfix: master.cf: smtp/inet"],
        "-o { receive_override_options = no_address_mappings }",
    ),
    "non_smtpd_milters": (
        "non_smtpd_milters = inet:127.0.0.1:8891, $smtpd_milters",
        "",
        ["warning non-smtpd postfix: non_smtpd_milters"],
        "main.cf: non_smtpd_milters = inet:127.0.0.1:8891",
    ),
    "a filter that brings mail back through us": (
        "",
        "127.0.0.1:10025 inet n - y - - smtpd -o content_filter=",
        [f"warning filter-reinjects {MILTERS}"],
        "master.cf: 127.0.0.1:10025/inet: -o smtpd_milters=",
    ),
    "no login in the macros": (
        "milter_mail_macros = i",
        "",
        ["note macros-trimmed postfix: milter_mail_macros"],
        "main.cf: milter_mail_macros = i {auth_authen}",
    ),
    "permit before reject": (
        f"{RELAY} = permit_mynetworks, permit, reject_unauth_destination",
        "",
        [f"warning permits-before-closing postfix: {RELAY}"],
        f"main.cf: {RELAY} = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination",
    ),
    "permit in a service": (
        "",
        f"smtp inet n - y - - smtpd -o {RELAY}=permit_mynetworks,permit_mx_backup,reject_unauth_destination",
        ["warning permits-before-closing postfix: master.cf: smtp/inet"],
        "reject_unauth_destination",
    ),
    "a map that says OK": (
        f"{RELAY} = check_client_access inline:{{203.0.113.7=OK}}, reject_unauth_destination",
        "",
        [f"warning permits-before-closing postfix: {RELAY}"],
        "reject_unauth_destination",
    ),
    "open twice": (
        f"{RELAY} = permit, reject_unauth_destination\nsmtpd_milters =",
        "",
        [f"open not-attached {MILTERS}", f"open permits-before-closing postfix: {RELAY}"],
        "main.cf: smtpd_milters = unix:relaymilter/milter.sock",
    ),
    "relays for everybody": (
        "mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.0/24 0.0.0.0/0",
        "",
        ["warning network-too-wide postfix: mynetworks"],
        "main.cf: mynetworks = 127.0.0.0/8 [::1]/128, and the networks that are yours",
    ),
    "a domain that the MTA alone has": (
        "relay_domains = example.com",
        "",
        ["warning domain-only-in-mta relaymilter: local-domain"],
        "local-domain (or relay-domain): .example.com",
    ),
    "a domain that the MTA has not": (
        "mydestination = localhost",
        "",
        ["warning domain-only-here relaymilter: local-domain"],
        "leave it out, or name it in the MTA's configuration",
    ),
    "old": (
        "mail_version = 2.9.6",
        "",
        ["warning old-version postfix 2.9.6"],
        "upgrade postfix to 2.10 or newer",
    ),
    "smuggling": (
        "smtpd_forbid_bare_newline = no",
        "",
        ["warning smuggling postfix: smtpd_forbid_bare_newline"],
        "main.cf: smtpd_forbid_bare_newline = yes",
    ),
    "smuggling at a service": (
        "",
        "smtp inet n - y - - smtpd -o smtpd_forbid_bare_newline=no",
        ["warning smuggling postfix: master.cf: smtp/inet"],
        "master.cf: smtp/inet: -o { smtpd_forbid_bare_newline = yes }",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_finding(name: str, release: Release, sound: Sound, tmp_path: Path) -> None:
    """One line that is other than in the sound set-up is found, with its place and the line to write."""
    main_cf, master_cf, expected, change = CASES[name]
    found = findings(f"postfix:{postfix_folder(tmp_path / 'conf', release, sound, main_cf, master_cf)}", sound)
    assert words(found) == expected
    assert change in found[0].change


OURS = "unix:relaymilter/milter.sock"
UNREMARKABLE = {
    "by its whole path, not chrooted": (
        "smtpd_milters = unix:{queue}/relaymilter/milter.sock",
        "smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd",
    ),
    "closed at the milter": (
        f"milter_default_action = accept\nsmtpd_milters = {{{{ {OURS}, default_action=tempfail }}}}",
        "",
    ),
    "DISABLE for local clients": (
        "smtpd_milter_maps = cidr:{{ {{192.0.2.0/25 DISABLE}}, {{127.0.0.1 DISABLE}} }}",
        "",
    ),
    "other milters beside ours": (
        f"smtpd_milter_maps = inline:{{{{ {{{{203.0.113.7 = inet:127.0.0.1:1 {OURS}}}}} }}}}",
        "",
    ),
    "logins are off": ("milter_mail_macros = i\nsmtpd_sasl_auth_enable = no", ""),
    "no strangers come": ("inet_interfaces = loopback-only\nsmtpd_milters =\ncontent_filter =", ""),
}


@pytest.mark.parametrize("name", UNREMARKABLE)
def test_no_finding(name: str, release: Release, sound: Sound, tmp_path: Path) -> None:
    """What is another way to be sound gives none."""
    main_cf, master_cf = (text.format(queue=sound.queue) for text in UNREMARKABLE[name])
    conf = postfix_folder(tmp_path / "conf", release, sound, main_cf, master_cf)
    assert findings(f"postfix:{conf}", sound) == []


def test_chroot(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A chrooted smtpd looks for a whole path below its own root, where nothing is."""
    main_cf = f"smtpd_milters = unix:{sound.queue}/relaymilter/milter.sock"
    found = findings(f"postfix:{postfix_folder(tmp_path / 'conf', release, sound, main_cf)}", sound)
    assert words(found) == [f"warning socket-unreachable {MILTERS}"] * 2
    assert found[0].reason.startswith(f"smtp/inet is chrooted in {sound.queue} and looks for relaymilter at ")
    assert found[0].change == "main.cf: smtpd_milters = unix:relaymilter/milter.sock"


def test_other_user(release: Release, sound: Sound, tmp_path: Path) -> None:
    """The user of smtpd may not enter the folder of the socket."""
    conf = postfix_folder(tmp_path / "conf", release, sound)
    shut = sound.queue / "relaymilter"
    mode = shut.stat().st_mode
    shut.chmod(0o700)
    try:
        found = findings(f"postfix:{conf}", sound)
    finally:
        shut.chmod(mode)
    assert words(found) == [f"warning socket-unreachable {MILTERS}"]
    assert found[0].reason == f"smtpd runs as daemon, who may not enter {shut}"
    assert "--socket-group postfix" in found[0].change


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ("172.0.0.0/8", "open network-too-wide postfix: mynetworks"),
        ("8.0.0.0/8", "open network-too-wide postfix: mynetworks"),
        ("192.186.0.0/16", "warning network-foreign postfix: mynetworks"),
        ("[2600::]/40", "warning network-foreign postfix: mynetworks"),
    ],
    ids=["a slip in the length", "public space", "two digits changed", "IPv6"],
)
def test_wide_networks(release: Release, sound: Sound, tmp_path: Path, networks: str, expected: str) -> None:
    """A network is wider than anybody meant, or it is somebody else's."""
    conf = postfix_folder(tmp_path / "conf", release, sound, f"mynetworks = 127.0.0.0/8 [::1]/128 {networks}")
    found = findings(f"postfix:{conf}", sound, {"mta": (f"postfix:{conf}",), "local-network": ("127.0.0.0/8",)})
    assert words(found) == [expected]
    assert found[0].change.startswith("relaymilter: local-network")


def test_own_network_is_not_foreign(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A wide public network in which this host has an address is its own."""
    flags = {"local-network": ("127.0.0.0/8", "::1", "192.0.2.0/24", "198.18.0.0/20", "11.22.0.0/18")}
    conf = postfix_folder(tmp_path / "conf", release, sound)
    host = Host((ipaddress.ip_address("11.22.3.4"),))
    assert words(findings(f"postfix:{conf}", sound, flags, host)) == []
    assert words(findings(f"postfix:{conf}", sound, flags)) == ["warning network-foreign relaymilter: local-network"]


def gateway(address: str, what: str = "the gateway of eth0") -> Host:
    """A host with one."""
    return Host((), (Gateway(ipaddress.ip_address(address), what),))


@pytest.mark.parametrize(
    ("host", "main_cf", "expected"),
    [
        (gateway("192.0.2.1"), "", "warning network-holds-gateway postfix: mynetworks"),
        (
            gateway("192.0.2.129", "this host on the bridge docker0"),
            "",
            "warning network-holds-gateway postfix: mynetworks",
        ),
        (Host(), "proxy_interfaces = 192.0.2.9", "warning network-holds-proxy postfix: mynetworks"),
        (gateway("192.0.2.9"), "proxy_interfaces = 192.0.2.10", "warning network-holds-gateway postfix: mynetworks"),
        (gateway("198.51.100.1"), "", ""),
        (Host(), "proxy_interfaces = 192.0.2.9\nsmtpd_upstream_proxy_protocol = haproxy", ""),
    ],
    ids=["gateway", "bridge", "proxy", "gateway and proxy", "gateway elsewhere", "proxy that tells"],
)
def test_shared_addresses(
    release: Release, sound: Sound, tmp_path: Path, host: Host, main_cf: str, expected: str
) -> None:
    """An address in a local network that may stand for everybody."""
    found = findings(f"postfix:{postfix_folder(tmp_path / 'conf', release, sound, main_cf)}", sound, host=host)
    assert words(found) == [expected] * bool(expected)
    assert all(finding.change.startswith("relaymilter: local-network: exclude it") for finding in found)


def test_one_warning_a_network(release: Release, sound: Sound, tmp_path: Path) -> None:
    """Several such addresses in one network are named in one finding, and are excluded by one line."""
    conf = postfix_folder(tmp_path / "conf", release, sound, "proxy_interfaces = 192.0.2.9")
    found = findings(f"postfix:{conf}", sound, host=gateway("192.0.2.1"))
    assert [each.reason for each in found] == [
        "192.0.2.0/24 holds 192.0.2.1, the gateway of eth0, and 192.0.2.9, a proxy's (proxy_interfaces): "
        "where it hides clients behind itself, every one of them may relay"
    ]
    assert found[0].change == 'relaymilter: local-network: exclude it, "!192.0.2.1" and "!192.0.2.9"'


def test_excluded_gateway(release: Release, sound: Sound, tmp_path: Path) -> None:
    """Whoever has excluded the gateway, here and there, is not warned of it."""
    main_cf = "mynetworks = !192.0.2.1 127.0.0.0/8 [::1]/128 192.0.2.0/24"
    conf = postfix_folder(tmp_path / "conf", release, sound, main_cf)
    flags = {"local-network": ("127.0.0.0/8", "::1", "192.0.2.0/24", "!192.0.2.1")}
    assert words(findings(f"postfix:{conf}", sound, flags, gateway("192.0.2.1"))) == []


@pytest.mark.parametrize("key", ["never-local", "known-shared"])
def test_named_gateway(release: Release, sound: Sound, tmp_path: Path, key: str) -> None:
    """So is nobody who has said that it is never local, or shared by ours alone."""
    conf = postfix_folder(tmp_path / "conf", release, sound)
    flags = {"local-network": ("127.0.0.0/8", "::1", "192.0.2.0/24"), key: ("192.0.2.1",)}
    assert words(findings(f"postfix:{conf}", sound, flags, gateway("192.0.2.1"))) == []


def test_world_writable(release: Release, sound: Sound, tmp_path: Path) -> None:
    """Everyone may write a map."""
    write_source(tmp_path / "transport", "hash", {"a.test": "smtp:[192.0.2.3]"})
    conf = postfix_folder(tmp_path / "conf", release, sound, f"transport_maps = hash:{tmp_path}/transport")
    assert findings(f"postfix:{conf}", sound) == []
    (tmp_path / "transport.db").chmod(0o666)
    found = findings(f"postfix:{conf}", sound)
    assert words(found) == [f"warning world-writable {tmp_path}/transport.db"]
    assert found[0].change == f"chmod o-w {tmp_path}/transport.db"


def test_access_map_that_everyone_may_write(release: Release, sound: Sound, tmp_path: Path) -> None:
    """What is not safe to read is not looked through: that is said, and why."""
    write_source(tmp_path / "map", "hash", {"203.0.113.7": "OK"})
    (tmp_path / "map.db").chmod(0o666)
    restrictions = f"{RELAY} = check_client_access hash:{tmp_path}/map, reject_unauth_destination"
    conf = postfix_folder(tmp_path / "conf", release, sound, restrictions)
    found = findings(f"postfix:{conf}", sound)
    assert words(found) == [
        f"warning permits-before-closing postfix: {RELAY}",
        f"warning world-writable {tmp_path}/map.db",
    ]
    assert "could not be looked through for OK" in found[0].reason


def test_what_cannot_be_told(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A list that nobody can read is said to be none; no check stops the others."""
    conf = postfix_folder(tmp_path / "conf", release, sound, f"{RELAY} = {{ permit\nsmtpd_forbid_bare_newline = no")
    found = findings(f"postfix:{conf}", sound)
    assert {finding.name for finding in found} == {"mta-unread", "not-examined", "smuggling"}


def test_world_writable_main_cf(release: Release, sound: Sound, tmp_path: Path) -> None:
    """Everyone may write main.cf, so that what it says is not taken; that is said, and what it is all the same."""
    conf = postfix_folder(tmp_path / "conf", release, sound)
    (conf / "main.cf").chmod(0o666)
    settle(conf / "main.cf")
    assert words(findings(f"postfix:{conf}", sound)) == [
        f"warning mta-unread postfix:{conf}",
        f"warning world-writable {conf}/main.cf",
    ]


def test_unreadable(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A Postfix that is not there is no sound one."""
    found = findings(f"postfix:{tmp_path}/none", sound)
    assert {finding.name for finding in found} == {"mta-unread"}
    assert "No such file or directory" in found[0].reason


def test_dry_run(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A dry run protects nobody."""
    conf = postfix_folder(tmp_path / "conf", release, sound)
    found = findings(f"postfix:{conf}", sound, {"dry-run": ("yes",)})
    assert words(found) == ["open dry-run relaymilter: dry-run"]


def test_where_the_daemon_listens(release: Release, sound: Sound, tmp_path: Path) -> None:
    """What the running daemon says of its sockets counts, and not what the flags would come to."""
    conf = postfix_folder(tmp_path / "conf", release, sound)
    assert findings(f"postfix:{conf}", sound, {"socket": ("inet:9999@127.0.0.1",)}) == []


@pytest.mark.parametrize("listener", ["fd:3", "fd:milter"])
def test_socket_of_the_unit(release: Release, sound: Sound, tmp_path: Path, listener: str) -> None:
    """A socket that was handed down is where the systemd unit has it."""
    conf = postfix_folder(tmp_path / "conf", release, sound, "queue_directory = /var/spool/postfix")
    seen = Inspected("postfix", read(Flags({})), answer={"listeners": [listener]}, postfix=read_site(str(conf)))
    assert [*not_attached(seen)] == []
    other = replace(seen, answer={"listeners": ["inet:8894@127.0.0.1"]})
    assert [finding.name for finding in not_attached(other)] == ["not-attached"]


def test_postfix_without_the_setting(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A Postfix that is too old to forbid bare newlines is told from one where that is worked around."""
    around = "smtpd_data_restrictions = reject_unauth_pipelining\nsmtpd_discard_ehlo_keywords = chunking"
    for main_cf, number in (("", 2), (around, 0)):
        site = read_site(str(postfix_folder(tmp_path / "conf", release, sound, main_cf)))
        main = {name: value for name, value in site.main.items() if name != BARE_NEWLINE}
        old = replace(site, services=tuple(replace(service, main=main) for service in site.services))
        found = [*smuggling_postfix(Inspected("postfix", read(Flags({})), postfix=old))]
        assert [finding.name for finding in found] == ["smuggling"] * number
