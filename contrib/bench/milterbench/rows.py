# SPDX-License-Identifier: GPL-2.0-or-later
"""The milters that can be measured: one line each. A new runtime or setting is one more line here.

A command may name {socket}, {folder} and {name} (the row's), {python}, {tree} (the folder with contrib/), {refmilter},
{pyref}, {bareloop}, {policy} (relaymilter's flags for the networks and domains of site.py), {large} (for those of the
large site) and {lmdb} (the same with the domains in an LMDB file). REFERENCE and BARE are what the ratios divide by.
"""

from collections.abc import Iterable
from dataclasses import dataclass

REFERENCE = "c"
BARE = "bare"
"""What every event loop costs: the other thing that relaymilter's rows are divided by."""
RELAYMILTER = "{python} -m relaymilter run -p {socket} {policy}"
LARGE = RELAYMILTER.replace("{policy}", "{large}") + " --log-decisions none"
LMDB = RELAYMILTER.replace("{policy}", "{lmdb}") + " --log-decisions none"
BOUND = RELAYMILTER.replace("{policy}", "{bound}") + " --log-decisions none"
METRICS = RELAYMILTER + " --log-decisions none --metrics unix:{folder}/{name}.metrics"
LEDGER = RELAYMILTER + " --log-decisions none --ledger sqlite:{folder}/{name}.db"
LIMITS = " --limit '500 recipients/day per login' --limit '9999999 messages/hour per client'"
ON_LIBMILTER = " --runtime libmilter"
LIBMILTER = RELAYMILTER + ON_LIBMILTER
PINNED = "taskset -c 0 "


@dataclass(frozen=True, slots=True)
class Row:
    """A milter to measure: its name, its command, and whether it must log each decision (None: unknown)."""

    name: str
    command: str
    says: str
    logs: bool | None = False
    default: bool = True


ROWS = (
    Row(REFERENCE, "{refmilter} tuned {socket}", "C on libmilter, only the stages needed"),
    Row("off", RELAYMILTER + " --log-decisions none", "relaymilter, decision log off"),
    Row("text", RELAYMILTER + " --log-format text", "relaymilter, text log to a file", logs=True),
    Row("json", RELAYMILTER + " --log-format json", "relaymilter, JSON log to a file", logs=True),
    Row(BARE, "{python} {bareloop} {socket}", "an event loop on uvloop that permits all"),
    Row("libmilter", LIBMILTER + " --log-decisions none", "off, on libmilter"),
    Row("libmilter-json", LIBMILTER + " --log-format json", "JSON log, on libmilter", logs=True, default=False),
    Row("off-no-pin", RELAYMILTER + " --log-decisions none --no-pin", "off, free to change cores", default=False),
    Row("off-2", RELAYMILTER + " --log-decisions none --workers 2", "off, two workers", default=False),
    Row("libmilter-no-pin", LIBMILTER + " --log-decisions none --no-pin", "the same on libmilter", default=False),
    Row("libmilter-2", LIBMILTER + " --log-decisions none --workers 2", "two workers on libmilter", default=False),
    Row("large", LARGE, "off, with a million domains and 100,000 networks", default=False),
    Row("large-2", LARGE + " --workers 2", "the same, two workers", default=False),
    Row("lmdb", LMDB, "the same domains in an LMDB file", default=False),
    Row("lmdb-2", LMDB + " --workers 2", "the same, two workers", default=False),
    Row("libmilter-large", LARGE + ON_LIBMILTER, "the large lists on libmilter", default=False),
    Row("libmilter-lmdb", LMDB + ON_LIBMILTER, "and with the LMDB file", default=False),
    Row("bound", BOUND, "off, with 100,000 logins and 500,000 mailboxes that they own", default=False),
    Row("libmilter-bound", BOUND + ON_LIBMILTER, "the same on libmilter", default=False),
    Row("metrics", METRICS, "off, counting for Prometheus, which does not ask", default=False),
    Row("ledger", LEDGER, "off, with a ledger in SQLite", default=False),
    Row("ledger-limits", LEDGER + LIMITS, "the same with limits of logins and clients", default=False),
    Row("ledger-2", LEDGER + " --workers 2", "the same without, two workers", default=False),
    Row("libmilter-ledger", LEDGER + ON_LIBMILTER, "a ledger in SQLite, on libmilter", default=False),
    Row("pymilter", "{python} {pyref} tuned {socket}", "C's rule on pymilter", default=False),
    Row("pymilter-pinned", PINNED + "{python} {pyref} tuned {socket}", "kept on core 0", default=False),
    Row("low", "{python} {pyref} lowlevel {socket}", "C's rule on pymilter's C module alone", default=False),
    Row("low-pinned", PINNED + "{python} {pyref} lowlevel {socket}", "kept on core 0", default=False),
    Row("c-every", "{refmilter} every {socket}", "C on libmilter, every stage", default=False),
    Row("c-pinned", PINNED + "{refmilter} tuned {socket}", "c, kept on core 0", default=False),
)


ON_LARGE_SITE = "off,large,lmdb,libmilter,libmilter-large,libmilter-lmdb"
"""What --site large measures under load,"""
STARTED = ("off-2", "large-2", "lmdb-2")
"""and of what it measures the start."""


def policies_of(rows: list[Row], site: str) -> set[str]:
    """The names of the policies that these rows, and those of the site, have in their commands."""
    found = {name for row in rows for name in ("large", "lmdb", "bound") if f"{{{name}}}" in row.command}
    return found | ({"large", "lmdb"} if site == "large" else set())


def named(names: Iterable[str]) -> list[Row]:
    """The rows with these names."""
    known = {row.name: row for row in ROWS}
    return [known[name] for name in names]


def chosen(names: str, adhoc: list[str]) -> list[Row]:
    """The reference, the rows of a list ("" for the default ones, or "all"), then NAME=COMMAND ones."""
    known = {row.name: row for row in ROWS}
    if names == "all":
        rows = list(ROWS)
    elif names:
        rows = [known[name] for name in names.split(",")]
    else:
        rows = [row for row in ROWS if row.default]
    rows += [Row(name, command, "given by hand", None) for name, _, command in (text.partition("=") for text in adhoc)]
    return [known[REFERENCE], *(row for row in rows if row.name != REFERENCE)]
