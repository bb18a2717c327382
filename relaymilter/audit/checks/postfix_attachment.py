"""Does Postfix ask relaymilter about every recipient of a stranger, and does it refuse while relaymilter is down?"""

from collections.abc import Iterator

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.audit.mta_lines import postfix_form
from relaymilter.mta.milter_socket import Milter, postfix_milters
from relaymilter.mta.postfix_site import PostfixSite, Service
from relaymilter.tables.braces import words

MILTERS, ACTION, OVERRIDES = "smtpd_milters", "milter_default_action", "receive_override_options"


def ours_among(seen: Inspected, site: PostfixSite, value: str) -> Milter | None:
    """The entry of a list of milters that is relaymilter."""
    try:
        return next((milter for milter in postfix_milters(value) if seen.is_ours(milter, site.queue)), None)
    except ValueError:  # a brace is missing: Postfix takes no milter then
        return None


def guarded(seen: Inspected, site: PostfixSite) -> Iterator[tuple[Service, Milter]]:
    """The services of strangers that ask relaymilter."""
    for service in site.public:
        if (milter := ours_among(seen, site, service.value(MILTERS))) is not None:
            yield service, milter


def not_attached(seen: Inspected) -> Iterator[Finding]:
    """No service asks relaymilter, or only some do."""
    site = seen.postfix
    if site is None:
        return
    missing = [service for service in site.public if ours_among(seen, site, service.value(MILTERS)) is None]
    if missing and len(missing) == len(site.public):
        why = f"no service asks relaymilter at {' or '.join(map(str, seen.sockets))}: it protects nobody"
        line = missing[0].line(MILTERS, _with_ours(seen, site, site.main.get(MILTERS, "")))
        yield Finding("not-attached", Severity.OPEN, f"postfix: {MILTERS}", why, line)
        return
    for service in missing:
        why = f"{service.name} does not ask relaymilter, and takes mail from strangers"
        line = service.line(MILTERS, _with_ours(seen, site, service.value(MILTERS)))
        yield Finding("service-not-attached", Severity.OPEN, service.place(MILTERS), why, line)


def no_milters(seen: Inspected) -> Iterator[Finding]:
    """receive_override_options turns all milters off."""
    for service, _ in guarded(seen, seen.postfix) if seen.postfix else ():
        options = [*words(service.value(OVERRIDES))]
        if "no_milters" in options:
            rest = ", ".join(option for option in options if option != "no_milters")
            why = f"no_milters: {service.name} asks no milter, and takes mail from strangers"
            yield Finding("no-milters", Severity.OPEN, service.place(OVERRIDES), why, service.line(OVERRIDES, rest))


def default_action(seen: Inspected) -> Iterator[Finding]:
    """While relaymilter is down Postfix takes mail unfiltered."""
    for service, milter in guarded(seen, seen.postfix) if seen.postfix else ():
        own = milter.options.get("default_action")
        if (own or service.value(ACTION)) != "accept":
            continue
        place, line = service.place(ACTION), service.line(ACTION, "tempfail")
        if own:
            place, line = service.place(MILTERS), f"{{ {milter.written}, default_action=tempfail }}"
        why = "accept: whenever relaymilter is down, Postfix takes every recipient unasked"
        yield Finding("default-action", Severity.OPEN, place, why, line)


def non_smtpd(seen: Inspected) -> Iterator[Finding]:
    """It is asked about mail that did not come by SMTP, which it can only permit."""
    site = seen.postfix
    if site and ours_among(seen, site, others := site.main.get("non_smtpd_milters", "")):
        rest = ", ".join(word for word in words(others) if ours_among(seen, site, word) is None)
        why = "a recipient of mail that sendmail(1) brings cannot be refused; while relaymilter is down, it waits"
        line = f"main.cf: non_smtpd_milters = {rest}"
        yield Finding("non-smtpd", Severity.WARNING, "postfix: non_smtpd_milters", why, line)


def content_filter(seen: Inspected) -> Iterator[Finding]:
    """A content filter brings the mail back from 127.0.0.1, and relaymilter is asked there: all clients are local."""
    site = seen.postfix
    if site is None or not any(service.value(name) for service in site.public for name in _FILTERS):
        return
    for service in site.services:
        inner = service.takes_mail and not service.public
        if inner and ours_among(seen, site, service.value(MILTERS)) and "no_milters" not in service.value(OVERRIDES):
            why = (
                f"the content filter brings mail back to {service.name} from this machine itself, so that relaymilter "
                "takes every client there for a local one: it is to be asked where strangers connect, and there alone"
            )
            line = f"master.cf: {service.name}: -o {MILTERS}="
            yield Finding("filter-reinjects", Severity.WARNING, service.place(MILTERS), why, line)


_FILTERS = ("content_filter", "smtpd_proxy_filter")


def _with_ours(seen: Inspected, site: PostfixSite, value: str) -> str:
    return ", ".join(filter(None, (value, postfix_form(seen.sockets[0], site.queue))))
