"""The configuration of a Sendmail: the classes w and R and the access map, as settings of ours.

Whatever would open more than Sendmail does is not carried over: where names or senders decide, which can be forged,
and where others decide (MX records). What is not carried over is remarked on.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from relaymilter.files.reading import note, use
from relaymilter.mta.sendmail_cf import Configuration, read_cf
from relaymilter.mta.sendmail_classes import classes
from relaymilter.mta.sendmail_doubts import doubts
from relaymilter.mta.settings import MtaSettings, Remark, Setting
from relaymilter.tables.access import domain_of, network_of
from relaymilter.tables.sendmail import HOSTS_ONLY, open_table
from relaymilter.tables.table import Loaded, Sort

DIRECTORY = "/etc/mail"

_SORTS: tuple[tuple[Sort, str], ...] = (("network", "local-network"), ("domain", "relay-domain"))
_ACCESS = re.compile(r"(?:hash|btree)\s+(?:-\S+\s+)*(/\S+)")


def read(directory: str | None) -> MtaSettings:
    """The settings of the Sendmail with sendmail.cf in this folder; None: /etc/mail. Raises ValueError, OSError."""
    path = Path(directory or DIRECTORY) / "sendmail.cf"
    use(path)
    cf = read_cf(path)
    note(*cf.files)
    words, said = classes(path, ["w", "R", "TrustAuthMech"])
    found = [
        *(Remark(str(path), line) for line in said.splitlines() if not line.startswith("ADDRESS TEST MODE")),
        *_loopback(),
        *_class_w(words["w"]),
        *_class_r(words["R"], hosts_only(cf)),
        *_access(cf),
        *doubts(cf, words["TrustAuthMech"]),
    ]
    return MtaSettings(
        tuple(dict.fromkeys(one for one in found if isinstance(one, Setting))),
        tuple(one for one in found if isinstance(one, Remark)),
    )


def hosts_only(cf: Configuration) -> bool:
    """FEATURE(relay_hosts_only): no domain stands for its subdomains. If neither rule is there, none does."""
    rules = {rule.left for name in ("Rcpt_ok", "ParseRecipient") for rule in cf.rules(name)}
    return not {"$+ < @ $* $=R >", "<NO> $* < @ $* $=R >"} & rules


def _loopback() -> Iterator[Setting]:
    """Two addresses alone, and not all of 127.0.0.0/8."""
    for address in ("127.0.0.1", "::1"):
        yield Setting("local-network", address, "sendmail: Relay_ok")


def _class_w(words: list[str]) -> Iterator[Setting | Remark]:
    place = "sendmail: class w"
    for word in words:
        if not domain_of(word):
            yield Remark(place, f"{word} is no domain that a recipient can have")
            continue
        yield Setting("local-domain", word, place)
        if address := network_of(word.strip("[]")):
            yield Setting("local-network", address, place)


def _class_r(words: list[str], exact: bool) -> Iterator[Setting | Remark]:
    place = "sendmail: class R"
    for word in words:
        if network := network_of(word.removesuffix(":" if word[:5].lower() == "ipv6:" else ".")):
            yield Setting("local-network", network, place)
        elif domain_of(word.removeprefix(".")) and not (exact and word.startswith(".")):
            yield Setting("relay-domain", word, place, subdomains=not exact and word[0] not in ".[")
        else:
            yield Remark(place, f"{word} has no effect: to Sendmail it is no domain, and no beginning of an address")


def _access(cf: Configuration) -> Iterator[Setting | Remark]:
    declared = cf.maps.get("access")
    if declared is None:
        return
    place = cf.place(declared.line)
    match = _ACCESS.fullmatch(declared.text)
    if not match:
        yield Remark(place, f"an access map of this type is not carried over: {declared.text}")
        return
    database = Path(match[1] if match[1].endswith(".db") else f"{match[1]}.db")
    if not database.exists():
        yield Remark(place, f"{database} is missing, so it is not carried over: make it with makemap")
        return
    name = f"{HOSTS_ONLY if hosts_only(cf) else ''}{database}"
    table = open_table("sendmail", name)
    for sort, option in _SORTS:
        yield from _part(table.only(sort) if table.only else table, Setting(option, f"sendmail:{name}", place))


def _part(table: Loaded, setting: Setting) -> Iterator[Setting | Remark]:
    """The table for one option; where nothing is in it for that, what it would say when it is read."""
    if any(True for _ in table.entries):
        yield setting
        return
    for number, text in table.notes:
        yield Remark(f"{table.source}:{number}" if number else setting.place, text)
