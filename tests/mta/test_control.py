"""The MTAs under test are those that they should be, and relay for anyone; else no other test proves a thing."""

from tests.rig import Mta, Namespace, Postfix, Release, Sendmail

VERSIONS = {Release.DEBIAN_12: ("3.7.", "8.17."), Release.DEBIAN_13: ("3.10.", "8.18.")}


def test_version_of_postfix(open_postfix: Postfix, release: Release) -> None:
    """Postfix is that of the release."""
    configuration = str(open_postfix.directory / "conf")
    version = open_postfix.run("postconf", "-c", configuration, "-d", "-h", "mail_version")
    assert version.startswith(VERSIONS[release][0])


def test_version_of_sendmail(open_sendmail: Sendmail, release: Release) -> None:
    """So is Sendmail, which names itself in its banner."""
    with open_sendmail.smtp() as client:
        assert f" Sendmail {VERSIONS[release][1]}" in client.banner.text


def test_open_mta_relays_for_a_stranger(open_mta: Mta) -> None:
    """A stranger's mail to a third party is accepted, and goes out."""
    with open_mta.smtp() as client:
        client.ehlo()
        client.mail()
        assert client.rcpt("<control@example.com>").code == 250
        assert client.message().code == 250
    open_mta.wait_delivered("control@example.com")


def test_nothing_can_leave_the_network(namespace: Namespace) -> None:
    """There is no way out: the only interface is the loopback one."""
    assert namespace.run("ip", "-brief", "link").split()[0] == "lo"
    assert "default" not in namespace.run("ip", "route")
