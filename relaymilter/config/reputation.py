"""Reads what the DNS must say of clients and senders: the lists, what they weigh, and every mistake in them."""

from collections.abc import Mapping
from pathlib import Path

from relaymilter.config.bounds import Reputation
from relaymilter.config.problems import Problems, Value
from relaymilter.files.reading import note
from relaymilter.policy.block_lists import MAX_WEIGHT, Site, parse_site

Values = Mapping[str, list[Value]]


def reputation(values: Values, problems: Problems) -> Reputation:
    """All of it."""
    listed = values.get("dnsbl", [])
    found = Reputation(
        sites=_sites(listed, problems),
        threshold=_threshold(values.get("dnsbl-threshold", []), problems),
        sender_domain_exists=_is_on(values, "sender-domain-exists"),
        forward_confirmed=_is_on(values, "forward-confirmed"),
    )
    highest = sum(max(0, site.weight) for site in found.sites)
    if found.sites and highest < found.threshold:
        problems.warn(
            listed[0].place, f"all lists weigh {highest} together, less than dnsbl-threshold: none is refused"
        )
    for value in values.get("dnsbl-threshold", [])[:1]:
        if not listed:
            problems.warn(value.place, "has no effect without dnsbl")
    if found.asks and "dns-server" not in values:
        note(Path("/etc/resolv.conf"))
    return found


def _sites(values: list[Value], problems: Problems) -> tuple[Site, ...]:
    found: dict[Site, str] = {}
    for value in values:
        try:
            site = parse_site(value.text.strip())
            if site in found:
                raise ValueError(f"{value.text!r} is given twice")
            found[site] = value.place
        except ValueError as error:
            problems.error(value.place, str(error))
    return tuple(found)


def _threshold(values: list[Value], problems: Problems) -> int:
    usual = Reputation().threshold
    if not values:
        return usual
    text = values[-1].text
    if text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= MAX_WEIGHT:
        return int(text)
    problems.error(values[-1].place, f"{text!r} is no threshold: give 1 to {MAX_WEIGHT}")
    return usual


def _is_on(values: Values, key: str) -> bool:
    return bool(values.get(key)) and values[key][-1].text == "yes"
