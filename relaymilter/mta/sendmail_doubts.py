"""Remarks on a sendmail.cf: what permits relaying there and is not carried over, and what leaves the relay open."""

import re
from collections.abc import Iterator

from relaymilter.mta.sendmail_cf import Configuration, Rule
from relaymilter.mta.settings import Remark

_CARRIED_OVER = {
    "Rcpt_ok": {"$+ < @ $=w >", "$+ < @ $* $=R >", "$+ < @ $=R >", "<RELAY> $*", "$* $| $={TrustAuthMech}"},
    "Relay_ok": {"$@", "0", "127.0.0.1", "IPv6:0:0:0:0:0:0:0:1", "IPv6:::1", "$=R $*", "<RELAY> $*", "$=w"},
}
_LOCAL_USER = re.compile(r"(<\?>|<\? \$=w>) (<\?> )?\$\+")
_BY_NAME = {"<?> $=w", "<?> $=R", "<?> $* $=R"}
_KNOWN = {
    "$+ < @ $* $=m >": "FEATURE(relay_entire_domain) is not carried over: give the domain as relay-domain, if need be",
    "<?> $* $=m": "FEATURE(relay_entire_domain) lets clients relay by name, which can be forged; not carried over",
    "<$* : $=w . : $*> $*": "FEATURE(relay_based_on_MX) relays for whoever names this host as an MX: their owners "
    "decide, not you; not carried over",
    "<?> $+ < @ $=w >": "FEATURE(relay_local_from) lets everyone relay who gives a local sender, which is forged at "
    "will; not carried over",
    "<@> <RELAY>": "FEATURE(relay_mail_from) lets everyone relay who gives a listed sender, which is forged at will; "
    "not carried over",
    "<> $+": "FEATURE(drac) is not carried over",
}
_OPENS = {"<$* : $=w . : $*> $*", "<?> $+ < @ $=w >", "<@> <RELAY>"}
"""Of those that are known, the ones by which strangers relay."""
_OWN = ("Local_check_rcpt", "Local_Relay_Auth")
_PERMITS = re.compile(r"\$[@#] ?RELAY\b")
_CLOSED_WHEN_DOWN = re.compile(r"(?:^|,)\s*F\s*=\s*[TR4]")


def doubts(cf: Configuration, mechanisms: list[str]) -> Iterator[Remark]:
    """All of them; `mechanisms` are those of AUTH that Sendmail trusts for relaying."""
    if not {"check_rcpt", "Basic_check_rcpt"} & cf.rulesets.keys():
        yield Remark(str(cf.path), "there is no check_rcpt, so Sendmail itself relays for everyone", opens=True)
    elif not cf.rules("Relay_ok"):
        why = "Sendmail itself relays for everyone, as FEATURE(promiscuous_relay) has it"
        yield Remark(str(cf.path), why, opens=True)
    for ruleset in _CARRIED_OVER:
        yield from (_permission(cf, ruleset, rule) for rule in cf.rules(ruleset) if not _is_carried_over(ruleset, rule))
    if by_name := [rule.line for rule in cf.rules("Relay_ok") if rule.left in _BY_NAME]:
        why = "clients whose names are in the classes w and R may relay; not here, because a name can be forged"
        yield Remark(cf.place(by_name[0]), why)
    for ruleset in _OWN:
        yield from (
            Remark(cf.place(rule.line), f"rules of your own are not carried over: {ruleset}")
            for rule in cf.rules(ruleset)[:1]
        )
    if "bestmx" in cf.maps:
        why = "FEATURE(bestmx_is_local) takes for local what names this host as an MX: their owners decide, not you"
        yield Remark(cf.place(cf.maps["bestmx"].line), f"{why}; not carried over", opens=True)
    if cf.rules("Rcpt_ok") and not mechanisms:
        why = "no mechanism of AUTH is trusted for relaying (TRUST_AUTH_MECH), but here every login may relay"
        yield Remark(str(cf.path), f"{why}: give authorised-login")
    for declared in cf.filters:
        if not _CLOSED_WHEN_DOWN.search(declared.text):
            why = "without F=T Sendmail takes mail unfiltered while this filter is down; relaymilter needs it"
            yield Remark(cf.place(declared.line), f"{declared.name}: {why}")


def _is_carried_over(ruleset: str, rule: Rule) -> bool:
    known = _CARRIED_OVER[ruleset] | _BY_NAME
    return not _PERMITS.search(rule.right) or rule.left in known or bool(_LOCAL_USER.fullmatch(rule.left))


def _permission(cf: Configuration, ruleset: str, rule: Rule) -> Remark:
    why = _KNOWN.get(rule.left, f"this rule of {ruleset} is not carried over: {rule.left}")
    return Remark(cf.place(rule.line), why, opens=rule.left in _OPENS)
