"""An unbound with zones that show what the DNS can say, and threads that may wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relaymilter import dns
from relaymilter.lookups import waiting
from relaymilter.lookups.guard import Limits
from tests.rig import why_unusable
from tests.servers.unbound import Unbound

RECORDS = "\n".join(
    [
        "backed MX 10 mx1.backed",
        "backed MX 20 mx2.here",
        "mx1.backed A 192.0.2.1",
        "mx1.backed AAAA 2001:db8::1",
        "mapped A 192.0.2.2",
        "mapped AAAA ::ffff:192.0.2.3",
        "elsewhere MX 10 mx.far",
        "elsewhere MX 20 mx2.here",
        "mx.far A 203.0.113.99",
        "null MX 0 .",
        "half MX 0 .",
        "half MX 10 mx2.here",
        "host A 192.0.2.1",
        "Mixed MX 10 MX1.Backed",
        "alias CNAME backed",
        "dangling CNAME nothing",
        "loop CNAME pool",
        "pool CNAME loop",
        *(f"many MX {number} mx{number}.with-a-name-that-fills-the-packet" for number in range(32)),
        *(f"toomany MX {number} mx{number}.with-a-name-that-fills-the-packet" for number in range(33)),
        *(f"wide A 192.0.2.{number}" for number in range(64)),
        *(f"chain{number} CNAME chain{number + 1}" for number in range(40)),
        "chain40 MX 10 mx1.backed",
        *(f"short{number} CNAME short{number + 1}" for number in range(8)),
        "short8 MX 10 mx1.backed",
        "brief 1 MX 10 mx1.backed",
        "",
    ]
)


@pytest.fixture(scope="session")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unbound]:
    """The server, for tests that leave it as it is, or start it again."""
    if reason := why_unusable():
        pytest.skip(reason)
    server = Unbound(tmp_path_factory.mktemp("unbound"), RECORDS)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(autouse=True)
def _waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This thread may wait, and those that a test starts; after it no more, whatever `explain` has done."""
    with waiting.allowing():
        monkeypatch.setattr(waiting._Here, "allowed", True)
        yield


def resolver(*servers: tuple[str, int], lifetime: float = 5, limits: Limits | None = None) -> dns.Resolver:
    """One that asks these."""
    return dns.Resolver(servers, limits or Limits(), lifetime)
