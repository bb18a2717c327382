"""Lists of what is refused though a rule permits it: clients, HELO names, senders, recipients; and the lockdown.

Each closes only. A path that cannot be parsed is in no list: what the MTA makes of it is not ours to guess, and the
rules have refused such a recipient to strangers already. No list concerns mail that did not come by SMTP; a lockdown,
which ends, does.
"""

from collections.abc import Callable
from typing import NamedTuple

from relaymilter.policy.address import Malformed, parse
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.domains import DomainList, domain_form
from relaymilter.policy.envelope import Need, Request
from relaymilter.policy.logins import Fold, is_among
from relaymilter.policy.mailboxes import NULL_PATH, Mailboxes
from relaymilter.policy.ports import Names, may_wait
from relaymilter.policy.recipients import Ours
from relaymilter.policy.rules import NO_ADDRESS, Restriction, by_smtp
from relaymilter.policy.senders import may_be_null
from relaymilter.policy.verdict import Defer, NoOpinion, Reject, Reply

CLIENT_DENIED = Reply(554, "5.7.1", "Client host rejected: Access denied")
HELO_DENIED = Reply(554, "5.7.1", "Helo command rejected: Access denied")
SENDER_DENIED = Reply(554, "5.7.1", "{sender}: Sender address rejected: Access denied")
RECIPIENT_DENIED = Reply(554, "5.7.1", "{recipient}: Recipient address rejected: Access denied")
LOCKED_DOWN = Reply(450, "4.7.1", "{recipient}: Relaying is suspended, try again later")
"""Not for good: what a user sends meanwhile waits where it is."""

_NOT_LISTED = NoOpinion("not listed")


def reject_client(denied: Addresses) -> Restriction:
    """The client's address is one of these; `!` excludes."""

    def ask(request: Request) -> Reject | NoOpinion:
        if request.client.address is None:
            return NO_ADDRESS
        network = denied.find(request.client.address)
        if network is None:
            return _NOT_LISTED
        return NoOpinion("excluded by %s", network) if network.excluded else Reject(CLIENT_DENIED, f"in {network}")

    return Restriction("deny-client", by_smtp(ask), waits=denied.waits)


def reject_helo(names: DomainList) -> Restriction:
    """The client calls itself by one of these names; `.example.org` stands for all below it."""

    def ask(request: Request) -> Reject | NoOpinion:
        try:
            name = domain_form(request.helo.decode("utf-8"))
        except ValueError:
            return NoOpinion("no name")
        entry = names.match(name)
        return _NOT_LISTED if entry is None else Reject(HELO_DENIED, f"HELO {entry}")

    return Restriction("deny-helo", by_smtp(ask), frozenset({Need.HELO}), names.waits)


def reject_sender(senders: Mailboxes) -> Restriction:
    """The sender is one of these mailboxes or domains; `<>` is whatever an MTA may take for the null sender."""

    def ask(request: Request) -> Reject | NoOpinion:
        sender = NULL_PATH if may_be_null(request.sender) else parse(request.sender)
        entry = None if isinstance(sender, Malformed) else senders.find(sender)
        return _NOT_LISTED if entry is None else Reject(SENDER_DENIED, f"sender {entry}")

    return Restriction("deny-sender", by_smtp(ask), waits=senders.waits)


def reject_recipient(recipients: Mailboxes) -> Restriction:
    """The recipient is one of these mailboxes or domains, as typed or as the MTA reads it."""

    def ask(request: Request) -> Reject | NoOpinion:
        read = () if request.rcpt_addr is None else (parse(request.rcpt_addr),)
        for path in (request.path, *read):
            entry = None if isinstance(path, Malformed) else recipients.find(path)
            if entry is not None:
                return Reject(RECIPIENT_DENIED, f"recipient {entry}")
        return _NOT_LISTED

    return Restriction("deny-recipient", by_smtp(ask), waits=recipients.waits)


class Exempt(NamedTuple):
    """Whom a lockdown leaves alone."""

    logins: Names
    clients: Addresses


def defer_in_lockdown(on: Callable[[], bool], exempt: Exempt, fold: Fold, ours: Ours) -> Restriction:
    """While `on`, nobody but the exempt logins and clients may write to a mailbox that is not ours."""

    def ask(request: Request) -> Defer | NoOpinion:
        if not on():
            return NoOpinion("no lockdown")
        if ours.holds(request):
            return NoOpinion("the recipient is ours")
        if request.login and is_among(request.login, exempt.logins, fold):
            return NoOpinion("this login is exempt from the lockdown")
        if exempt.clients.holds(request.client.address):
            return NoOpinion("this client is exempt from the lockdown")
        return Defer(LOCKED_DOWN, "relaying is locked down")

    return Restriction("lockdown", ask, waits=may_wait(ours, *exempt))
