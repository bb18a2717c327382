"""Lists of what is refused though a rule permits it: clients, HELO names, senders, recipients; and the lockdown.

Each closes only. A path that cannot be parsed is in no list: what the MTA makes of it is not ours to guess, and the
rules have refused such a recipient to strangers already. No list concerns mail that did not come by SMTP: Postfix
cannot refuse it, and would try it again each minute for ever (MILTER_README). A lockdown, which ends, does.
"""

from collections.abc import Callable
from typing import TypeAlias

from relaymilter.policy.address import Malformed, parse
from relaymilter.policy.domains import DomainList, domain_form
from relaymilter.policy.envelope import Request
from relaymilter.policy.logins import Fold, is_among
from relaymilter.policy.mailboxes import NULL_PATH, Mailboxes
from relaymilter.policy.networks import Networks
from relaymilter.policy.ports import Names
from relaymilter.policy.senders import may_be_null
from relaymilter.policy.verdict import Defer, NoOpinion, Reject, Reply

Ask: TypeAlias = Callable[[Request], Reject | NoOpinion]

CLIENT_DENIED = Reply(554, "5.7.1", "Client host rejected: Access denied")
HELO_DENIED = Reply(554, "5.7.1", "Helo command rejected: Access denied")
SENDER_DENIED = Reply(554, "5.7.1", "{sender}: Sender address rejected: Access denied")
RECIPIENT_DENIED = Reply(554, "5.7.1", "{recipient}: Recipient address rejected: Access denied")
LOCKED_DOWN = Reply(450, "4.7.1", "{recipient}: Relaying is suspended, try again later")
"""Not for good: what a user sends meanwhile waits where it is."""

_NOT_LISTED = NoOpinion("not listed")
_NOT_BY_SMTP = NoOpinion("did not come by SMTP, so it cannot be refused")


def reject_client(networks: Networks, addresses: Names) -> Ask:
    """The client's address is in one of these networks, or one of `addresses`; `!` excludes."""

    def ask(request: Request) -> Reject | NoOpinion:
        if not request.client.by_smtp:
            return _NOT_BY_SMTP
        address = request.client.address
        if address is None:
            return NoOpinion("the client has no usable address")
        found = networks.find(address)
        if found is not None and found.excluded:
            return NoOpinion(f"excluded by {found}")
        if found is not None or str(address) in addresses:
            return Reject(CLIENT_DENIED, f"in {found or 'a denied address'}")
        return _NOT_LISTED

    return ask


def reject_helo(names: DomainList) -> Ask:
    """The client calls itself by one of these names; `.example.org` stands for all below it."""

    def ask(request: Request) -> Reject | NoOpinion:
        if not request.client.by_smtp:
            return _NOT_BY_SMTP
        try:
            name = domain_form(request.helo.decode("utf-8"))
        except ValueError:
            return NoOpinion("no name")
        found = names.match(name)
        return _NOT_LISTED if found is None else Reject(HELO_DENIED, f"HELO {found}")

    return ask


def reject_sender(senders: Mailboxes) -> Ask:
    """The sender is one of these mailboxes or domains; `<>` is whatever an MTA may take for the null sender."""

    def ask(request: Request) -> Reject | NoOpinion:
        if not request.client.by_smtp:
            return _NOT_BY_SMTP
        sender = NULL_PATH if may_be_null(request.sender) else parse(request.sender)
        found = None if isinstance(sender, Malformed) else senders.find(sender)
        return _NOT_LISTED if found is None else Reject(SENDER_DENIED, f"sender {found}")

    return ask


def reject_recipient(recipients: Mailboxes) -> Ask:
    """The recipient is one of these mailboxes or domains, as typed or as the MTA reads it."""

    def ask(request: Request) -> Reject | NoOpinion:
        if not request.client.by_smtp:
            return _NOT_BY_SMTP
        read = () if request.rcpt_addr is None else (parse(request.rcpt_addr),)
        for path in (request.path, *read):
            found = None if isinstance(path, Malformed) else recipients.find(path)
            if found is not None:
                return Reject(RECIPIENT_DENIED, f"recipient {found}")
        return _NOT_LISTED

    return ask


def defer_in_lockdown(
    on: Callable[[], bool], exempt: tuple[Names, Networks], fold: Fold, ours: Callable[[Request], str | None]
) -> Callable[[Request], Defer | NoOpinion]:
    """While `on`, nobody but the exempt logins and networks may write to a mailbox that is not ours."""
    logins, networks = exempt

    def ask(request: Request) -> Defer | NoOpinion:
        if not on():
            return NoOpinion("no lockdown")
        if ours(request) is None:
            return NoOpinion("the recipient is ours")
        if request.login and is_among(request.login, logins, fold):
            return NoOpinion("this login is exempt from the lockdown")
        address = request.client.address
        found = None if address is None else networks.find(address)
        if found is not None and not found.excluded:
            return NoOpinion(f"{found} is exempt from the lockdown")
        return Defer(LOCKED_DOWN, "relaying is locked down")

    return ask
