"""A real Postfix behind NAT: outsiders and insiders have one address, which is noticed; sound hosts beside it not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Smtp, open_folder, running

GATEWAY = "10.9.0.1"
FLAGS = (
    *("--local-domain", "example.org", "--local-network", "10.9.0.0/24", "--local-network", "198.51.100.0/24"),
    *("--workers", "2"),
)
MASQUERADE = """table ip nat {
    chain post { type nat hook postrouting priority 100; oifname "gate" masquerade; }
}"""


class Site:
    """A server, and beyond a gateway that translates addresses the rest of the world."""

    def __init__(self, server: Mta, world: Namespace, daemon: Relaymilter) -> None:
        self.server, self.world, self.daemon = server, world, daemon

    def outside(self, source: str) -> Smtp:
        """A connection of somebody beyond the gateway."""
        return Smtp(self.world.connect(self.server.address, 25, source))

    def inside(self, source: str) -> Smtp:
        """A connection of a host beside the server."""
        return self.server.smtp(source)


@contextmanager
def behind_nat(namespace: Namespace, *flags: str) -> Iterator[Site]:
    """Two namespaces, and a cable between them."""
    release = namespace.release
    with open_folder() as folder, Namespace(release) as home, Namespace(release) as world, ExitStack() as stack:
        daemon = stack.enter_context(running(Relaymilter(folder / "d", *FLAGS, *flags)))
        server = Postfix(home, folder / "postfix", MtaSettings((daemon.milter,)))
        home.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "gate", "netns", world.path)
        home.run("sh", "-ec", "ip address add 10.9.0.2/24 dev cable; ip link set cable up")
        world.run("sh", "-ec", f"ip address add {GATEWAY}/24 dev gate; ip link set gate up")
        world.run("ip", "route", "add", f"{server.address}/32", "via", "10.9.0.2", "table", "local")
        world.run("nft", "-f", "-", stdin=MASQUERADE)
        with running(server):
            yield Site(server, world, daemon)


def asks(client: Smtp, helo: str, sender: str) -> int:
    """The code of the reply to a recipient elsewhere."""
    with client:
        client.ehlo(helo)
        client.mail(f"<{sender}>")
        return client.rcpt("<v@example.com>").code


def outsiders(site: Site, count: int) -> list[int]:
    """Mail exchangers of so many domains: what each hears."""
    return [
        asks(site.outside(f"203.0.113.{number + 11}"), f"mx1.firm{number}.com", f"a@firm{number}.com")
        for number in range(count)
    ]


def sound(site: Site) -> set[int]:
    """What a smarthost of many domains, a web application, and an office beyond the gateway hear."""
    codes = {asks(site.inside("198.51.100.9"), "relay.firm.example", f"a@brand{number}.com") for number in range(20)}
    codes |= {asks(site.inside("198.51.100.10"), f"app-{number % 5}", f"a@shop{number}.net") for number in range(20)}
    people = (asks(site.outside("198.51.100.77"), f"PC-{number}", f"p{number}@example.org") for number in range(20))
    return codes | {*people}


def alarms(site: Site) -> list[str]:
    """The lines in the log."""
    return [line for line in site.daemon.log().splitlines() if "shared address: " in line]


def test_warned_of(namespace: Namespace) -> None:
    """Insiders beyond the gateway and sound hosts raise no alarm; outsiders do, once, and are not refused for it."""
    with behind_nat(namespace) as site:
        assert sound(site) == {250}
        assert alarms(site) == []
        assert set(outsiders(site, 20)) == {250}
        (line,) = alarms(site)
        assert f"{GATEWAY} is in a local network and looks like many hosts" in line


def test_distrusted(namespace: Namespace) -> None:
    """The gateway loses its trust before twenty outsiders have come; the hosts beside it keep theirs."""
    with behind_nat(namespace, "--shared-address", "distrust") as site:
        codes = outsiders(site, 20)
        assert codes[0] == 250
        assert codes[-1] == 554
        assert codes == sorted(codes)
        assert asks(site.inside("198.51.100.9"), "relay.firm.example", "a@brand.com") == 250
        assert asks(site.outside("198.51.100.77"), "PC-1", "p1@example.org") == 554


def test_never_local(namespace: Namespace) -> None:
    """Named outright, nobody beyond it may relay, and the first one neither."""
    with behind_nat(namespace, "--never-local", GATEWAY) as site:
        assert outsiders(site, 2) == [554, 554]
        assert asks(site.inside("198.51.100.9"), "relay.firm.example", "a@brand.com") == 250
