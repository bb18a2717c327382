"""Lists of mailboxes and domains: how entries are written, and which paths they hold."""

from __future__ import annotations

import pytest

from relaymilter.policy.address import Path, parse
from relaymilter.policy.mailboxes import NULL, NULL_PATH, Mailboxes, entry_form, keys, words
from relaymilter.policy.ports import LookupFailed
from tests.policy.asking import FailingNames


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(" , ,\t", [], id="separators alone"),
        pytest.param("joe", ["joe"], id="one"),
        pytest.param("joe,ann  al\tbob, eve", ["joe", "ann", "al", "bob", "eve"], id="blanks and commas"),
        pytest.param("joe\u00a0ann", ["joe", "ann"], id="no-break space"),
    ],
)
def test_words(value: str, found: list[str]) -> None:
    """A value is parted at blanks and commas, so that neither is in any word."""
    assert found == words(value)


@pytest.mark.parametrize(
    ("entry", "form"),
    [
        pytest.param("<>", "<>", id="null"),
        pytest.param("Bob@Kite.TEST", "bob@kite.test", id="mailbox"),
        pytest.param("bob+Tag@kite.test", "bob+tag@kite.test", id="tag"),
        pytest.param("\u212aim@kite.test", "\u212aim@kite.test", id="KELVIN SIGN"),
        pytest.param("bob@B\u00fccher.test".lower(), "bob@xn--bcher-kva.test", id="mailbox, U-label"),
        pytest.param('"bob c"@kite.test', "bob c@kite.test", id="quoted"),
        pytest.param("bob@[IPv6:2001:DB8::25]", "bob@[ipv6:2001:db8::25]", id="mailbox, literal"),
        pytest.param("Kite.test.", "kite.test", id="domain"),
        pytest.param("@Kite.test", "@kite.test", id="domain with at"),
        pytest.param(".Kite.test", ".kite.test", id="subdomains"),
        pytest.param("b\u00fccher.test", "xn--bcher-kva.test", id="U-label"),
        pytest.param("[192.0.2.25]", "[192.0.2.25]", id="literal"),
        pytest.param("Root", "root", id="bare name"),
        pytest.param("@localhost", "@localhost", id="domain of one label"),
    ],
)
def test_entry_form(entry: str, form: str) -> None:
    """An entry has the form in which it is looked up."""
    assert form == entry_form(entry)


@pytest.mark.parametrize(
    "entry",
    [
        *("", " ", "@", ".", "..", "<", ">", "<b@kite.test>", "b@", "@@", "@a@kite.test", "b@kite..test", "b c"),
        *("b%else.test@kite.test", "else.test!b@kite.test", "b@else.test@kite.test", '"b@else.test"@kite.test', "*"),
        *("b@\u212aite.test", "\u212aite.test", "b@*", "b@kite.test,", "@.kite.test", "..kite.test"),
    ],
    ids=repr,
)
def test_no_entry(entry: str) -> None:
    """What is no mailbox, no domain and no name is refused, and so is whatever asks for routing."""
    with pytest.raises(ValueError, match="."):
        entry_form(entry)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param(
            "<Bob+Tag@a.kite.test>",
            ["bob+tag@a.kite.test", "bob@a.kite.test", "@a.kite.test", "a.kite.test", ".kite.test", ".test"],
            id="mailbox",
        ),
        pytest.param("<b@kite.test>", ["b@kite.test", "@kite.test", "kite.test", ".test"], id="no tag"),
        pytest.param(
            "<+x@kite.test>", ["+x@kite.test", "@kite.test", "kite.test", ".test"], id="nothing before the tag"
        ),
        pytest.param(
            "<b+@kite.test>", ["b+@kite.test", "b@kite.test", "@kite.test", "kite.test", ".test"], id="empty tag"
        ),
        pytest.param(
            "<b+c+d@kite.test>", ["b+c+d@kite.test", "b@kite.test", "@kite.test", "kite.test", ".test"], id="two tags"
        ),
        pytest.param(
            '<"B"@kite.test.>', ["b@kite.test", "@kite.test", "kite.test", ".test"], id="quoted, trailing dot"
        ),
        pytest.param(
            "<\u212a\u00c9b@kite.test>",
            ["\u212a\u00c9b@kite.test", "@kite.test", "kite.test", ".test"],
            id="letters beyond ASCII",
        ),
        pytest.param("<b@localhost>", ["b@localhost", "@localhost"], id="one label"),
        pytest.param("<b@[192.0.2.25]>", ["b@[192.0.2.25]", "@[192.0.2.25]", "[192.0.2.25]"], id="IPv4 literal"),
        pytest.param(
            "<b@[IPv6:2001:db8::25]>",
            ["b@[ipv6:2001:db8::25]", "@[ipv6:2001:db8::25]", "[ipv6:2001:db8::25]"],
            id="IPv6 literal",
        ),
        pytest.param('<""@kite.test>', ["@kite.test", "@kite.test", "kite.test", ".test"], id="empty local part"),
        pytest.param("<Bob+x>", ["bob+x", "bob"], id="bare, tag"),
        pytest.param("<bob>", ["bob"], id="bare"),
        pytest.param("<>", ["<>"], id="null"),
        pytest.param("<kite.test>", [], id="bare, like a domain"),
        pytest.param("<.test>", [], id="bare, like subdomains"),
        pytest.param('<"@kite.test">', [], id="bare, like a domain with at"),
        pytest.param('<"b@kite.test">', [], id="bare, like a mailbox"),
        pytest.param('<"<>">', [], id="bare, like the null sender"),
        pytest.param('<"[192.0.2.25]">', [], id="bare, like a literal"),
    ],
)
def test_keys(path: str, found: list[str]) -> None:
    """A path stands in a list by its mailbox, its tag first, then by its domain and all above; a bare name is one."""
    parsed = parse(path.encode())
    assert isinstance(parsed, Path)
    assert found == list(keys(parsed))


LIST = Mailboxes(frozenset({"bob@kite.test", "@at.test", "else.test", ".sub.test", "root", NULL, "x@[192.0.2.25]"}))


@pytest.mark.parametrize(
    ("path", "found", "matched"),
    [
        pytest.param("<bob@kite.test>", "bob@kite.test", "bob@kite.test", id="mailbox"),
        pytest.param("<bob+x@kite.test>", "bob@kite.test", "bob@kite.test", id="tag"),
        pytest.param("<ann@at.test>", "@at.test", "@at.test", id="domain with at"),
        pytest.param("<ann@else.test>", "else.test", "else.test", id="domain"),
        pytest.param("<ann@a.else.test>", None, None, id="below a domain"),
        pytest.param("<ann@notelse.test>", None, None, id="domain as end"),
        pytest.param("<ann@b.a.sub.test>", ".sub.test", ".sub.test", id="subdomain"),
        pytest.param("<ann@sub.test>", None, None, id="parent of subdomains"),
        pytest.param("<\u212aob@kite.test>", None, None, id="KELVIN SIGN"),
        pytest.param('<"bob"@kite.test>', "bob@kite.test", None, id="quoted"),
        pytest.param("bob@kite.test", "bob@kite.test", None, id="no brackets"),
        pytest.param("<bob%x@else.test>", "else.test", None, id="percent"),
        pytest.param("<@x:bob@kite.test>", "bob@kite.test", None, id="source route"),
        pytest.param("<x@[192.0.2.25]>", "x@[192.0.2.25]", None, id="literal"),
        pytest.param("<root>", "root", None, id="bare"),
        pytest.param("<x@root>", None, None, id="bare name as domain"),
        pytest.param("<>", "<>", None, id="null"),
    ],
)
def test_lists(path: str, found: str | None, matched: str | None) -> None:
    """A list finds whatever mailbox a path seems to name, and matches only what is plain."""
    parsed = parse(path.encode())
    assert isinstance(parsed, Path)
    assert (found, matched) == (LIST.find(parsed), LIST.match(parsed))


def test_malformed_path_matches_nothing() -> None:
    """What is no path is in no list."""
    assert LIST.match(parse(b"<bob@kite.test")) is None


def test_a_list_that_is_down() -> None:
    """A list that cannot be asked is no answer; it is not asked for a path that is not plain."""
    down = Mailboxes(FailingNames())
    assert down.match(NULL_PATH) is None
    with pytest.raises(LookupFailed):
        down.find(NULL_PATH)


@pytest.mark.parametrize(
    "entry", ["bob@kite.test", '"bob c"@kite.test', "kite.test", "@kite.test", "<>", "Bob", ".test"]
)
def test_what_an_entry_names_is_found(entry: str) -> None:
    """The form of an entry is among the keys of its mailbox, or of one in its domain."""
    mailbox = {"kite.test": "x@kite.test", "@kite.test": "x@kite.test", ".test": "x@kite.test", "<>": ""}.get(
        entry, entry
    )
    path = parse(f"<{mailbox}>".encode())
    assert isinstance(path, Path)
    assert entry_form(entry) in keys(path)
