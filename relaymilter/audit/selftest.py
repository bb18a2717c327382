"""Hostile envelopes against a policy, through a session of ours without a milter; or against a running milter."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing

from relaymilter.audit.hostile.envelopes import Envelope
from relaymilter.audit.hostile.trial import Outcome, Trial, outcome_of
from relaymilter.audit.mta_side import Answer, MtaSide
from relaymilter.config.endpoint import Endpoint
from relaymilter.config.model import PolicySettings
from relaymilter.config.wiring import ruleset
from relaymilter.lookups import waiting
from relaymilter.milter.replies import answer
from relaymilter.milter.session import Service, Session
from relaymilter.observe.printable import printable_text
from relaymilter.policy.envelope import client
from relaymilter.policy.verdict import Permit

VERSION = "Postfix 3.7.11"
"""The macro v that is told: that of an MTA that gives every other one, too."""


def own_domain(settings: PolicySettings) -> str:
    """Some domain whose mail is taken, in a list that can be looked through; empty if there is none."""
    for domains in (settings.local.domains, settings.local.relay_domains):
        if isinstance(domains.known, Iterable):
            names = (name for name in sorted(domains.known) if name[0] not in ".[")
            if domain := next(names, ""):
                return domain
    return ""


def against_policy(settings: PolicySettings, envelopes: Iterable[Envelope], stranger: str) -> Iterator[Trial]:
    """What the daemon would decide, by the same code, for this stranger."""
    rules = ruleset(settings)
    session = Session(Service(rules, None, needs=rules.needs))
    session.connect(client(stranger, 50000), VERSION.encode())
    for envelope in envelopes:
        with waiting.allowing(time.monotonic() + settings.lookups.timeout):
            yield _decided(session, envelope)


def _decided(session: Session, envelope: Envelope) -> Trial:
    session.hello(envelope.helo)
    session.mail(envelope.sender)
    told = _mail_macros(envelope)
    for recipient in envelope.before:
        session.decide(session.asked(recipient, {**told, b"{rcpt_addr}": recipient[1:-1]}.get))
    asked = session.asked(envelope.recipient, {**told, b"{rcpt_addr}": envelope.reading}.get)
    decision = session.decide(asked)
    session.abort()
    if isinstance(decision.verdict, Permit):
        return Trial(envelope, Outcome.OPENED, printable_text(f"permit by {decision.rule}: {decision.verdict.reason}"))
    said = answer(decision, asked, session.mta)
    return Trial(envelope, outcome_of(said.code if said else 250), f"{said} ({decision.rule})")


def against_milter(where: Endpoint, envelopes: Iterable[Envelope], stranger: str) -> Iterator[Trial]:
    """What a milter tells an MTA; several messages a connection. Raises MilterFailed."""
    held: dict[bytes, list[Envelope]] = {}
    for envelope in envelopes:
        held.setdefault(envelope.helo, []).append(envelope)
    for helo, alike in held.items():
        with closing(MtaSide(where)) as mta:
            greeted = mta.connect(stranger, {b"v": VERSION.encode()})
            greeted = mta.helo(helo) if greeted.goes_on else greeted
            yield from (_asked(mta, envelope, greeted) for envelope in alike)


def _asked(mta: MtaSide, envelope: Envelope, greeted: Answer) -> Trial:
    """What is said before RCPT may be the last word."""
    said = greeted
    if said.goes_on:
        said = mta.mail((envelope.sender, *envelope.mail_parameters), _mail_macros(envelope))
    if said.goes_on:
        for recipient in envelope.before:
            mta.rcpt((recipient,), {b"{rcpt_addr}": recipient[1:-1], b"{rcpt_mailer}": b"smtp"})
        read = {b"{rcpt_addr}": envelope.reading, b"{rcpt_mailer}": b"smtp"}
        said = mta.rcpt((envelope.recipient, *envelope.rcpt_parameters), read)
    return Trial(envelope, outcome_of(said.code), printable_text(said.said))


def _mail_macros(envelope: Envelope) -> Mapping[bytes, bytes]:
    """What a client claims by AUTH= an MTA passes on as {auth_author}, not as a login."""
    claims = [word[5:] for word in envelope.mail_parameters if word.startswith(b"AUTH=")]
    return {b"{mail_addr}": envelope.sender.strip(b"<>"), **({b"{auth_author}": claims[0]} if claims else {})}
