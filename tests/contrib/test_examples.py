"""The worked examples are sound, and do what they say."""

from __future__ import annotations

import pytest

from relaymilter.config.reader import Flags, read
from relaymilter.config.wiring import ruleset
from relaymilter.policy.envelope import Certificate, Macros, client, request
from tests.rig.daemon import ROOT

EXAMPLES = ROOT / "contrib/examples"
PRINTER = Certificate("printer2.example.org", "Example Company CA")


def test_each_example_is_sound() -> None:
    """None of them has a mistake, or what would be warned of."""
    found = sorted(EXAMPLES.glob("*.toml"))
    assert [path.stem for path in found] == ["backup-mx", "company", "hosting", "printer"]
    assert [read(Flags({}, path)).warnings for path in found] == [()] * 4


FACTS = """
company  203.0.113.7  alice@mx.example.org  submission <sales@example.org>  <v@example.com>  permit authorised-login
company  203.0.113.7  ALICE@mx.example.org  587  <Alice+x@example.org> <v@example.com>  permit authorised-login
company  203.0.113.7  alice@mx.example.org  smtp,25  <sales@example.org>  <v@example.com>  reject no-rule
company  203.0.113.7  bob@mx.example.org  submission <alice@example.org>  <v@example.com>  reject sender-login
company  203.0.113.7  hall@mx.example.org  submission <hall@example.org>  <v@example.com>  reject login-networks
company  203.0.113.7  hall  submission <hall@example.org>  <bob@example.org>  reject login-networks
company  192.0.2.77  Hall@mx.example.org  587 <hall@example.org>  <bob@example.org>  permit local-client
company  192.0.2.77  hall  587 <hall@example.org>  <v@example.com>  reject login-recipients
company  203.0.113.7  bob  587  <sales@example.org>  <v@example.com>  permit authorised-login
company  192.0.2.9  -  -  <x@example.org>  <v@example.com>  permit local-client
hosting  203.0.113.7  alice@example.org  -  <alice@example.net>  <v@example.com>  reject sender-login
hosting  203.0.113.7  postmaster@example.net -  <x@example.net>  <v@example.com>  permit authorised-login
hosting  203.0.113.7  postmaster@example.net -  <>  <v@example.com>  reject null-sender-login
hosting  203.0.113.7  late@example.net  -  <late@example.net>  <v@example.com>  reject login-recipients
hosting  203.0.113.7  LATE@example.net  -  <late@example.net>  <v@example.com>  reject login-recipients
hosting  203.0.113.66 -  -  <a@example.com>  <alice@example.org>  reject deny-client
hosting  203.0.113.7  -  -  <a@example.com>  <alice@example.org>  permit local-recipient
printer  192.0.2.40  -  -  <scanner@example.org> <archive@example.com> permit grant
printer  192.0.2.40  -  -  <scanner@example.org> <v@example.com>  reject no-rule
printer  192.0.2.40  -  -  <spam@example.org>  <archive@example.com> reject no-rule
printer  203.0.113.7  -  -  <scanner@example.org> <archive@example.com> reject no-rule
backup-mx 203.0.113.7  alice  -  <a@example.org>  <v@example.com>  reject no-rule
backup-mx 203.0.113.7  -  -  <a@example.com>  <x@mx2.example.org>  permit local-recipient
"""


@pytest.mark.parametrize("fact", FACTS.strip().splitlines())
def test_an_example_does_what_it_says(fact: str) -> None:
    """Of each, who may and who may not: client, login, listener, sender, recipient, and what becomes of it."""
    example, address, login, listener, sender, recipient, *expected = fact.split()
    asked = request(
        client(address, 4000),
        recipient.encode(),
        login=None if login == "-" else login,
        sender=sender.encode(),
        macros=Macros(listener=tuple(listener.split(",")), certificate=PRINTER),
    )
    decision = ruleset(read(Flags({}, EXAMPLES / f"{example}.toml")).settings.policy).decide(asked)
    assert expected == [decision.word, decision.rule]
