"""Addresses behind which others hide, as they are named."""

from __future__ import annotations

import pytest

from .written import problems


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shared_address": "refuse"}, "--shared-address: 'refuse' is none of warn, distrust"),
        ({"never_local": "172.17.0.1/16"}, "--never-local: 172.17.0.1/16 has host bits set"),
        (
            {"known_shared": "socketmap:unix:/nowhere:gateways"},
            "--known-shared: an address is looked for with every session: give networks, or a file of them",
        ),
    ],
    ids=["action", "network", "table"],
)
def test_refused(given: dict[str, str], said: str) -> None:
    """A mistake is told with its place."""
    assert problems(**given)[0].startswith(said)
