"""The relay rules: every way to permit, in the order in which they are asked.

`permit_not_by_smtp`, which Postfix's own mail needs; `permit_local_client`; `permit_authorised_login`;
`permit_local_recipient`; `permit_relay_domain`; `permit_certificate`; `permit_grant`; `permit_mx_backup`.

The only module that makes a Permit. A rule answers Permit or NoOpinion, or raises LookupFailed or MustWait. What is
easy to forge (HELO, MAIL FROM) opens nothing by itself; a grant may be narrowed to senders.
"""

from collections.abc import Callable

from relaymilter.policy.addresses import Addresses
from relaymilter.policy.backup import Backup
from relaymilter.policy.certificates import certificate_key, is_listed
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.grants import Grant, Grants
from relaymilter.policy.local_clients import LocalClients
from relaymilter.policy.logins import Fold, is_among
from relaymilter.policy.ports import Names, may_wait
from relaymilter.policy.recipients import Listed, Ours
from relaymilter.policy.rules import NO_ADDRESS, NO_LOGIN, RelayRule
from relaymilter.policy.verdict import NoOpinion, Permit

_BY_SMTP = NoOpinion("came by SMTP")
_NOT_LOCAL = NoOpinion("in no local network")


def permit_not_by_smtp() -> RelayRule:
    """Mail that Postfix took from sendmail(1) or makes itself; it cannot be refused a recipient (MILTER_README)."""

    def ask(request: Request) -> Permit | NoOpinion:
        return _BY_SMTP if request.client.by_smtp else Permit("did not come by SMTP (127.0.0.1, port 0)")

    return RelayRule("not-by-smtp", ask)


def permit_local_client(local: Addresses | LocalClients, see: Callable[[Request], None] = lambda _: None) -> RelayRule:
    """The client's address is in a local network, and nothing excludes it; `see` is shown who is permitted so."""

    def ask(request: Request) -> Permit | NoOpinion:
        address = request.client.address
        if address is None:
            return NO_ADDRESS
        network = local.find(address)
        if network is None:
            return _NOT_LOCAL
        if network.excluded:
            return NoOpinion("excluded by %s", network)
        see(request)
        return Permit("in local network %s", network)

    return RelayRule("local-client", ask, waits=local.waits)


def permit_authorised_login(logins: Names | None = None, fold: Fold = Fold.EXACT) -> RelayRule:
    """{auth_authen} proves a login, and the login is authorised: every one, or those listed, as `fold` has them."""

    def ask(request: Request) -> Permit | NoOpinion:
        if not request.login:
            return NO_LOGIN
        if logins is None:
            return Permit("every login is authorised")
        if is_among(request.login, logins, fold):
            return Permit("this login is authorised")
        return NoOpinion("this login is not authorised")

    return RelayRule("authorised-login", ask, waits=may_wait(logins))


def permit_local_recipient(ours: Ours) -> RelayRule:
    """The mailbox is in a local domain; `<postmaster>` without a domain is (RFC 5321 4.5.1)."""

    def ask(request: Request) -> Permit | NoOpinion:
        answer = ours.local_mailbox(request)
        if not isinstance(answer, Listed):
            return answer
        return Permit("%s is a local domain" if answer.domain else "%s is local", answer.entry)

    return RelayRule("local-recipient", ask, waits=ours.local.waits)


def permit_relay_domain(relayed: DomainList, ours: Ours) -> RelayRule:
    """The mailbox is in a domain that we relay for."""

    def ask(request: Request) -> Permit | NoOpinion:
        answer = ours.mailbox_at(relayed, request, "a relay domain")
        return Permit("%s is a relay domain", answer.entry) if isinstance(answer, Listed) else answer

    return RelayRule("relay-domain", ask, waits=relayed.waits)


def permit_certificate(certificates: Names) -> RelayRule:
    """The client has proved a certificate that is listed, by its subject and its issuer."""

    def ask(request: Request) -> Permit | NoOpinion:
        certificate = request.macros.certificate
        if certificate_key(certificate) is None:
            return NoOpinion("no verified certificate" if certificate is None else "an odd certificate")
        if is_listed(certificate, certificates):
            return Permit("this certificate is authorised")
        return NoOpinion("another certificate")

    return RelayRule("certificate", ask, frozenset({Need.CERTIFICATE}), may_wait(certificates))


def permit_grant(grants: Grants) -> RelayRule:
    """One of the grants covers this mail."""

    def ask(request: Request) -> Permit | NoOpinion:
        answer = grants.find(request)
        return Permit("granted: %s", answer.name) if isinstance(answer, Grant) else answer

    return RelayRule("grant", ask, grants.needs, grants.waits)


def permit_mx_backup(domains: DomainList, backup: Backup, ours: Ours) -> RelayRule:
    """The mailbox is in a domain that this host may back up, and the DNS says that it does.

    `domains` keeps strangers out: whoever has a domain can name this host in it. `ours` does not hold them.
    """

    def ask(request: Request) -> Permit | NoOpinion:
        answer = ours.mailbox_at(domains, request, "a domain to back up")
        if not isinstance(answer, Listed):
            return answer
        objection = backup.objection(answer.domain)
        return Permit("%s is a domain to back up", answer.entry) if objection is None else NoOpinion(objection)

    return RelayRule("mx-backup", ask, waits=True)
