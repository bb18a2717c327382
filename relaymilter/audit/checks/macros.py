"""Is a login told to milters?

relaymilter asks for the macros that it needs, and Postfix (3.7, 3.10) and Sendmail (8.17, 8.18) give them, whatever
their own lists have, also where milter_protocol is low (tests/mta/test_attachment.py). So this is a note: an MTA that
does not heed what a milter asks for would make every login a stranger.
"""

from collections.abc import Iterator

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected

LOGIN = "{auth_authen}"
_WHY = f"{LOGIN} is in none of these lists. relaymilter asks for it itself; other milters see no login"


def of_postfix(seen: Inspected) -> Iterator[Finding]:
    """No login in the lists of macros of a service."""
    for service in seen.postfix.public if seen.postfix else ():
        lists = [service.value(f"milter_{stage}_macros") for stage in ("mail", "rcpt")]
        if service.value("smtpd_sasl_auth_enable") == "yes" and all(LOGIN not in each for each in lists):
            line = service.line("milter_mail_macros", f"{lists[0]} {LOGIN}".strip())
            yield Finding("macros-trimmed", Severity.NOTE, service.place("milter_mail_macros"), _WHY, line)


def of_sendmail(seen: Inspected) -> Iterator[Finding]:
    """No login in the lists of macros."""
    cf = seen.sendmail.cf if seen.sendmail else None
    lists = [each for stage in ("envfrom", "envrcpt") for each in (cf.option(f"Milter.macros.{stage}") if cf else ())]
    if cf and lists and all(LOGIN not in each.text for each in lists):
        line = f"sendmail.mc: define(`confMILTER_MACROS_ENVFROM', `{lists[0].text}, {LOGIN}')dnl"
        yield Finding("macros-trimmed", Severity.NOTE, cf.place(lists[0].line), _WHY, line)
