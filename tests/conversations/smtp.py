"""The sides that are real MTAs, open relays that only the daemon closes.

A client has its own address, in a network without an outside; where that network has no such address, the file says
`xclient`, and the client poses as it to Postfix.
"""

from __future__ import annotations

from ipaddress import ip_address

from tests.rig import Mta, Smtp, certificate

from .decisions import DecisionTail, Line, decision, readable
from .play import Decision, Heard
from .script import Client, Helo, Login, Macro, Mail, Rcpt, Starttls, Xclient


class SmtpSide:
    """Plays steps to an MTA."""

    def __init__(self, mta: Mta, log: DecisionTail) -> None:
        self.name = mta.name
        self._mta = mta
        self._log = log
        self._smtp: Smtp | None = None

    @property
    def smtp(self) -> Smtp:
        """The connection of now."""
        assert self._smtp is not None
        return self._smtp

    def client(self, step: Client) -> None:
        self.close()
        self._address = step.address
        self._smtp = self._mta.smtp(step.address, step.listener)

    def xclient(self, step: Xclient) -> None:
        self.client(Client("127.0.0.1"))
        self._address = step.address
        attributes = {"LOGIN": step.login} if step.login else {}
        self._must(self.smtp.xclient(step.address, **attributes).code, 220)

    def helo(self, step: Helo) -> None:
        if step.name is not None:
            self._must(self.smtp.command(b"EHLO " + step.name).code)

    def login(self, step: Login) -> None:
        password = "wrong" if step.refused else "secret"
        self._must(self.smtp.auth(step.name, password, step.mechanism).code, 535 if step.refused else 235)

    def starttls(self, step: Starttls) -> None:
        files = certificate(step.certificate) if step.certificate else ()
        self._must(self.smtp.starttls(*files).code, 220)

    def rset(self) -> None:
        self._must(self.smtp.rset().code)

    def message(self) -> None:
        self._must(self.smtp.message().code)

    def mail(self, step: Mail) -> None:
        self._must(self.smtp.command(b"MAIL FROM:" + b" ".join((step.path, *step.parameters))).code)

    def macro(self, step: Macro) -> None:
        raise AssertionError("an MTA sends macros of its own")

    def rcpt(self, step: Rcpt, decides: bool) -> tuple[Heard, Decision | None]:
        reply = self.smtp.rcpt(b" ".join((step.path, *step.parameters)))
        heard = Heard(reply.code, reply.status, reply.text)
        line = self._log.take(wait=decides)
        if line is None:
            return heard, None
        self._agree(line, step, heard)
        return heard, decision(line)

    def close(self) -> None:
        if self._smtp is not None:
            self._smtp.quit()
            self._smtp.close()
            self._smtp = None

    def unexpected(self) -> list[str]:
        return self._log.rest()

    def _agree(self, line: Line, step: Rcpt, heard: Heard) -> None:
        """The log tells of this recipient, as typed, of this client, and what it heard (Sendmail may add to it)."""
        logged = decision(line).reply
        if logged and heard.code != 250:
            assert (heard.code, heard.status) == (logged.code, logged.status)
            assert heard.text.endswith(logged.text)
        if readable(step.path):
            assert line["recipient"] == step.path.decode()
        assert ip_address(line["client"]) == ip_address(self._address)

    def _must(self, code: int, wanted: int = 250) -> None:
        assert code == wanted
