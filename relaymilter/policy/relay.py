"""The relay rules: the four ways to permit, and the one that Postfix's own mail needs.

The only module that makes a Permit. A rule answers Permit or NoOpinion, or raises LookupFailed. What is easy to forge
(HELO, MAIL FROM) is not asked here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from relaymilter.policy.address import Malformed, Path, parse
from relaymilter.policy.backup import Backup
from relaymilter.policy.certificates import certificate_key, is_listed
from relaymilter.policy.domains import DomainList
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.grants import Grant
from relaymilter.policy.logins import Fold, is_among
from relaymilter.policy.networks import Networks
from relaymilter.policy.ports import LookupFailed, MustWait, Names, may_wait
from relaymilter.policy.rules import RelayRule
from relaymilter.policy.verdict import NoOpinion, Permit

Ask: TypeAlias = Callable[[Request], Permit | NoOpinion]


def permit_not_by_smtp() -> RelayRule:
    """Mail that Postfix took from sendmail(1) or makes itself; it cannot be refused a recipient (MILTER_README)."""

    def ask(request: Request) -> Permit | NoOpinion:
        if request.client.by_smtp:
            return _BY_SMTP
        return Permit("did not come by SMTP (127.0.0.1, port 0)")

    return RelayRule("not-by-smtp", ask)


_BY_SMTP = NoOpinion("came by SMTP")
_NO_ADDRESS = NoOpinion("the client has no usable address")
_NO_LOGIN = NoOpinion("no login")
_NOT_LOCAL = NoOpinion("in no local network")
_NO_GRANT = NoOpinion("no grant names this client, login and certificate")


def permit_local_client(networks: Networks, addresses: Names = frozenset()) -> RelayRule:
    """The client's address is in a local network, and the most specific one does not exclude it; or one of `addresses`.

    `addresses` holds addresses in their canonical form.
    """

    def ask(request: Request) -> Permit | NoOpinion:
        address = request.client.address
        if address is None:
            return _NO_ADDRESS
        local = networks.find(address)
        if local is None:
            return Permit("a local address") if str(address) in addresses else _NOT_LOCAL
        if local.excluded:
            return NoOpinion(f"excluded by {local}")
        return Permit(f"in local network {local}")

    return RelayRule("local-client", ask, waits=may_wait(addresses))


@dataclass(frozen=True, slots=True)
class Logins:
    """Which logins are authorised, and by which ways; None: every one."""

    names: Names | None = None
    """Logins as `fold` has them, and `@realm`."""
    fold: Fold = Fold.EXACT
    mechanisms: frozenset[str] | None = None
    """Of AUTH, in upper case."""
    listeners: frozenset[str] | None = None
    """Names, addresses or ports of listening sockets."""

    @property
    def needs(self) -> frozenset[Need]:
        """What the MTA must tell for it."""
        mechanism = () if self.mechanisms is None else (Need.MECHANISM,)
        listener = () if self.listeners is None else (Need.LISTENER,)
        return frozenset((*mechanism, *listener))


def permit_authorised_login(logins: Logins) -> RelayRule:
    """{auth_authen} proves a login, and the login is authorised, by its name and by the way that it came."""

    def ask(request: Request) -> Permit | NoOpinion:
        if not request.login:
            return _NO_LOGIN
        told = request.told
        if logins.mechanisms is not None and not _is_one_of(told.mechanism, logins.mechanisms):
            return NoOpinion(f"the mechanism {told.mechanism or 'that was not told'} does not authorise")
        if logins.listeners is not None and logins.listeners.isdisjoint(told.listener):
            return NoOpinion(f"the listener {' '.join(told.listener) or 'that was not told'} takes no logins")
        if logins.names is None:
            return Permit("every login is authorised")
        if is_among(request.login, logins.names, logins.fold):
            return Permit("this login is authorised")
        return NoOpinion("this login is not authorised")

    return RelayRule("authorised-login", ask, logins.needs, may_wait(logins.names))


def _is_one_of(mechanism: str | None, mechanisms: frozenset[str]) -> bool:
    """Postfix gives it as the client typed it; some letters beyond ASCII are ASCII ones in upper case, as dotless i."""
    return mechanism is not None and mechanism.isascii() and mechanism.upper() in mechanisms


def permit_certificate(certificates: Names) -> RelayRule:
    """The client has proved a certificate that is listed, by its subject and its issuer."""

    def ask(request: Request) -> Permit | NoOpinion:
        certificate = request.told.certificate
        if certificate_key(certificate) is None:
            return NoOpinion("no verified certificate" if certificate is None else "an odd certificate")
        if is_listed(certificate, certificates):
            return Permit("this certificate is authorised")
        return NoOpinion("another certificate")

    return RelayRule("certificate", ask, frozenset({Need.CERTIFICATE}), may_wait(certificates))


def permit_grant(
    grants: tuple[Grant, ...], fold: Fold, today: Callable[[], str], foreign: Callable[[Request], str | None]
) -> RelayRule:
    """One of the grants covers this recipient; `today` is the date of now, as YYYY-MM-DD.

    A grant that cannot be asked ends in no answer only where no other grants. Only those are told of that name the
    client: of many, nearly all are another's.
    """

    def ask(request: Request) -> Permit | NoOpinion:
        day, objections = today(), list[str]()
        problem: LookupFailed | MustWait | None = None
        for grant in grants:
            try:
                if grant.names_another(request, fold) is not None:
                    continue
                objection = grant.objection(request, day, foreign)
            except MustWait as must_wait:
                problem = must_wait
            except LookupFailed as failure:
                problem = problem or failure
            else:
                if objection is None:
                    return Permit(f"granted: {grant.name}")
                objections.append(f"{grant.name}: {objection}")
        if problem is not None:
            raise problem
        return NoOpinion("; ".join(objections)) if objections else _NO_GRANT

    needs = {Need.CERTIFICATE} if any(grant.certificates is not None for grant in grants) else ()
    return RelayRule("grant", ask, frozenset(needs))


def foreign_to(ours: tuple[DomainList, ...]) -> Callable[[Request], str | None]:
    """What says why a recipient is in none of these domains, or None where it is. Raises LookupFailed."""
    parts = [_recipient_in(domains, ours, "ours", postmaster=True) for domains in ours]

    def ask(request: Request) -> str | None:
        reason = "there are no domains of ours"
        for part in parts:
            answer = part(request)
            if isinstance(answer, Permit):
                return None
            reason = answer.reason
        return reason

    return ask


def permit_local_recipient(domains: DomainList, ours: tuple[DomainList, ...]) -> RelayRule:
    """The mailbox is in a local domain; `<postmaster>` without a domain is (RFC 5321 4.5.1)."""
    ask = _recipient_in(domains, ours, "a local domain", postmaster=True)
    return RelayRule("local-recipient", ask, waits=may_wait(domains))


def permit_relay_domain(domains: DomainList, ours: tuple[DomainList, ...]) -> RelayRule:
    """The mailbox is in a domain that we relay for."""
    ask = _recipient_in(domains, ours, "a relay domain", postmaster=False)
    return RelayRule("relay-domain", ask, waits=may_wait(domains))


def permit_mx_backup(domains: DomainList, backup: Backup, ours: tuple[DomainList, ...]) -> RelayRule:
    """The mailbox is in a domain that this host may back up, and the DNS says that it does.

    `domains` keeps strangers out: whoever has a domain can name this host in it. `ours` does not hold them.
    """
    ask = _recipient_in(domains, ours, "a domain to back up", postmaster=False, further=backup.objection)
    return RelayRule("mx-backup", ask, waits=True)


def _recipient_in(
    domains: DomainList,
    ours: tuple[DomainList, ...],
    what: str,
    *,
    postmaster: bool,
    further: Callable[[str], str | None] | None = None,
) -> Ask:
    """`further`: what else speaks against the domain of the path."""

    def ask(request: Request) -> Permit | NoOpinion:
        path = request.path
        if isinstance(path, Malformed):
            return NoOpinion(f"the path cannot be parsed: {path.reason}")
        if path.routing:
            return NoOpinion(f"{path.routing} asks for routing")
        if not path.domain:
            entry = "postmaster" if postmaster and path.local.lower() == "postmaster" else None
        else:
            entry = domains.match(path.domain)
        if entry is None:
            return NoOpinion(f"{path.domain or 'a path without a domain'} is not {what}")
        objection = None if path.plain else _second_witness(request.rcpt_addr, path.domain, ours)
        if objection is None and further is not None:
            objection = further(path.domain)
        if objection is not None:
            return NoOpinion(objection)
        return Permit(f"{entry} is {what}")

    return ask


def _second_witness(rcpt_addr: bytes | None, domain: str, ours: tuple[DomainList, ...]) -> str | None:
    """What {rcpt_addr} says against a path at `domain` that an MTA might read otherwise, or None.

    A bare name is local (Sendmail); an absent macro says nothing; one that cannot be parsed is against it.
    """
    if rcpt_addr is None:
        return None
    path = parse(rcpt_addr)
    if not isinstance(path, Path):
        return f"the MTA's reading of the path cannot be parsed: {path.reason}"
    if path.routing:
        return f"the MTA's reading of the path has {path.routing}"
    if path.domain and not any(domains.match(path.domain) for domains in ours) and path.domain != domain:
        return f"the MTA reads the path as a mailbox at {path.domain}"
    return None
