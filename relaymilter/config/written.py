"""How mailboxes, logins and certificates are written in lists and maps: parsed to the form that is compared."""

from functools import partial

from relaymilter.config.entries import Form, parse_domain, parse_login
from relaymilter.policy.address import Malformed, parse
from relaymilter.policy.certificates import parse_certificate
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import NULL


def mailbox_form(entry: str) -> str:
    """`bob@example.org`, `@example.org`, a domain, `.example.org`, a bare name, or `<>`. Raises ValueError."""
    if entry == NULL:
        return NULL
    if entry.startswith("@"):
        return "@" + parse_domain(entry[1:])
    if "@" not in entry:
        return parse_domain(entry)
    path = parse(f"<{entry}>".encode())
    if isinstance(path, Malformed):
        raise ValueError(f"{entry!r} is no mailbox: {path.reason}")
    if path.routing or not path.domain:
        raise ValueError(f"{entry!r} is no mailbox: give its address as it is delivered")
    return f"{path.local.lower()}@{path.domain}"


def login_form(fold: Fold, entry: str) -> str:
    """A login, folded; `@realm` in lower case; `*` stands for all others. Raises ValueError."""
    login = parse_login(entry)
    return login.lower() if login.startswith("@") else fold.of(login)


def login_list(fold: Fold) -> Form[str]:
    """A list of logins and realms."""
    return Form("login", partial(login_form, fold), lambda _: None)


MAILBOX = Form("domain", mailbox_form, lambda _: None)
CERTIFICATE = Form("login", parse_certificate, lambda _: None)
