"""Without relaymilter the MTAs under test relay for anyone; else no other test proves a thing."""

from tests.rig import Mta, Namespace


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
