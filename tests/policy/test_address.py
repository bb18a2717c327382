"""The path as the client wrote it: what is plain, what is left to interpret, what is routing, and what is no path."""

from __future__ import annotations

import re

import pytest

from relaymilter.policy.address import MAX_LOCAL, MAX_PATH, Malformed, Path, parse


def parsed(raw: bytes | str) -> Path:
    """The path, which has to be one."""
    found = parse(raw.encode() if isinstance(raw, str) else raw)
    assert isinstance(found, Path), found
    return found


@pytest.mark.parametrize(
    ("raw", "local", "domain"),
    [
        pytest.param("<b@kite.test>", "b", "kite.test", id="usual"),
        pytest.param("<Bob.Smith@KITE.Test>", "Bob.Smith", "kite.test", id="case: kept left, folded right"),
        pytest.param("<b+detail@kite.test>", "b+detail", "kite.test", id="detail"),
        pytest.param("<b@localhost>", "b", "localhost", id="one label"),
        pytest.param("<b@192.0.2.9>", "b", "192.0.2.9", id="bare address"),
        pytest.param("<b@_x.kite.test>", "b", "_x.kite.test", id="underscore"),
        pytest.param("<b@xn--bcher-kva.test>", "b", "xn--bcher-kva.test", id="A-label"),
        pytest.param("<#$&'*+-/=?^_`{|}~@kite.test>", "#$&'*+-/=?^_`{|}~", "kite.test", id="every other atext"),
        pytest.param("<a..b@kite.test>", "a..b", "kite.test", id="two dots"),
        pytest.param("<.a@kite.test>", ".a", "kite.test", id="dot first"),
        pytest.param("<a.@kite.test>", "a.", "kite.test", id="dot last"),
        pytest.param("<.@kite.test>", ".", "kite.test", id="dot alone"),
        pytest.param(f"<{'a' * 64}@kite.test>", "a" * 64, "kite.test", id="local part of 64"),
        pytest.param(
            f"<b@{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 63}>",
            "b",
            f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 63}",
            id="domain of 255",
        ),
    ],
)
def test_plain(raw: str, local: str, domain: str) -> None:
    """A dot-atom at a domain in brackets leaves nothing to interpret; dots that the RFC forbids do occur."""
    assert Path(local, domain, plain=True) == parsed(raw)
    assert parsed(raw).routing is None


@pytest.mark.parametrize(
    ("raw", "local", "domain"),
    [
        pytest.param("b@kite.test", "b", "kite.test", id="no brackets"),
        pytest.param(" <b@kite.test>", "b", "kite.test", id="blank before"),
        pytest.param("<b@kite.test> ", "b", "kite.test", id="blank after"),
        pytest.param("<b@kite.test>\t", "b", "kite.test", id="tab after"),
        pytest.param("<b@kite.test\t>", "b", "kite.test", id="tab inside"),
        pytest.param("< b@kite.test >", "b", "kite.test", id="blanks inside"),
        pytest.param("<b @ kite.test>", "b", "kite.test", id="blanks around the at"),
        pytest.param("<b@kite .\ttest>", "b", "kite.test", id="blanks in the domain"),
        pytest.param("<b . c@kite.test>", "b.c", "kite.test", id="blanks in the local part"),
        pytest.param("<b@kite.test.>", "b", "kite.test", id="trailing dot"),
        pytest.param('<"b"@kite.test>', "b", "kite.test", id="quoted"),
        pytest.param('<"b c"@kite.test>', "b c", "kite.test", id="quoted blank"),
        pytest.param('<""@kite.test>', "", "kite.test", id="quoted nothing"),
        pytest.param('<"b".c."d"@kite.test>', "b.c.d", "kite.test", id="quoted words"),
        pytest.param(r'<"b\c"@kite.test>', "bc", "kite.test", id="quoted pair in quotes"),
        pytest.param(r'<"\"\\"@kite.test>', '"\\', "kite.test", id="quoted quote and backslash"),
        pytest.param(r"<b\c@kite.test>", "bc", "kite.test", id="quoted pair, bare"),
        pytest.param(r"<\b@kite.test>", "b", "kite.test", id="quoted pair first"),
        pytest.param(r"<b\ @kite.test>", "b ", "kite.test", id="quoted blank, bare"),
        pytest.param('<"b>"@kite.test>', "b>", "kite.test", id="quoted bracket"),
        pytest.param('<"(b)"@kite.test>', "(b)", "kite.test", id="parentheses in quotes"),
        pytest.param('<"b,c:d;e"@kite.test>', "b,c:d;e", "kite.test", id="quoted separators"),
        pytest.param("<b(comment)@kite.test>", "b", "kite.test", id="comment"),
        pytest.param("(c)<(c)b(c)@(c)kite(c).(c)test(c)>", "b", "kite.test", id="comments everywhere"),
        pytest.param("<b(a (nested) one)@kite.test>", "b", "kite.test", id="nested comment"),
        pytest.param("(a (nested) one)<b@kite.test>", "b", "kite.test", id="nested comment before the bracket"),
        pytest.param(r"<b(\))@kite.test>", "b", "kite.test", id="quoted parenthesis in a comment"),
        pytest.param("<b(@else.test>)@kite.test>", "b", "kite.test", id="an address in a comment"),
        pytest.param('<b(")@kite.test>', "b", "kite.test", id="a quote in a comment"),
        pytest.param("<b@[192.0.2.25]>", "b", "[192.0.2.25]", id="IPv4 literal"),
        pytest.param("<b@[IPv6:2001:DB8::0:25]>", "b", "[ipv6:2001:db8::25]", id="IPv6 literal"),
        pytest.param("<b@ [192.0.2.25] >", "b", "[192.0.2.25]", id="literal between blanks"),
        pytest.param("<b@bücher.test>", "b", "xn--bcher-kva.test", id="U-label"),
        pytest.param("<bü@kite.test>", "bü", "kite.test", id="UTF-8 local part"),
        pytest.param("<\uff20@kite.test>", "\uff20", "kite.test", id="full-width at is a letter"),
        pytest.param("<b\uff05else@kite.test>", "b\uff05else", "kite.test", id="full-width percent is a letter"),
        pytest.param("<else\uff01b@kite.test>", "else\uff01b", "kite.test", id="full-width bang is a letter"),
        pytest.param("<\xa0@kite.test>", "\xa0", "kite.test", id="no-break space is a letter"),
        pytest.param("<b\u202e@kite.test>", "b\u202e", "kite.test", id="right-to-left override is a letter"),
        pytest.param(f"<{'a' * 65}@kite.test>", "a" * 65, "kite.test", id="local part of 65"),
        pytest.param(f"<{'a' * 255}@kite.test>", "a" * 255, "kite.test", id="local part of 255"),
        pytest.param("<b@kite.test> NOTIFY=NEVER", "b", "kite.test", id="parameter"),
        pytest.param("<b@kite.test> NOTIFY=SUCCESS ORCPT=rfc822;b@x ", "b", "kite.test", id="parameters"),
        pytest.param("<b@kite.test> SMTPUTF8", "b", "kite.test", id="parameter without a value"),
        pytest.param("<postmaster>", "postmaster", "", id="no domain"),
        pytest.param("postmaster", "postmaster", "", id="no domain, no brackets"),
        pytest.param('<"postmaster">', "postmaster", "", id="no domain, quoted"),
        pytest.param("<>", "", "", id="null path"),
    ],
)
def test_left_to_interpret(raw: str, local: str, domain: str) -> None:
    """Whatever two programs may read in two ways parses, but is not plain; it asks for no routing."""
    path = parsed(raw)
    assert (local, domain, False, None) == (path.local, path.domain, path.plain, path.routing)


@pytest.mark.parametrize(
    ("raw", "local", "domain", "routing"),
    [
        pytest.param("<b%else.test@kite.test>", "b%else.test", "kite.test", "% in the local part", id="percent"),
        pytest.param("<b%else.test>", "b%else.test", "", "% in the local part", id="percent, no domain"),
        pytest.param("<%@kite.test>", "%", "kite.test", "% in the local part", id="percent alone"),
        pytest.param("<else.test!b@kite.test>", "else.test!b", "kite.test", "! in the local part", id="bang"),
        pytest.param("<else.test!b>", "else.test!b", "", "! in the local part", id="bang, no domain"),
        pytest.param("<kite.test!else.test!b>", "kite.test!else.test!b", "", "! in the local part", id="two bangs"),
        pytest.param("<b@else.test@kite.test>", "b@else.test", "kite.test", "@ in the local part", id="two ats"),
        pytest.param("<b@@kite.test>", "b@", "kite.test", "@ in the local part", id="two ats in a row"),
        pytest.param("b@else.test@kite.test", "b@else.test", "kite.test", "@ in the local part", id="two, unbracketed"),
        pytest.param("<b@[192.0.2.9]@kite.test>", "b@[192.0.2.9]", "kite.test", "@ in the local part", id="literal"),
        pytest.param('<"b@else.test"@kite.test>', "b@else.test", "kite.test", "@ in the local part", id="quoted at"),
        pytest.param('<"b@else.test">', "b@else.test", "", "@ in the local part", id="quoted at, no domain"),
        pytest.param('<"b%else.test"@kite.test>', "b%else.test", "kite.test", "% in the local part", id="quoted %"),
        pytest.param('<"else.test!b"@kite.test>', "else.test!b", "kite.test", "! in the local part", id="quoted !"),
        pytest.param('<"b".@.else@kite.test>', "b.@.else", "kite.test", "@ in the local part", id="at among words"),
        pytest.param('<b."@".else@kite.test>', "b.@.else", "kite.test", "@ in the local part", id="quoted at as word"),
        pytest.param(r"<b\@else.test@kite.test>", "b@else.test", "kite.test", "@ in the local part", id="escaped at"),
        pytest.param(r"<b\@else.test>", "b@else.test", "", "@ in the local part", id="escaped at, no domain"),
        pytest.param(r"<b\%else@kite.test>", "b%else", "kite.test", "% in the local part", id="escaped percent"),
        pytest.param(r"<else\!b@kite.test>", "else!b", "kite.test", "! in the local part", id="escaped bang"),
        pytest.param(r'<"b\@else"@kite.test>', "b@else", "kite.test", "@ in the local part", id="escaped in quotes"),
        pytest.param("<(c)b%else(c)@kite.test>", "b%else", "kite.test", "% in the local part", id="among comments"),
        pytest.param("<bü%else@kite.test>", "bü%else", "kite.test", "% in the local part", id="with UTF-8"),
        pytest.param("<@else.test:b@kite.test>", "b", "kite.test", "a source route", id="source route"),
        pytest.param("<@kite.test:b@else.test>", "b", "else.test", "a source route", id="source route by us"),
        pytest.param("<@a.test,@b.test:b@kite.test>", "b", "kite.test", "a source route", id="route of two"),
        pytest.param("<@ a.test , @ b.test : b@kite.test>", "b", "kite.test", "a source route", id="route, blanks"),
        pytest.param("@else.test:b@kite.test", "b", "kite.test", "a source route", id="route, no brackets"),
        pytest.param("<@[192.0.2.9]:b@kite.test>", "b", "kite.test", "a source route", id="route by a literal"),
        pytest.param("<@bücher.test:b@kite.test>", "b", "kite.test", "a source route", id="route by a U-label"),
        pytest.param("<@else.test,:b@kite.test>", "b", "kite.test", "a source route", id="route, comma last"),
        pytest.param("<@else.test:postmaster>", "postmaster", "", "a source route", id="route, no domain"),
        pytest.param("<@a.test:b%c@kite.test>", "b%c", "kite.test", "a source route", id="route and percent"),
    ],
)  # fmt: skip
def test_routing(raw: str, local: str, domain: str, routing: str) -> None:
    """Percent, bang and at in a local part, however hidden, and a source route ask to be sent on: never plain."""
    path = parsed(raw)
    assert (local, domain, False, routing) == (path.local, path.domain, path.plain, path.routing)


def test_route_hosts() -> None:
    """The hosts of a source route are told in order, in the form of domains."""
    assert parsed("<@A.test.,@bücher.test,@[192.0.2.9]:b@x>").route == ("a.test", "xn--bcher-kva.test", "[192.0.2.9]")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "no mailbox", id="nothing"),
        pytest.param(b" ", "no mailbox", id="a blank"),
        pytest.param(b"(c)", "no mailbox", id="a comment"),
        pytest.param(b"< >", "no mailbox", id="a blank in brackets"),
        pytest.param(b"<> X=y", "no mailbox", id="null path and a parameter"),
        pytest.param(b"<@else.test:>", "no mailbox", id="a source route alone"),
        pytest.param(b"<", "no closing bracket", id="a bracket"),
        pytest.param(b"<b@kite.test", "no closing bracket", id="no closing bracket"),
        pytest.param(b"<b@kite.test (c)", "no closing bracket", id="no closing bracket, comment"),
        pytest.param(b"b@kite.test>", "something follows", id="no opening bracket"),
        pytest.param(b">", "something follows", id="a closing bracket"),
        pytest.param(b"<<b@kite.test>>", "'<' in the path", id="two pairs of brackets"),
        pytest.param(b"Bob <b@kite.test>", "two words", id="a name in front"),
        pytest.param(b"Bob<b@kite.test>", "'<' in the path|two words", id="a name close in front"),
        pytest.param(b"<b@kite.test>x", "something follows", id="junk behind"),
        pytest.param(b"<b@kite.test>NOTIFY=NEVER", "something follows", id="a parameter without a blank"),
        pytest.param(b"<b@kite.test>\tNOTIFY=NEVER", "something follows", id="a parameter after a tab"),
        pytest.param(b"<b@kite.test> =", "something follows", id="no keyword"),
        pytest.param(b"<b@kite.test> A=", "something follows", id="no value"),
        pytest.param(b"<b@kite.test> A=b=c", "something follows", id="two equals"),
        pytest.param(b"<b@kite.test> -A=b", "something follows", id="keyword with a hyphen first"),
        pytest.param("<b@kite.test> A=ü".encode(), "something follows", id="parameter that is not ASCII"),
        pytest.param(b"b@kite.test NOTIFY=NEVER", "two words", id="a parameter without brackets"),
        pytest.param(b"<b@kite.test>(comment)", "something follows", id="comment behind"),
        pytest.param(b". (", "a comment that does not close", id="comment not closed, after a blank"),
        pytest.param(b"<b ((c)@kite.test>", "a comment that does not close", id="nested comment not closed"),
        pytest.param(b"<b()(@kite.test>", "a comment that does not close", id="comment not closed, after another"),
        pytest.param(b'<"b\\\xc3\xa9"@kite.test>', "a backslash before nothing", id="not ASCII, escaped in quotes"),
        pytest.param(b"<b\\\xc3\xa9@kite.test>", "a backslash before nothing", id="not ASCII, escaped"),
        pytest.param(b"<b@kite.test>,<c@else.test>", "something follows", id="two paths"),
        pytest.param(b"<c@else.test>,<b@kite.test>", "something follows", id="two paths, ours last"),
        pytest.param(b"<b@kite.test> <c@else.test>", "something follows", id="two paths, blank"),
        pytest.param(b"<b@kite.test>;<c@else.test>", "something follows", id="two paths, semicolon"),
        pytest.param(b"<b@kite.test,c@else.test>", "',' in the path|two words", id="two mailboxes"),
        pytest.param(b"b@kite.test,c@else.test", "two words", id="two mailboxes without brackets"),
        pytest.param(b"<c@else.test b@kite.test>", "two words", id="two mailboxes, blank"),
        pytest.param(b"<b:c@kite.test>", "two words", id="colon"),
        pytest.param(b"<list:b@kite.test;>", "two words", id="group"),
        pytest.param(b"<;b@kite.test>", "';' in the path", id="semicolon"),
        pytest.param(b"<b;@kite.test>", "two words", id="semicolon last"),
        pytest.param(b"<b@kite.test:25>", "two words", id="port"),
        pytest.param(b"<b c@kite.test>", "two words", id="two words"),
        pytest.param(b"<b(c)d@kite.test>", "two words", id="two words around a comment"),
        pytest.param(b'<"b"c@kite.test>', "two words", id="word after quotes"),
        pytest.param(b'<b"c"@kite.test>', "two words", id="quotes after a word"),
        pytest.param(b'<"b""c"@kite.test>', "two words", id="quotes after quotes"),
        pytest.param(b'<"."b@kite.test>', "two words", id="word after a quoted dot"),
        pytest.param(b'<"@"b@kite.test>', "two words", id="word after a quoted at"),
        pytest.param(b'<"b@kite.test>', "does not close", id="open quotes"),
        pytest.param(b'<"b\\"@kite.test>', "does not close", id="quotes closed by an escaped one"),
        pytest.param(b'<"b\t"@kite.test>', "does not close", id="tab in quotes"),
        pytest.param(b'<"b\\', "backslash", id="backslash last in quotes"),
        pytest.param(b"<b\\", "backslash", id="backslash last"),
        pytest.param(b"<b\\\t@kite.test>", "backslash", id="backslash before a tab"),
        pytest.param("<b\\ü@kite.test>".encode(), "backslash", id="backslash before a letter that is not ASCII"),
        pytest.param(b"<b(c@kite.test>", "comment that does not close", id="open comment"),
        pytest.param(b"<b((c)@kite.test>", "comment that does not close", id="nested comment, open"),
        pytest.param(b"<b(c\\)@kite.test>", "comment that does not close", id="comment closed by an escaped one"),
        pytest.param(b"<b(\\", "comment that does not close", id="backslash last in a comment"),
        pytest.param(b"<b)@kite.test>", "two words", id="closing parenthesis"),
        pytest.param(b"<)b@kite.test>", r"'\)' in the path", id="closing parenthesis first"),
        pytest.param(b"<@kite.test>", "does not end in a colon", id="no local part"),
        pytest.param(b"<(c)@kite.test>", "does not end in a colon", id="comment for a local part"),
        pytest.param(b"<@:b@kite.test>", "source route without a host", id="route without a host"),
        pytest.param(b"<@a.test,b.test:b@kite.test>", "does not end in a colon", id="route, one at"),
        pytest.param(b"<@a.test@b.test:b@kite.test>", "does not end in a colon", id="route, no comma"),
        pytest.param(b"<@a.test:@b.test:b@kite.test>", "two words", id="two routes"),
        pytest.param(b"<@a..test:b@kite.test>", "empty label", id="route by no domain"),
        pytest.param(b"<@a%b:b@kite.test>", "no label", id="route with a percent"),
        pytest.param(b"<@a.test:@kite.test>", "no local part", id="route and no local part"),
        pytest.param(b"<b@>", "empty label", id="no domain after the at"),
        pytest.param(b"<b@.>", "empty label", id="a dot for a domain"),
        pytest.param(b"<b@kite..test>", "empty label", id="empty label"),
        pytest.param(b"<b@.kite.test>", "empty label", id="empty label first"),
        pytest.param(b"<b@kite.test..>", "empty label", id="two trailing dots"),
        pytest.param(b"<b@-kite.test>", "no label", id="hyphen first"),
        pytest.param(b"<b@kite.test%else.test>", "no label", id="percent in the domain"),
        pytest.param(b"<b@else.test!kite.test>", "no label", id="bang in the domain"),
        pytest.param(b'<b@"kite.test">', "a quoted domain", id="quoted domain"),
        pytest.param(b"<b@k\\ite.test>", "a quoted domain", id="escaped letter in the domain"),
        pytest.param(b"<b@kite.\\test>", "a quoted domain", id="escaped letter in a later label"),
        pytest.param("<b@\u212aite.test>".encode(), "no certain A-label", id="KELVIN SIGN"),
        pytest.param("<b@\uff4bite.test>".encode(), "no certain A-label", id="full-width letter"),
        pytest.param("<b@kite\u3002test>".encode(), "no certain A-label", id="ideographic full stop"),
        pytest.param("<b@straße.test>".encode(), "no certain A-label", id="sharp s"),
        pytest.param(b"<b@[192.0.2.25>", "literal that does not close", id="open literal"),
        pytest.param(b"<b@[192.0.2.25].kite.test>", "no address literal", id="literal and a name"),
        pytest.param(b"<b@[192.0.2.25]kite.test>", "two words", id="literal close to a name"),
        pytest.param(b"<b@kite.test[192.0.2.25]>", "two words", id="name and a literal"),
        pytest.param(b"<b@kite.[192.0.2.25]>", r"'\[' in the path", id="literal as a label"),
        pytest.param(b"<b@[192.0.2.25][192.0.2.25]>", "two words", id="two literals"),
        pytest.param(b"<b@[192.0 .2.25]>", "literal that does not close", id="blank in a literal"),
        pytest.param(b"<b@[[192.0.2.25]]>", "literal that does not close", id="nested literal"),
        pytest.param(b"<[192.0.2.25]@kite.test>", r"'\[' in the path", id="literal for a local part"),
        pytest.param(b"<b@[kite.test]>", "domain: ", id="name in a literal"),
        pytest.param(b"<b@[IPv6:fe80::1%25eth0]>", "no address literal", id="zone in a literal"),
        pytest.param(b"<b\x00@kite.test>", "a control character", id="NUL"),
        pytest.param(b"<b@kite.test\x00.else.test>", "a control character", id="NUL in the domain"),
        pytest.param(b"<b@kite.test>\x00", "a control character", id="NUL behind"),
        pytest.param(b'<"b\x00"@kite.test>', "a control character", id="NUL in quotes"),
        pytest.param(b"<b(\x00)@kite.test>", "a control character", id="NUL in a comment"),
        pytest.param(b"<b@kite.test>\r\n", "a control character", id="CR LF"),
        pytest.param(b"<b@kite.test>\n", "a control character", id="LF behind"),
        pytest.param(b"<b\x0c@kite.test>", "a control character", id="form feed"),
        pytest.param(b"<b\x1b[2J@kite.test>", "a control character", id="escape"),
        pytest.param(b"<b\x7f@kite.test>", "a control character", id="DEL"),
        pytest.param("<b\x80@kite.test>".encode(), "a control character", id="first of C1"),
        pytest.param("<b\x9f@kite.test>".encode(), "a control character", id="last of C1"),
        pytest.param("<b\x85@kite.test>".encode(), "a control character", id="NEL"),
        pytest.param(b"<b\xe9@kite.test>", "not UTF-8", id="Latin-1"),
        pytest.param(b"<b\xc0\x80@kite.test>", "not UTF-8", id="overlong NUL"),
        pytest.param(b"<b\xc1\x80else.test@kite.test>", "not UTF-8", id="overlong at"),
        pytest.param(b"<b\xed\xb3\xa9@kite.test>", "not UTF-8", id="surrogate"),
        pytest.param(b"<b\xff@kite.test>", "not UTF-8", id="FF"),
        pytest.param(b"<" + b"a" * 256 + b"@kite.test>", "local part longer", id="local part of 256"),
        pytest.param(f"<{'ü' * 128}@kite.test>".encode(), "local part longer", id="local part of 256 octets, UTF-8"),
        pytest.param(b"<b@" + b"a" * 64 + b".test>", "no label", id="label of 64"),
        pytest.param(b"<b@" + b"a." * 128 + b"test>", "domain longer", id="domain of 260"),
        pytest.param(b"<b@kite.test>" + b" " * (MAX_PATH - 12), "longer than 1024", id="path of 1025"),
        pytest.param(b"(" * 100_000, "longer than 1024", id="a hundred thousand parentheses"),
    ],
)  # fmt: skip
def test_malformed(raw: bytes, reason: str) -> None:
    """What the RFC does not have, and what can only be guessed at, is no path, and the reason says why."""
    found = parse(raw)
    assert isinstance(found, Malformed), found
    assert re.search(reason, found.reason), found.reason


def test_longest() -> None:
    """An argument of 1,024 octets still parses, with a local part of 255."""
    raw = b"<" + b"a" * MAX_LOCAL + b"@kite.test>"
    assert parsed(raw + b" " * (MAX_PATH - len(raw))).local == "a" * MAX_LOCAL


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<b@kite.test>", "<b@kite.test>"),
        ("b @ KITE.test.", "<b@kite.test>"),
        ('<"b"@kite.test>', "<b@kite.test>"),
        ('<"b c"@kite.test>', '<"b c"@kite.test>'),
        (r"<b\ c@kite.test>", '<"b c"@kite.test>'),
        (r'<"\"\\\b"@kite.test>', r'<"\"\\b"@kite.test>'),
        ('<""@kite.test>', '<""@kite.test>'),
        ("<a..b@kite.test>", "<a..b@kite.test>"),
        ("<bü@bücher.test>", "<bü@xn--bcher-kva.test>"),
        ("<b@[IPv6:2001:DB8:0::25]>", "<b@[ipv6:2001:db8::25]>"),
        ("<b%c@kite.test>", "<b%c@kite.test>"),
        ("<b@c@kite.test>", '<"b@c"@kite.test>'),
        ("<@A.test, @b.test:b@kite.test>", "<@a.test,@b.test:b@kite.test>"),
        ('<@a.test:"">', '<@a.test:"">'),
        ("<Postmaster>", "<Postmaster>"),
        ("<>", "<>"),
        ("<b(c)@kite.test> NOTIFY=NEVER", "<b@kite.test>"),
    ],
)
def test_canonical_text(raw: str, text: str) -> None:
    """A path has one text: with brackets, the quotes that it needs, and neither comments nor parameters."""
    assert text == str(parsed(raw))


def test_text_keeps_a_source_route_to_nothing() -> None:
    """A source route to an empty quoted local part is not told as the null path."""
    path = parsed('<@else.test:"">')
    assert "a source route" == path.routing == parsed(str(path)).routing
