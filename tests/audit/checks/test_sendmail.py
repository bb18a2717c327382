"""What `doctor` finds in a Sendmail, of each release, with a sendmail.cf of its own m4 files; a sound one: nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from relaymilter.audit.checks.inspected import Inspected
from relaymilter.audit.checks.versions import smuggling_sendmail
from relaymilter.config.reader import Flags, read
from relaymilter.mta.sendmail_site import read_site
from tests.rig import Release, why_unusable
from tests.rig.rulesets import sendmail_path, write_cf
from tests.tables.kinds.sendmail import makemap

from .examined import Sound, findings, words

OURS = "INPUT_MAIL_FILTER(`relaymilter', `S={socket}, F=T, T=C:30s;S:10s;R:10s;E:5m')dnl"
LISTENS = "DAEMON_OPTIONS(`Name=MTA, Port=smtp')\nFEATURE(`no_default_msa')"
SOUND = ("FEATURE(`use_cw_file')", "FEATURE(`access_db')", "TRUST_AUTH_MECH(`PLAIN LOGIN')", LISTENS, OURS)
ACCESS = "To:relayed.example\tRELAY\n"


@pytest.fixture(autouse=True)
def _sendmail(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if reason := why_unusable():
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", sendmail_path(tmp_path_factory.mktemp("programs"), release))
        yield


def sendmail_folder(folder: Path, release: Release, sound: Sound, *features: str, access: str = ACCESS) -> Path:
    """The configuration of a Sendmail; `{socket}` is where relaymilter is."""
    folder.mkdir()
    (folder / "local-host-names").write_text("mx.example.org\nexample.org\n")
    makemap(folder / "access", access)
    write_cf(folder, *(feature.format(socket=sound.daemon.milter) for feature in features), release=release)
    return folder


FLAGS = {
    "local-domain": ("mx.example.org", "example.org", "[127.0.0.1]"),
    "relay-domain": ("relayed.example", ".relayed.example"),
}


def found(folder: Path, sound: Sound) -> list[str]:
    """What is found, without the folder."""
    return [line.replace(str(folder), "DIR") for line in words(findings(f"sendmail:{folder}", sound, FLAGS))]


def test_sound(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A sound set-up gives no finding."""
    assert findings(f"sendmail:{sendmail_folder(tmp_path / 'mail', release, sound, *SOUND)}", sound, FLAGS) == []


CASES = {
    "not attached": (SOUND[:-1], ["open not-attached DIR/sendmail.cf"], "INPUT_MAIL_FILTER(`relaymilter', `S=unix:"),
    "declared, but not asked": (
        (*SOUND[:-1], OURS.replace("INPUT_MAIL_FILTER", "MAIL_FILTER")),
        ["open not-attached DIR/sendmail.cf"],
        "INPUT_MAIL_FILTER(`relaymilter'",
    ),
    "one daemon without it": (
        (*SOUND, "MAIL_FILTER(`other', `S=inet:8891@127.0.0.1')", "DAEMON_OPTIONS(`Name=B, Port=587, I=other')"),
        ["open service-not-attached DIR/sendmail.cf:"],
        "sendmail.mc: DAEMON_OPTIONS(`..., InputMailFilters=other;relaymilter')",
    ),
    "without F=": (
        (*SOUND[:-1], OURS.replace(" F=T,", "")),
        ["open default-action DIR/sendmail.cf:"],
        "F=T, T=C:30s",
    ),
    "promiscuous": (
        (*SOUND, "FEATURE(`promiscuous_relay')"),
        ["warning permits-before-closing DIR/sendmail.cf"],
        "leave this FEATURE out",
    ),
    "relays for local senders": (
        (*SOUND, "FEATURE(`relay_local_from')"),
        ["warning permits-before-closing DIR/sendmail.cf:"],
        "leave this FEATURE out",
    ),
    "no login in the macros": (
        (*SOUND, "define(`confMILTER_MACROS_ENVFROM', `i')"),
        ["note macros-trimmed DIR/sendmail.cf:"],
        "define(`confMILTER_MACROS_ENVFROM', `i, {auth_authen}')dnl",
    ),
    "old": (
        (*SOUND, "LOCAL_CONFIG\nDv8.12.3"),
        ["warning old-version sendmail 8.12.3", "warning old-version sendmail 8.12.3"],
        "upgrade sendmail to 8.12.7 or newer",
    ),
    "a network that is too wide": (
        (*SOUND, "LOCAL_CONFIG\nCR172"),
        ["warning network-too-wide sendmail: class R"],
        "relay-domains: name the networks that are yours",
    ),
    "a domain that the MTA alone has": (
        (*SOUND, "LOCAL_CONFIG\nCwextra.example"),
        ["warning domain-only-in-mta relaymilter: local-domain"],
        "local-domain (or relay-domain): extra.example",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_finding(name: str, release: Release, sound: Sound, tmp_path: Path) -> None:
    """One line that is other than in the sound set-up is found, with its place and the line to write."""
    features, expected, change = CASES[name]
    folder = sendmail_folder(tmp_path / "mail", release, sound, *features)
    assert [re.sub(r"(?<=cf:)\d+$", "", line) for line in found(folder, sound)] == expected
    assert change in findings(f"sendmail:{folder}", sound, FLAGS)[0].change


def test_loopback_only(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A daemon that strangers cannot reach needs no filter."""
    own = "MAIL_FILTER(`other', `S=inet:8891@127.0.0.1')\nDAEMON_OPTIONS(`Name=L, Addr=127.0.0.1, Port=2525, I=other')"
    assert found(sendmail_folder(tmp_path / "mail", release, sound, *SOUND, own), sound) == []


def test_world_writable(release: Release, sound: Sound, tmp_path: Path) -> None:
    """Everyone may write the access map, so that it is not taken; that is said, too."""
    folder = sendmail_folder(tmp_path / "mail", release, sound, *SOUND)
    (folder / "access.db").chmod(0o666)
    assert found(folder, sound) == [
        "warning mta-unread sendmail:DIR",
        "warning world-writable DIR/access.db",
    ]


@pytest.mark.parametrize(("features", "number"), [("O", 1), ("G U", 1), ("o", 0), ("V", 0)])
def test_smuggling_by_the_access_map(
    release: Release, sound: Sound, tmp_path: Path, features: str, number: int
) -> None:
    """The access map lets clients end a message by bare LFs."""
    access = f"{ACCESS}Srv_Features:203.0.113\t{features}\n"
    folder = sendmail_folder(tmp_path / "mail", release, sound, *SOUND, access=access)
    assert found(folder, sound) == ["warning smuggling access map: srv_features:203.0.113"] * number


def test_smuggling_by_an_old_program(release: Release, sound: Sound, tmp_path: Path) -> None:
    """A Sendmail before 8.18 that does not know of bare LFs; Debian 12's is an older one that does."""
    site = read_site(str(sendmail_folder(tmp_path / "mail", release, sound, *SOUND)))
    real = str(release.usr / "libexec/sendmail/sendmail")
    for program, number in ((real, 0), ("/bin/sh", 1)):
        old = replace(site, version="8.17.1", program=program)
        seen = Inspected("sendmail", read(Flags({})), sendmail=old)
        assert len([*smuggling_sendmail(seen)]) == number
