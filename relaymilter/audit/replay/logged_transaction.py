"""A line of our own decision log as a transaction of one recipient, for maillog to put among the others."""

from datetime import datetime

from relaymilter.audit.log_line import logged_decision
from relaymilter.maillog.transaction import Recipient, Transaction, Way


def logged_transaction(line: bytes) -> Transaction:
    """Raises ValueError, in words. In a dry run everything was accepted, as far as we know."""
    logged = logged_decision(line.decode("utf-8", "surrogateescape"))
    asked = logged.request
    accepted = logged.verdict == "permit" or logged.dry_run
    said = b"" if accepted else logged.reply.encode()
    return Transaction(
        time=datetime.fromisoformat(logged.time).timestamp(),
        client=asked.client.text,
        login=asked.login,
        mechanism=asked.macros.mechanism,
        tls=asked.macros.tls,
        helo=asked.helo,
        sender=asked.sender,
        recipients=(Recipient(asked.recipient, accepted, Way.UNKNOWN, said, by_milter=not accepted),),
        asked=asked,
        session=logged.session,
    )
