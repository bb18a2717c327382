"""MTAs that are closed by themselves but for one opening each, as administrators have made them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.rig import MtaSettings, Namespace, Postfix, Sendmail

NOT_LOCAL = "mynetworks = 127.0.0.0/8 [::1]/128\n"
"""Postfix: relay for no stranger."""
NOT_PROMISCUOUS = "undefine(`_PROMISCUOUS_RELAY_')\n"
"""Sendmail: the same."""

Add = Callable[[Path], str]
"""Writes what the opening needs into this folder, and returns lines of the configuration."""


@dataclass(frozen=True)
class Opening:
    """An MTA with one opening, and the families of envelopes that it lets through."""

    kind: type[Postfix] | type[Sendmail]
    add: Add
    families: frozenset[str] = frozenset()
    """Those of which some get through, and no other; empty: it is closed."""
    domain: str = "example.org"
    """The one that is abused."""

    def mta(self, namespace: Namespace, folder: Path, milters: tuple[str, ...] = ()) -> Postfix | Sendmail:
        """The MTA, to be started."""
        folder.mkdir()
        settings = replace(MtaSettings(milters), extra=self.add(folder))
        return self.kind(namespace, folder, settings)


def _postfix(lines: str) -> Add:
    return lambda _: NOT_LOCAL + lines


def _sendmail(lines: str) -> Add:
    return lambda _: NOT_PROMISCUOUS + lines


def _check_rcpt(pattern: str) -> Add:
    """Sendmail takes a recipient of this pattern, whatever its other rules say; m4 must not see what is in it."""

    def add(folder: Path) -> str:
        rules = folder / "rules.m4"
        rules.write_text(f"LOCAL_RULESETS\nSLocal_check_rcpt\nR{pattern}\t$# OK\n")
        return f"{NOT_PROMISCUOUS}include(`{rules}')"

    return add


EVERYTHING = frozenset(
    "plain nmap percent bang route second-at quoting literal brackets comment blanks letters incomplete case-dots "
    "length sender sender-routing helo auth-claim parameters companions".split()
)
_LOCAL_SENDER = frozenset({"nmap", "sender", "sender-routing", "helo", "auth-claim", "companions"})
_ON_587 = "${{$milter_macro_daemon_name} == {submission} ? {check_client_access static:permit, } : {}}"

OPENINGS: dict[str, Opening] = {
    "closed postfix": Opening(Postfix, _postfix("")),
    "closed sendmail": Opening(Sendmail, _sendmail("")),
    "open postfix": Opening(Postfix, lambda _: "", EVERYTHING),
    "open sendmail": Opening(Sendmail, lambda _: "", EVERYTHING),
    "sendmail for %": Opening(
        Sendmail,
        _check_rcpt("< $+ % $+ @ $+ >"),
        frozenset({"nmap", "percent", "bang", "route", "quoting", "comment", "length"})
        | {"sender-routing", "companions"},
    ),
    "sendmail with loose_relay_check": Opening(
        Sendmail,
        _sendmail("FEATURE(`loose_relay_check')\nRELAY_DOMAIN(`relayed.example')\n"),
        frozenset({"percent", "bang", "route", "quoting", "comment", "case-dots", "length"})
        | {"sender-routing", "companions"},
        domain="relayed.example",
    ),
    "sendmail for source routes": Opening(
        Sendmail,
        _check_rcpt("< @ $* : $* >"),
        frozenset({"nmap", "route", "length", "sender-routing", "companions"}),
    ),
    "postfix for a local sender": Opening(
        Postfix,
        _postfix(
            "smtpd_relay_restrictions = check_sender_access inline:{ {example.org = permit} } reject_unauth_destination"
        ),
        _LOCAL_SENDER,
    ),
    "sendmail for a local sender": Opening(Sendmail, _sendmail("FEATURE(`relay_local_from')\n"), _LOCAL_SENDER),
    "postfix over IPv6": Opening(Postfix, lambda _: "mynetworks = 127.0.0.0/8 [::]/0\n", EVERYTHING),
    "postfix on port 587": Opening(
        Postfix, _postfix(f"smtpd_relay_restrictions = {_ON_587} reject_unauth_destination\n"), EVERYTHING
    ),
}
