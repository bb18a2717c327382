"""How mailboxes, logins and certificates are written in lists and maps: parsed to the form that is compared."""

from functools import partial

from relaymilter.config.entries import Form, parse_domain, parse_login
from relaymilter.policy.certificates import parse_certificate
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


MAILBOX = Form("domain", mailbox_form, lambda _: None)
CERTIFICATE = Form("login", parse_certificate, lambda _: None)
