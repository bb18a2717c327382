"""What in a Postfix's configuration looks as if it could open the relay: remarks, nothing more."""

from collections.abc import Callable, Mapping
from itertools import pairwise, takewhile

from relaymilter.mta.settings import Remark
from relaymilter.mta.table_name import table_name
from relaymilter.tables.braces import words
from relaymilter.tables.postfix import Keys
from relaymilter.tables.registry import open_table
from relaymilter.tables.table import Loaded, TableError

_CLOSES = {"reject_unauth_destination", "defer_unauth_destination", "reject", "defer", "defer_if_permit"}
_OPENS = {
    "permit": "permits every recipient to everyone",
    "permit_mx_backup": "relays for every domain in whose MX records this host stands: its owner decides, not you",
    "permit_tls_all_clientcerts": "lets everyone relay who has a certificate of any authority that is trusted",
    "permit_naked_ip_address": "permits by what a client says in HELO",
}
RESTRICTIONS = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
"""In the order in which they are asked."""
_SHOWN = 3


def doubts(values: dict[str, str], services: dict[str, str], directory: str) -> list[Remark]:
    """Of main.cf's values, and of what services in master.cf override: `submission/inet/mynetworks`."""
    remarks = before_it_closes(values, lambda parameter: f"postfix: {parameter}", directory)
    if values.get("milter_default_action") == "accept":
        remarks.append(Remark("postfix: milter_default_action", "accept opens the relay whenever the milter is down"))
    for name, value in services.items():
        remarks += _service(name, value)
    return remarks


def before_it_closes(values: Mapping[str, str], place: Callable[[str], str], directory: str) -> list[Remark]:
    """Of the restrictions that are asked before the relay is closed; `place` says where a parameter is set."""
    remarks: list[Remark] = []
    for parameter in RESTRICTIONS:
        value = values.get(parameter, "")
        remarks += _restrictions(value, place(parameter), directory)
        if _CLOSES & {*words(value)}:
            break  # what comes after it can open nothing any more
    return remarks


def _service(name: str, value: str) -> list[Remark]:
    place = f"postfix: master.cf: {name.rpartition('/')[0]}"
    match name.rpartition("/")[2]:
        case "smtpd_milters" if not value:
            return [Remark(place, "smtpd_milters is empty, so no milter guards this service")]
        case "milter_default_action" if value == "accept":
            return [Remark(place, "milter_default_action = accept opens the relay whenever the milter is down")]
        case "mynetworks" | "mydestination" | "relay_domains" | "virtual_alias_domains" | "virtual_mailbox_domains":
            return [Remark(place, f"{name.rpartition('/')[2]} of this service alone is not carried over: {value}")]
    return []


def _restrictions(value: str, place: str, directory: str) -> list[Remark]:
    """Of those that are asked before the relay is closed."""
    remarks: list[Remark] = []
    before = [*takewhile(lambda word: word not in _CLOSES, words(value))]
    for word, following in pairwise([*before, ""]):
        if word in _OPENS:
            remarks.append(Remark(place, f"{word} {_OPENS[word]}", opens=True))
        if word.startswith("check_") and word.endswith("_access"):
            remarks += _access(f"{word} {following}", following, place, directory)
    return remarks


def _access(written: str, table: str, place: str, directory: str) -> list[Remark]:
    """A map whose OK ends the search before the relay is closed."""
    name, problem = table_name(table, directory, Keys.AS_THEY_ARE)
    try:
        opened = None if problem else open_table(name)
        if isinstance(opened, Loaded):
            return _permits(written, opened, place)
    except TableError as error:
        problem = str(error)
    why = problem or "it can only be asked"
    return [Remark(place, f"{written} comes before the relay is closed, and could not be looked through for OK: {why}")]


def _permits(written: str, table: Loaded, place: str) -> list[Remark]:
    keys = [entry.key for entry in table.entries if _is_permit(entry.value)]
    if not keys:
        return []
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    said = f"{written} says OK before the relay is closed, to {', '.join(keys[:_SHOWN])}{more}: open to these"
    return [Remark(place, said, opens=True)]


def _is_permit(value: str) -> bool:
    """Does it end the search with a yes? access(5): OK, digits alone, a name of a restriction such as permit."""
    first = value.split(None, 1)[0] if value.strip() else ""
    return first.upper() == "OK" or first.isdigit() or first.startswith("permit")
