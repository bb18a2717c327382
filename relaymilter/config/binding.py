"""Reads what clients, logins and senders are bound to: lists and maps, every mistake with its place."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from relaymilter.config import entries
from relaymilter.config.bounds import Bounds, Denied, Lockdown, LoginBounds
from relaymilter.config.entries import Form, Sources
from relaymilter.config.granting import grants
from relaymilter.config.problems import Value
from relaymilter.config.reputation import reputation
from relaymilter.config.restricting import NAMES
from relaymilter.config.scalars import absolute
from relaymilter.config.sets import MapSet, NameSet
from relaymilter.config.written import CERTIFICATE, MAILBOX, login_form, login_list, mailbox_form
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import words
from relaymilter.policy.networks import Networks, parse_network
from relaymilter.policy.ports import Table

T = TypeVar("T")
Values = Mapping[str, list[Value]]


def bounds(values: Values, sources: Sources, fold: Fold, lockdown: bool) -> Bounds:
    """All of it; what is wrong goes to the problems of `sources`."""
    return Bounds(
        logins=_logins(values, sources, fold),
        local_client_senders=_names(values, "local-client-sender", MAILBOX, sources),
        certificates=_names(values, "certificate", CERTIFICATE, sources),
        grants=tuple(grants(values.get("grant", []), sources, fold)),
        denied=Denied(
            clients=entries.networks(values["deny-client"], sources) if "deny-client" in values else None,
            helo=_names(values, "deny-helo", entries.DOMAIN, sources),
            senders=_names(values, "deny-sender", MAILBOX, sources),
            recipients=_names(values, "deny-recipient", MAILBOX, sources),
        ),
        reputation=reputation(values, sources.problems),
        lockdown=_lockdown(values, sources, fold, lockdown),
        warn=_warn(values, sources),
    )


def _logins(values: Values, sources: Sources, fold: Fold) -> LoginBounds:
    of_login = partial(login_form, fold)
    return LoginBounds(
        fold=fold,
        mechanisms=_words(values, "login-mechanism", _mechanism, sources),
        listeners=_words(values, "login-listener", _listener, sources),
        networks=_map(values, "login-networks", of_login, _networks_value, sources),
        recipients=_map(values, "login-recipients", of_login, _recipients_value, sources),
        senders=_map(values, "sender-login", mailbox_form, _logins_value, sources),
        null_sender=_names(values, "null-sender-login", login_list(fold), sources),
    )


def _names(values: Values, key: str, form: Form[str], sources: Sources) -> NameSet | None:
    return entries.names(values[key], form, sources) if key in values else None


def _words(values: Values, key: str, form: Callable[[str], str], sources: Sources) -> frozenset[str] | None:
    if key not in values:
        return None
    found = set[str]()
    for value in values[key]:
        try:
            found.add(form(value.text.strip()))
        except ValueError as error:
            sources.problems.error(value.place, str(error))
    return frozenset(found)


def _mechanism(text: str) -> str:
    """In upper case (RFC 4422 3.1)."""
    if not re.fullmatch("[A-Za-z0-9_-]{1,20}", text):
        raise ValueError(f"{text!r} is no mechanism of AUTH: give one at a time, such as PLAIN")
    return text.upper()


def _listener(text: str) -> str:
    if not text:
        raise ValueError("an empty listener: give a name, an address or a port")
    return text


def _map(
    values: Values, key: str, key_form: Callable[[str], str], value_form: Callable[[str], str], sources: Sources
) -> MapSet | None:
    """Keys and values, parted by the first blank or tab; a key that comes again adds to its value."""
    if key not in values:
        return None

    def pair(entry: str) -> tuple[str, str]:
        name, *rest = entry.split(None, 1) if "\t" not in entry else entry.split("\t", 1)
        value = value_form(rest[0]) if rest else ""
        if not value:
            raise ValueError(f"{entry!r} has no value: give a key, a blank, and the value")
        return key_form(name.strip()), value

    known: dict[str, str] = {}
    asked: list[Table] = []
    for name, value in sources.parsed(values[key], Form("login", pair, lambda _: None, with_values=True), asked):
        known[name] = f"{known[name]}, {value}" if name in known else value
    return MapSet(known, tuple(asked))


def _networks_value(value: str) -> str:
    return ", ".join(str(parse_network(word)) for word in words(value))


def _recipients_value(value: str) -> str:
    return ", ".join(word if word in ("none", "internal") else mailbox_form(word) for word in words(value))


def _logins_value(value: str) -> str:
    return ", ".join(words(value))


def _lockdown(values: Values, sources: Sources, fold: Fold, on: bool) -> Lockdown:
    """Exempt are networks and logins: what is an address or a CIDR is a network."""
    networks, logins = [], []
    for value in values.get("lockdown-exempt", []):
        try:
            networks.append(parse_network(value.text))
        except ValueError:
            logins.append(value)
    exempt = entries.names(logins, login_list(fold), sources)
    if values.get("lockdown-exempt") and not {"lockdown", "lockdown-file"} & values.keys():
        place = values["lockdown-exempt"][0].place
        sources.problems.warn(place, "has no effect without lockdown or lockdown-file")
    return Lockdown(on, _path(values.get("lockdown-file", []), sources), exempt, Networks(networks))


def _path(values: list[Value], sources: Sources) -> str | None:
    if not values:
        return None
    try:
        return absolute(values[-1].text)
    except ValueError as error:
        sources.problems.error(values[-1].place, str(error))
    return None


def _warn(values: Values, sources: Sources) -> frozenset[str]:
    """Names of restrictions; one that is not there has no effect."""
    for value in values.get("warn", []):
        if value.text not in NAMES:
            sources.problems.error(value.place, f"{value.text!r} is no restriction; there are {', '.join(NAMES)}")
        elif not {value.text, f"{value.text}-file"} & values.keys():
            sources.problems.warn(value.place, f"{value.text} has no effect here: there is no such restriction")
    return frozenset(value.text for value in values.get("warn", []))
