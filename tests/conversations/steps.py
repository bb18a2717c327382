"""One line of a conversation -> one step."""

from __future__ import annotations

import re
from collections.abc import Callable, Set

from tests.rig import KINDS

from . import script
from .mistake import Mistake, wrong
from .outcomes import outcomes, raw
from .script import Step

_PARAMETERS = re.compile(r"(?: [A-Z][A-Z0-9-]*(?:=[^ ]+)?)+$")
_MACRO = re.compile(rb"(\{[a-z_]+\}|[A-Za-z_])(?: +(.*))?")


def step(verb: str, rest: str) -> Step:
    """The step that this verb names, but for `rcpt`."""
    if verb not in _VERBS:
        wrong(f"unknown step {verb!r}")
    return _VERBS[verb](rest)


def rcpt(number: int, rest: str, runners: Set[str]) -> script.Rcpt:
    """The step `rcpt` of line `number`."""
    said, arrow, expected = f" {rest}".rpartition(" -> ")
    if not arrow:
        wrong("a recipient has an outcome: `-> permit RULE`, `-> reject CODE STATUS`")
    said, _, meant = said.strip().partition(" as ")
    path, parameters = _path(said.strip())
    given = raw(meant.strip()) if meant.strip() else path.removeprefix(b"<").removesuffix(b">")
    return script.Rcpt(
        number, path, parameters, None if meant.strip() == "nothing" else given, outcomes(expected, runners)
    )


def _path(text: str) -> tuple[bytes, tuple[bytes, ...]]:
    """The path and its ESMTP parameters, which are in capitals."""
    if not text:
        wrong("no path")
    found = _PARAMETERS.search(text)
    path = text[: found.start()] if found else text
    return raw(path), tuple(word.encode() for word in found[0].split()) if found else ()


def _client(rest: str) -> script.Client:
    words = rest.split()
    match words:
        case [address]:
            return script.Client(address)
        case [address, "port", number] if number.isdigit():
            return script.Client(address, int(number))
        case [address, "to", "25" | "587" as listener]:
            return script.Client(address, listener=int(listener))
    raise Mistake("`client ADDRESS`, `client ADDRESS port NUMBER` or `client ADDRESS to 587`")


def _xclient(rest: str) -> script.Xclient:
    match rest.split():
        case [address]:
            return script.Xclient(address)
        case [address, "login", name]:
            return script.Xclient(address, name)
    raise Mistake("`xclient ADDRESS` or `xclient ADDRESS login NAME`")


def _helo(rest: str) -> script.Helo:
    if not rest:
        wrong("`helo NAME` or `helo nothing`")
    return script.Helo(None if rest == "nothing" else raw(rest))


def _login(rest: str) -> script.Login:
    match rest.split():
        case [name]:
            return script.Login(name)
        case [name, "refused"]:
            return script.Login(name, refused=True)
        case [name, "by", "PLAIN" | "LOGIN" | "CRAM-MD5" as mechanism]:
            return script.Login(name, mechanism=mechanism)
        case [name, "by", "PLAIN" | "LOGIN" | "CRAM-MD5" as mechanism, "refused"]:
            return script.Login(name, True, mechanism)
    raise Mistake("`login NAME`, `login NAME by MECHANISM` or `login NAME refused`")


def _starttls(rest: str) -> script.Starttls:
    match rest.split():
        case []:
            return script.Starttls()
        case ["with", name] if name in KINDS:
            return script.Starttls(name)
    raise Mistake(f"`starttls` or `starttls with NAME`, one of {', '.join(KINDS)}")


def _macro(rest: str) -> script.Macro:
    found = _MACRO.fullmatch(rest.encode())
    if found is None:
        wrong("`macro {name} VALUE`")
    return script.Macro(found[1], raw((found[2] or b"").decode()))


def _alone(step: Callable[[], Step]) -> Callable[[str], Step]:
    def read_step(rest: str) -> Step:
        return step() if not rest else wrong("nothing follows this step")

    return read_step


_VERBS: dict[str, Callable[[str], Step]] = {
    "client": _client,
    "xclient": _xclient,
    "helo": _helo,
    "login": _login,
    "mail": lambda rest: script.Mail(*_path(rest)),
    "macro": _macro,
    "starttls": _starttls,
    "rset": _alone(script.Rset),
    "message": _alone(script.Message),
}
