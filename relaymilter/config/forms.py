"""How the entries of lists are written: networks, domains, mailboxes, logins, certificates.

A form parses an entry to what is compared, and doubts what is probably a mistake.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from relaymilter.config.public_suffixes import public_suffixes
from relaymilter.policy.certificates import SEPARATOR, parse_certificate
from relaymilter.policy.domains import MAX_DOMAIN, domain_form
from relaymilter.policy.mailboxes import entry_form
from relaymilter.policy.networks import LocalNetwork, parse_network, suspicion
from relaymilter.tables.table import Sort

T = TypeVar("T")


def _no_doubt(_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """What the entries of an option are."""

    sort: Sort
    """What is taken of a table that holds entries of several sorts."""
    parse: Callable[[str], T]
    """Raises ValueError, in words."""
    doubt: Callable[[T], str | None] = _no_doubt
    """What to warn of in it."""
    usual: Callable[[str], list[T] | None] | None = None
    """The entries of some lines, where there is nothing to parse and nothing to doubt in any of them."""
    with_values: bool = False
    """It is a map: `parse` takes a key, a tab and a value, or a line of both."""


def by_way(form: Form[str], of: Callable[[str], str]) -> Form[str]:
    """The form, in which what is parsed goes through another function, such as the folding of logins."""
    return replace(form, parse=lambda entry: of(form.parse(entry)), usual=None)


def _doubt_network(local: LocalNetwork) -> str | None:
    doubt = suspicion(local)
    return doubt and f"{local} {doubt}"


NETWORK = Form("network", parse_network, _doubt_network)
"""`192.0.2.0/24`, `2001:db8::/32`, an address; `!` in front excludes."""


def parse_domain(entry: str) -> str:
    """An entry of a domain list in the form that is compared. Raises ValueError with what was probably meant."""
    if not entry:
        raise ValueError("an empty domain")
    if "@" in entry:
        raise ValueError(f"{entry!r} is a mailbox: give its domain, {entry.rpartition('@')[2]}")
    if "*" in entry:
        raise ValueError(f"{entry!r} has a wildcard: .example.org stands for the subdomains of example.org")
    parent = entry.startswith(".")
    try:
        form = domain_form(entry[1:] if parent else entry)
    except ValueError as error:
        raise ValueError(f"{entry!r} is no domain: {error}") from None
    if parent and form.startswith("["):
        raise ValueError(f"{entry!r} is no domain: an address literal has no subdomains")
    if form.rpartition(".")[2].isdigit():
        raise ValueError(f"{entry!r} is an address: in a mailbox it is written [{entry}]")
    return "." + form if parent else form


def _doubt_domain(domain: str) -> str | None:
    if domain[0] == "." and ("." not in domain[1:] or domain[1:] in public_suffixes()):
        return f"{domain} stands for every domain that ends so"
    if domain in public_suffixes():
        return f"{domain} is a public suffix, below which anybody may have a domain: name your own"
    return None


_USUAL = re.compile(r"(?:\.?(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)+[a-z]{2,63}\n)+").fullmatch


def usual_domains(text: str) -> list[str] | None:
    """The domains in these lines, where all are written in their form already; a site may have a million."""
    if not _USUAL(text):
        return None
    domains = text.split("\n")[:-1]
    doubtful = not public_suffixes().names.isdisjoint(domains)
    return None if doubtful or len(max(domains, key=len)) > MAX_DOMAIN else domains


DOMAIN = Form("domain", parse_domain, _doubt_domain, usual_domains)
"""`example.org`; `.example.org` for its subdomains; `[192.0.2.25]`."""


def parse_mailbox(entry: str) -> str:
    """`bob@example.org`, `@example.org`, a domain, `.example.org`, a bare name, or `<>`. Raises ValueError."""
    if entry.startswith("*@"):
        raise ValueError(f"{entry!r} has a wildcard: {entry[1:]} stands for every mailbox there")
    if entry.startswith("@"):
        return "@" + parse_domain(entry[1:])
    return parse_domain(entry) if "." in entry and "@" not in entry else entry_form(entry)


MAILBOX = Form("domain", parse_mailbox)
"""A mailbox, a domain, or `<>`."""


def parse_login(entry: str) -> str:
    """A login as {auth_authen} has it, or `@realm`. Raises ValueError."""
    if not entry or not entry.isprintable():
        raise ValueError(f"{entry!r} is no login")
    return entry


LOGIN = Form("login", parse_login)
"""A login or a realm; how it is folded is a setting of its own."""

_WHOLE = re.compile(r"/[A-Za-z0-9.]+=")
_OF_OPENSSL = re.compile(r"(?:CN|OU?|C|ST|L|DC|emailAddress) ?=")


def _doubt_certificate(entry: str) -> str | None:
    """Why no MTA may ever name a certificate so: Postfix gives two common names, Sendmail two whole names in xtext."""
    *names, last = entry.split(SEPARATOR)
    fingerprint = len(names) > 1
    names += () if fingerprint else (last,)
    whole = [name for name in names if _WHOLE.match(name)]
    if any(_OF_OPENSSL.match(name) for name in names):
        return f"{entry}: neither MTA names a certificate so: Postfix gives printer|CA, Sendmail /CN=printer|/CN=CA"
    if len(whole) == 1:
        return f"{entry}: one name is as Postfix gives it, the other as Sendmail does, so that neither is ever found"
    if fingerprint and not whole:
        return f"{entry}: Postfix gives no fingerprint, so that it is never found; Sendmail gives whole names"
    if whole and " " in entry:
        return f"{entry}: only Sendmail names a certificate so, but with +20 for a blank"
    return None


CERTIFICATE = Form("login", parse_certificate, _doubt_certificate)
"""`SUBJECT|ISSUER[|FINGERPRINT]`."""
