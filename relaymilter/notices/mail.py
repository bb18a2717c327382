"""A notice by mail, which is handed to the MTA of this machine by SMTP.

By SMTP and not by sendmail(1), since in the sandbox of the systemd unit no program has the rights of another group,
which Postfix's and Sendmail's need to write to their queues. The MTA asks us about this recipient as about any other:
from 127.0.0.1 comes a local client, without a login, so no login is charged and no step can follow from a notice. The
null sender, so that nothing comes back (RFC 3834).
"""

import smtplib
from contextlib import closing, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from relaymilter import __version__
from relaymilter.config.endpoint import InetEndpoint
from relaymilter.notices.step import Notice, in_words, subject_line
from relaymilter.observe.moment import utc

SECONDS = 20.0
"""For each answer of the MTA."""
_HELP = """\
A throttled login is deferred for up to a day, one that is suspended is refused until it is released:

    relaymilter logins show LOGIN
    relaymilter logins release LOGIN

A login that looks stolen should get a new password before.
"""


class Refused(Exception):
    """The MTA refuses it for good."""


def send(server: InetEndpoint, address: str, notice: Notice) -> None:
    """Hand it to the MTA. Raises Refused, and OSError where it may be tried again."""
    text = message(address, notice)
    try:
        with closing(smtplib.SMTP(local_hostname="[127.0.0.1]", timeout=SECONDS)) as client:
            client.connect(server.host, server.port)
            client.sendmail("", [address], text)
            with suppress(smtplib.SMTPException, OSError):
                client.quit()
    except smtplib.SMTPRecipientsRefused as error:
        [(code, words)] = error.recipients.values()
        _raise(code, words)
    except smtplib.SMTPResponseException as error:
        _raise(error.smtp_code, error.smtp_error)


def message(address: str, notice: Notice) -> bytes:
    """All of it in ASCII, with lines as SMTP has them: Sendmail takes no bare line feed."""
    mail = EmailMessage(SMTP)
    mail["From"] = f"relaymilter <{address}>"
    mail["To"] = address
    mail["Subject"] = f"relaymilter: {subject_line(notice)}"
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain="relaymilter.invalid")
    mail["Auto-Submitted"] = "auto-generated"
    mail["User-Agent"] = f"relaymilter/{__version__}"
    lines = [f"{utc(step.time)} {step.host}: {in_words(step)}" for step in notice.steps]
    more = [f"... and {notice.more} more, which are in the log"] if notice.more else []
    mail.set_content("\n\n".join([*lines, *more, _HELP]), cte="7bit")
    return mail.as_bytes()


def _raise(code: int, words: bytes | str) -> None:
    said = words.decode("latin-1") if isinstance(words, bytes) else words
    text = f"{code} {' '.join(said.split())}"
    if code >= 500:
        raise Refused(text)
    raise OSError(text)
