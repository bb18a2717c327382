"""Narrow trusts: certificates and grants."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from relaymilter.policy.grants import Grant

from .written import problems, reading, settings


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        ("certificate", "CN=a", "'CN=a' is no certificate: give its subject and its issuer, both, as subject|issuer"),
        ("certificate", "a|b|c", "'c' is no fingerprint: give octets as 5A:0B:... of SHA-1 or better"),
    ],
)
def test_mistake(key: str, entry: str, message: str | None) -> None:
    """Each is told with its flag."""
    (problem,) = problems(**{key.replace("-", "_"): entry})
    assert problem.startswith(f"--{key}: ")
    assert message is None or problem == f"--{key}: {message}"


@pytest.mark.parametrize(
    ("given", "doubt"),
    [
        ({"certificate": "a|CA"}, None),
        ({"certificate": "/a/b|CA"}, None),
        ({"certificate": "/O=a/CN=b|/CN=CA+20x"}, None),
        ({"certificate": "a=b|CA"}, None),
        ({"certificate": "/CN=a|CA"}, "one name is as Postfix gives it, the other as Sendmail does"),
        ({"certificate": "a|/O=Example/CN=CA"}, "one name is as Postfix gives it, the other as Sendmail does"),
        ({"certificate": "/CN=a|/CN=the CA"}, "only Sendmail names a certificate so, but with +20 for a blank"),
        ({"certificate": "CN=a|CN=CA"}, "neither MTA names a certificate so: Postfix gives printer|CA, Sendmail "),
        ({"certificate": "C = DE, CN = a|CN = CA"}, "neither MTA names a certificate so"),
        ({"grant": "{certificates = '/CN=a|CA'}"}, "one name is as Postfix gives it, the other as Sendmail does"),
    ],
    ids=str,
)
def test_doubt(given: dict[str, str], doubt: str | None) -> None:
    """What can be said to do nothing is warned of, with its flag."""
    warnings = reading(**given).warnings
    assert len(warnings) == (doubt is not None)
    assert all(line.startswith("--") and doubt and doubt in line for line in warnings)


GRANT = """\
[[grant]]
networks = ["192.0.2.40", "!192.0.2.41"]
from = "Scanner@Example.org"
to = ["local", "archive@example.com"]
until = 2099-12-31
owner = "it"
note = "third floor"

[[grant]]
logins = ["Bob"]
certificates = "a|b"
"""


def grants(toml: str) -> tuple[Grant, ...]:
    """What is granted."""
    return settings(toml).policy.trusts.grants


def test_grants_in_the_file() -> None:
    """A table each; what is not asked for is None."""
    printer, bob = grants(GRANT)
    assert ("grant 1, it, third floor", "2099-12-31", True) == (printer.name, printer.until, printer.to_ours)
    assert ["!192.0.2.41/32", "192.0.2.40/32"] == sorted(
        map(str, printer.networks.networks if printer.networks else ())
    )
    assert printer.senders is not None
    assert printer.recipients is not None
    assert ({"scanner@example.org"}, {"archive@example.com"}) == (printer.senders.names, printer.recipients.names)
    assert (None, None, {"Bob"}, {"a|b"}) == (bob.networks, bob.senders, bob.logins, bob.certificates)
    assert ("grant 2", "", False, None) == (bob.name, bob.until, bob.to_ours, bob.recipients)


def test_a_grant_as_a_flag() -> None:
    """The same table, in one line."""
    (grant,) = settings(grant='{networks = "192.0.2.40", to = "local", until = "2099-12-31"}').policy.trusts.grants
    assert ("2099-12-31", True, None) == (grant.until, grant.to_ours, grant.recipients)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "a grant needs networks, logins or certificates: a sender alone is easy to forge"),
        ('from = "a@b.test"', "a grant needs networks, logins or certificates: a sender alone is easy to forge"),
        ('logins = "a"\nsenders = "b"', "no such key: senders; there are networks, logins, certificates, from, to, "),
        ("logins = []", "logins is empty, so that nothing would be granted: leave it out, or name some"),
        ("logins = [1]", "logins wants a string or a list of strings"),
        ('logins = "a"\nto = []', "to is empty, so that nothing would be granted: leave it out, or name some"),
        ('logins = "a"\nuntil = "soon"', "until wants a date, such as 2026-12-31, not soon"),
        ('logins = "a"\nowner = 1', "owner wants a string"),
        ('logins = "a"\nuntil = 2026-12-31T12:00:00', "until wants a date"),
        ('logins = "socketmap:inet:127.0.0.1:9:x"', "logins: a grant takes names and tables that can be read, not "),
    ],
)
def test_mistake_in_a_grant(table: str, message: str) -> None:
    """It is told with the line of the table."""
    (problem,) = problems(f"local-domain = 'a.test'\n\n[[grant]]\n{table}\n")
    assert problem.startswith(f"relaymilter.toml:3: grant: {message}")


@pytest.mark.parametrize("grant", ["1", '"x"', "{", "{logins = }", "[]", 'networks = ["192.0.2.40"]', "", "\n"])
def test_no_table(grant: str) -> None:
    """What is no table in a flag is told."""
    (problem,) = problems(grant=grant)
    assert problem.startswith("--grant: wants a table of TOML: {networks = ")


@pytest.mark.parametrize(
    ("days", "warning"), [(-1, "ended on"), (0, ", today"), (30, "in 30 days"), (31, None)], ids=str
)
def test_the_end_of_a_grant_is_warned_of(days: int, warning: str | None) -> None:
    """A month ahead, and afterwards."""
    last = date.today() + timedelta(days)
    said = reading(grant=f"{{logins = 'a', until = {last}}}").warnings
    assert [warning is not None] * len(said) == [warning is not None and warning in line for line in said]
    assert len(said) == (warning is not None)
