"""A Postfix and a Sendmail as a whole, read by their own programs: the services, and what each has of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.mta import postfix_site, sendmail_site
from relaymilter.tables.table import TableError
from tests.rig import Release, why_unusable
from tests.rig.postmap import configured, postfix_commands
from tests.rig.rulesets import sendmail_path, write_cf


@pytest.fixture(autouse=True)
def _programs(release: Release, tmp_path: Path) -> Iterator[None]:
    if reason := why_unusable():
        pytest.skip(reason)
    with postfix_commands(tmp_path / "postfix", release), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", sendmail_path(tmp_path / "sendmail", release))
        yield


MASTER_CF = """\
smtp inet n - y - - smtpd
587 inet n - n - - smtpd
  -o { mynetworks = 192.0.2.1, 192.0.2.2 }
  -o smtpd_milters=
localhost:10025 inet n - - - - smtpd -o milter_default_action=$x
[2001:db8::1]:25 inet n - n - - smtpd
[::1]:26 inet n - n - - smtpd
smtpd pass - - n - - smtpd
smtp unix - - n - - smtp
"""


def postfix(folder: Path, release: Release, main_cf: str = "") -> postfix_site.PostfixSite:
    """One with these services."""
    conf = configured(folder / "conf", f"x = tempfail\nsmtpd_milters = unix:a\n{main_cf}", release)
    (conf / "master.cf").write_text(MASTER_CF)
    return postfix_site.read_site(str(conf))


def test_services(release: Release, tmp_path: Path) -> None:
    """What a service has of its own goes before main.cf, and is expanded as that is."""
    services = {service.name: service for service in postfix(tmp_path, release).services}
    submission = services["587/inet"]
    assert submission.value("mynetworks") == "192.0.2.1, 192.0.2.2"
    assert (submission.value("smtpd_milters"), services["smtp/inet"].value("smtpd_milters")) == ("", "unix:a")
    assert services["localhost:10025/inet"].value("milter_default_action") == "tempfail"
    assert submission.place("smtpd_milters") == "postfix: master.cf: 587/inet"
    assert submission.place("queue_directory") == "postfix: queue_directory"
    assert {name for name, service in services.items() if service.chrooted} == {"smtp/inet"}


def test_public_services(release: Release, tmp_path: Path) -> None:
    """Those that strangers can reach: not on loopback, and not what Postfix sends by."""
    everywhere = ["smtp/inet", "587/inet", "[2001:db8::1]:25/inet", "smtpd/pass"]
    found = postfix(tmp_path, release, "inet_interfaces = all\n")
    assert [service.name for service in found.public] == everywhere
    found = postfix(tmp_path, release, "inet_interfaces = loopback-only\n")
    assert [service.name for service in found.public] == ["[2001:db8::1]:25/inet"]


def test_version(release: Release, tmp_path: Path) -> None:
    """As the program says it."""
    expected = {Release.DEBIAN_12: (3, 7), Release.DEBIAN_13: (3, 10)}
    assert postfix(tmp_path, release).version[:2] == expected[release]


def test_no_postfix(tmp_path: Path) -> None:
    """A folder without a main.cf is none."""
    with pytest.raises(TableError, match="No such file"):
        postfix_site.read_site(str(tmp_path))


def test_daemons_of_sendmail(release: Release, tmp_path: Path) -> None:
    """Each with its filters: its own, or those of all."""
    lines = (
        "FEATURE(`no_default_msa')",
        "INPUT_MAIL_FILTER(`a', `S=inet:1@127.0.0.1')",
        "MAIL_FILTER(`b', `S=inet:2@127.0.0.1')",
        "DAEMON_OPTIONS(`Name=MTA, Port=smtp')",
        "DAEMON_OPTIONS(`Port=587, M=E, InputMailFilters=b;a')",
        "DAEMON_OPTIONS(`Name=L, Addr=127.0.0.1')",
        "TRUST_AUTH_MECH(`PLAIN LOGIN')",
    )
    write_cf(tmp_path, *lines, release=release)
    site = sendmail_site.read_site(str(tmp_path))
    assert [(daemon.name, daemon.filters, daemon.public) for daemon in site.daemons] == [
        ("MTA", ("a",), True),
        ("port 587", ("b", "a"), True),
        ("L", ("a",), False),
    ]
    assert {*site.mechanisms} == {"PLAIN", "LOGIN"}
    assert site.version.startswith({Release.DEBIAN_12: "8.17", Release.DEBIAN_13: "8.18"}[release])
