"""Does the MTA's own lock close? Its rules about recipients, and what permits before they refuse."""

from collections.abc import Iterator

from relaymilter.audit.checks.finding import Finding, Severity
from relaymilter.audit.checks.inspected import Inspected
from relaymilter.mta.doubts import RESTRICTIONS, before_it_closes
from relaymilter.mta.sendmail_doubts import doubts

_SOUND = "main.cf: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"


def of_postfix(seen: Inspected) -> Iterator[Finding]:
    """What is asked before reject_unauth_destination, and permits."""
    site = seen.postfix
    for service in site.public if site else ():
        values = {name: service.value(name) for name in RESTRICTIONS}
        for remark in before_it_closes(values, service.place, site.directory if site else ""):
            severity = Severity.MTA_OPEN if remark.opens else Severity.WARNING
            yield Finding("permits-before-closing", severity, remark.place, remark.text, _SOUND)


def of_sendmail(seen: Inspected) -> Iterator[Finding]:
    """Features by which Sendmail itself lets strangers relay."""
    site = seen.sendmail
    for remark in doubts(site.cf, [*site.mechanisms]) if site else ():
        if remark.opens:
            change = "sendmail.mc: leave this FEATURE out, then make -C /etc/mail"
            yield Finding("permits-before-closing", Severity.MTA_OPEN, remark.place, remark.text, change)
