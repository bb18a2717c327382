"""What clients, logins and senders are bound to: maps, lists and grants, read with every mistake."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from relaymilter.config.options import RESTRICTIONS
from relaymilter.config.sets import MapSet
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.grants import Grant
from relaymilter.policy.logins import Recipients
from relaymilter.policy.ports import Names

from .written import problems, reading, settings


def known(found: MapSet[Any] | None) -> dict[str, set[str]]:
    """The entries of a map, each with the words of its value."""
    assert found is not None
    return {name: set(map(str, words_of(value))) for name, value in found.known.items()}


def words_of(value: Addresses | Recipients | Names) -> Iterable[object]:
    """What a value is made of."""
    if isinstance(value, Addresses):
        return value.networks
    return value.entries if isinstance(value, Recipients) else value  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("key", "entry", "found"),
    [
        ("login_networks", "bob 192.0.2.0/24", {"bob": {"192.0.2.0/24"}}),
        ("login_networks", "bob\t192.0.2.0/24, !192.0.2.9  ::1", {"bob": {"192.0.2.0/24", "!192.0.2.9/32", "::1/128"}}),
        ("login_networks", "b b\t192.0.2.1", {"b b": {"192.0.2.1/32"}}),
        ("login_networks", "@Example.ORG 192.0.2.1", {"@example.org": {"192.0.2.1/32"}}),
        ("login_networks", "* 192.0.2.1", {"*": {"192.0.2.1/32"}}),
        ("login_recipients", "bob none", {"bob": {"none"}}),
        ("login_recipients", "bob internal, Joe@E.NET .d.test", {"bob": {"internal", "joe@e.net", ".d.test"}}),
        ("sender_login", "Bob@Example.org bob,joe", {"bob@example.org": {"bob", "joe"}}),
        ("sender_login", "@example.org bob", {"@example.org": {"bob"}}),
        ("sender_login", "bücher.example bob", {"xn--bcher-kva.example": {"bob"}}),
    ],
)  # fmt: skip
def test_map(key: str, entry: str, found: dict[str, set[str]]) -> None:
    """A key, a blank or a tab, and a value; both in the form that is compared."""
    bounds = settings(**{key: entry}).policy.logins
    assert found == known(
        {"login_networks": bounds.networks, "login_recipients": bounds.recipients, "sender_login": bounds.owners}[key]
    )


def test_a_key_that_comes_again_adds_to_its_value() -> None:
    """Several owners of a mailbox may stand in several lines, in several tables."""
    Path("owners").write_text("# who\nbob@example.org bob\nbob@example.org joe # and another\n")
    bounds = settings(sender_login=("file:owners", "bob@example.org ann")).policy.logins
    assert {"bob@example.org": {"bob", "joe", "ann"}} == known(bounds.owners)


@pytest.mark.parametrize(
    ("key", "entry", "message"),
    [
        ("login-networks", "bob", "'bob' has no value: give a key, a blank, and the value"),
        ("login-networks", "bob 192.0.2.1/24", "192.0.2.1/24 has host bits set: 192.0.2.0/24 was probably meant"),
        ("login-networks", "bob 0.0.0.0/0", "0.0.0.0/0 is too wide: it would open the relay; /8 is the widest"),
        ("login-recipients", "bob *@example.org,", None),
        ("login-recipients", "bob b@c@d", None),
        ("sender-login", "bob@ bob", None),
        ("sender-login", "bob@example.org", "'bob@example.org' has no value: give a key, a blank, and the value"),
        ("certificate", "CN=a", "'CN=a' is no certificate: give its subject and its issuer, both, as subject|issuer"),
        ("certificate", "a|b|c", "'c' is no fingerprint: give octets as 5A:0B:... of SHA-1 or better"),
        ("deny-client", "mail.example.org", None),
        ("deny-helo", "*.example.org", None),
        ("deny-sender", "a%b@example.org", None),
        ("warn", "no-rule", f"'no-rule' is no restriction; there are {', '.join(RESTRICTIONS)}"),
        ("lockdown-file", "lockdown", "the path 'lockdown' is not absolute"),
        (
            "login-mechanism",
            "PLAIN, LOGIN",
            "'PLAIN, LOGIN' is no mechanism of AUTH: give one at a time, such as PLAIN",
        ),
        ("login-mechanism", "", "'' is no mechanism of AUTH: give one at a time, such as PLAIN"),
        ("login-listener", " ", "an empty listener: give a name, an address or a port"),
        ("login-fold", "upper", "'upper' is none of exact, lower, local, lower-local"),
    ],
)
def test_mistake(key: str, entry: str, message: str | None) -> None:
    """Each is told with its flag."""
    (problem,) = problems(**{key.replace("-", "_"): entry})
    assert problem.startswith(f"--{key}: ")
    assert message is None or problem == f"--{key}: {message}"


def test_mistake_in_a_table() -> None:
    """Each is told with its line."""
    Path("nets").write_text("bob 192.0.2.0/24\njoe\nann example.org\n")
    found = problems(login_networks="file:nets")
    assert ["nets:2: login-networks: ", "nets:3: login-networks: "] == [problem[:24] for problem in found]


def test_a_table_that_is_asked() -> None:
    """What cannot be read is asked later."""
    bounds = settings(sender_login="socketmap:inet:127.0.0.1:9:owners").policy.logins
    assert bounds.owners is not None
    assert ["socketmap:inet:127.0.0.1:9:owners"] == [table.name for table in bounds.owners.asked]


@pytest.mark.parametrize(
    ("fold", "entries"),
    [
        ("exact", {"Bob@Example.org", "Joe"}),
        ("lower", {"bob@example.org", "joe"}),
        ("local", {"Bob", "Joe"}),
        ("lower-local", {"bob", "joe"}),
    ],
)
def test_lists_are_folded_as_logins_are(fold: str, entries: set[str]) -> None:
    """One setting for both sides."""
    policy = settings(login_fold=fold, authorised_login=("Bob@Example.org", "Joe")).policy
    assert policy.logins.authorised is not None
    assert entries == policy.logins.authorised.known


def test_exempt_from_lockdown() -> None:
    """An address is a network, everything else a login."""
    lockdown = settings(lockdown_exempt=("192.0.2.0/24", "2001:db8::1", "bob", "@example.org")).policy.lists.lockdown
    assert {"bob", "@example.org"} == lockdown.logins.known
    assert ["192.0.2.0/24", "2001:db8::1/128"] == sorted(map(str, lockdown.networks))


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
        ({"null_sender_login": "inline:{}"}, None),
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
