"""What stands behind `->`: the outcome of a recipient, and those of single runners behind `|`."""

from __future__ import annotations

import re
from collections.abc import Set

from .mistake import wrong
from .script import RULES, RUNNERS, Decided, Outcome, OwnAnswer

_BYTE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_TEXT = re.compile(r' "([^"]*)"')
_USUAL_RULE = {"5.1.3": "bad-path"}


def raw(text: str) -> bytes:
    r"""The bytes of a piece of a file, in which `\xNN` is one."""
    return _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())


def runner(name: str) -> str:
    """One of the four that play."""
    if name not in RUNNERS:
        wrong(f"{name!r} is none of {', '.join(RUNNERS)}")
    return name


def outcomes(text: str, runners: Set[str]) -> dict[str, Outcome]:
    """What each runner is to see."""
    usual, *others = (part.strip() for part in text.split(" | "))
    found = dict.fromkeys(runners, _outcome(usual))
    if isinstance(found[min(runners)], OwnAnswer) and runners & {"decide", "wire"}:
        wrong("only an MTA answers by itself")
    changed: set[str] = set()
    for part in others:
        name, _, outcome = part.partition(" ")
        if runner(name) not in runners or name in changed:
            wrong(f"a second outcome for {name}" if name in changed else f"{name} does not play this")
        changed.add(name)
        found[name] = _outcome(outcome)
        if name in ("decide", "wire") and isinstance(found[name], OwnAnswer):
            wrong("only an MTA answers by itself")
    return found


def _outcome(text: str) -> Outcome:
    texts = _TEXT.findall(text)
    words = _TEXT.sub("", text).split()
    verdict = words[0] if words else ""
    if verdict == "permit":
        if len(words) != 2 or texts:
            wrong("`permit` is followed by its rule, alone")
        return Decided(verdict, _rule(words[1]))
    if verdict in ("reject", "defer"):
        return _refusal(words, texts)
    if not re.fullmatch(r"[245]\d\d", verdict) or len(words) > 2 or texts:
        wrong(f"{text!r} is no outcome")
    return OwnAnswer(int(verdict), words[1] if len(words) > 1 else "")


def _refusal(words: list[str], texts: list[str]) -> Decided:
    verdict, *rest = words
    unsaid = rest[-1:] == ["unsaid"]
    code, status, *rule = [*(rest[:-1] if unsaid else rest), "", ""][: max(2, len(rest) - unsaid)]
    digit = "5" if verdict == "reject" else "4"
    if not re.fullmatch(rf"{digit}\d\d", code) or not re.fullmatch(rf"{digit}\.\d+\.\d+", status):
        wrong(f"`{verdict}` is followed by a code and an enhanced status that begin with {digit}")
    if len(rule) > 1 or len(texts) > 1:
        wrong("too many words in the outcome")
    name = _rule(rule[0]) if rule else _USUAL_RULE.get(status, "no-rule")
    return Decided(verdict, name, int(code), status, raw(texts[0]).decode() if texts else None, unsaid)


def _rule(name: str) -> str:
    if name not in RULES:
        wrong(f"{name!r} is none of {', '.join(RULES)}")
    return name
