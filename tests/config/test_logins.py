"""Logins and local clients: what they are bound to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from relaymilter.config.sets import MapSet
from relaymilter.policy.addresses import Addresses
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


def test_no_login_on_purpose() -> None:
    """A list in place that is empty says so on purpose, and is not warned of."""
    read = reading(null_sender_login="inline:{}")
    assert (frozenset(), ()) == (read.settings.policy.logins.null_sender.known, read.warnings)  # type: ignore[union-attr]
