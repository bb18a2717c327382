"""What is refused all the same, the lockdown, and what only warns."""

from __future__ import annotations

import pytest

from relaymilter.config.options import RESTRICTIONS

from .written import problems, reading, settings


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        ("deny-client", "mail.example.org", None),
        ("deny-helo", "*.example.org", None),
        ("deny-sender", "a%b@example.org", None),
        ("warn", "no-rule", f"'no-rule' is no restriction; there are {', '.join(RESTRICTIONS)}"),
        ("lockdown-file", "lockdown", "the path 'lockdown' is not absolute"),
    ],
)
def test_mistake(key: str, entry: str, message: str | None) -> None:
    """Each is told with its flag."""
    (problem,) = problems(**{key.replace("-", "_"): entry})
    assert problem.startswith(f"--{key}: ")
    assert message is None or problem == f"--{key}: {message}"


def test_exempt_from_lockdown() -> None:
    """An address is a network, everything else a login."""
    lockdown = settings(lockdown_exempt=("192.0.2.0/24", "2001:db8::1", "bob", "@example.org")).policy.lists.lockdown
    assert {"bob", "@example.org"} == lockdown.logins.known
    assert ["192.0.2.0/24", "2001:db8::1/128"] == sorted(map(str, lockdown.networks))


@pytest.mark.parametrize(
    ("given", "doubt"),
    [
        ({"warn": "deny-helo"}, "deny-helo has no effect here: there is no such restriction"),
        ({"warn": "deny-helo", "deny_helo": "a.test"}, None),
        ({"warn": "lockdown", "lockdown_file": "/run/x"}, None),
        ({"lockdown_exempt": "bob"}, "has no effect without lockdown or lockdown-file"),
        ({"lockdown_exempt": "bob", "lockdown": "yes"}, None),
    ],
    ids=str,
)
def test_doubt(given: dict[str, str], doubt: str | None) -> None:
    """What can be said to do nothing is warned of, with its flag."""
    warnings = reading(**given).warnings
    assert len(warnings) == (doubt is not None)
    assert all(line.startswith("--") and doubt and doubt in line for line in warnings)
