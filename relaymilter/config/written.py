"""How mailboxes, logins and certificates are written in lists and maps: parsed to the form that is compared."""

import re
from functools import partial

from relaymilter.config.entries import Form, parse_domain, parse_login
from relaymilter.policy.certificates import SEPARATOR, parse_certificate
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import entry_form


def mailbox_form(entry: str) -> str:
    """`bob@example.org`, `@example.org`, a domain, `.example.org`, a bare name, or `<>`. Raises ValueError."""
    if entry.startswith("*@"):
        raise ValueError(f"{entry!r} has a wildcard: {entry[1:]} stands for every mailbox there")
    if entry.startswith("@"):
        return "@" + parse_domain(entry[1:])
    return parse_domain(entry) if "." in entry and "@" not in entry else entry_form(entry)


def login_form(fold: Fold, entry: str) -> str:
    """A login, folded; `@realm`; `*` stands for all others. Raises ValueError."""
    return fold.of(parse_login(entry))


def login_list(fold: Fold) -> Form[str]:
    """A list of logins and realms."""
    return Form("login", partial(login_form, fold), lambda _: None)


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


MAILBOX = Form("domain", mailbox_form, lambda _: None)
CERTIFICATE = Form("login", parse_certificate, _doubt_certificate)
