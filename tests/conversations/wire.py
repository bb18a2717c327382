"""The side that is the milter wire: a running daemon, asked as Postfix would, without a Postfix.

The log has to agree with the wire: the same reply, the same client, login, sender and recipient.
"""

from __future__ import annotations

from tests.rig import Relaymilter
from tests.wire.mta import Mta, Reply

from .decisions import DecisionTail, Line, decision, readable
from .known import Known
from .play import Decision, Heard
from .script import Client, Helo, Login, Macro, Mail, Rcpt, Starttls, Xclient

POSTFIX = {b"j": b"mx.example.org", b"v": b"Postfix 3.7.11"}
LISTENER = ("{daemon_name}", "{daemon_addr}", "{daemon_port}")
LOGIN = ("{auth_authen}", "{auth_type}")
CERTIFICATE = ("{cert_subject}", "{cert_issuer}")


class WireSide:
    """Plays steps to a daemon."""

    name = "wire"

    def __init__(self, daemon: Relaymilter, log: DecisionTail) -> None:
        self._daemon = daemon
        self._log = log
        self._mta: Mta | None = None

    @property
    def mta(self) -> Mta:
        """The connection of now."""
        assert self._mta is not None
        return self._mta

    def client(self, step: Client) -> None:
        self.close()
        self._address = step.address
        self._known = Known(step.listener)
        self._macros: dict[bytes, bytes] = {}
        self._mail = Mail(b"")
        self._mta = Mta(self._daemon.milter)
        self.mta.negotiate()
        self._send_macros("connect", {})
        assert self.mta.connect(step.address, step.port) == "silent"

    def xclient(self, step: Xclient) -> None:
        self.client(Client(step.address))
        self._known.pose(step)

    def helo(self, step: Helo) -> None:
        if step.name is not None:
            self.mta.abort()
            self._send_macros("helo", {})
            assert self.mta.helo(step.name) == "silent"

    def login(self, step: Login) -> None:
        self._known.log_in(step)

    def starttls(self, step: Starttls) -> None:
        self.mta.abort()
        self._known.start_tls(step)

    def rset(self) -> None:
        self.mta.abort()

    def message(self) -> None:
        assert self.mta.message() == "continue"
        self.mta.abort()

    def mail(self, step: Mail) -> None:
        self._mail = step
        self._send_macros("mail", {})
        assert self.mta.mail(step.path, *step.parameters) == "silent"

    def macro(self, step: Macro) -> None:
        self._macros[step.name] = step.value

    def rcpt(self, step: Rcpt, decides: bool) -> tuple[Heard, Decision | None]:
        read = {} if step.rcpt_addr is None else {b"{rcpt_addr}": step.rcpt_addr, b"{rcpt_mailer}": b"smtp"}
        self._send_macros("rcpt", read)
        answer = self.mta.rcpt(step.path, *step.parameters)
        assert isinstance(answer, Reply) or answer == "continue", answer
        line = self._log.take(wait=True)
        assert line is not None, "no decision in the log"
        self._agree(line, step, answer)
        return Heard(*answer) if isinstance(answer, Reply) else Heard(250), decision(line)

    def close(self) -> None:
        if self._mta is not None:
            self._mta.quit()
            self._mta.close()
            self._mta = None

    def unexpected(self) -> list[str]:
        return self._log.rest()

    def _send_macros(self, stage: str, values: dict[bytes, bytes]) -> None:
        """Those that the milter wants of all that the MTA knows; and, wanted or not, what only a test would send."""
        claimed = [word[5:] for word in self._mail.parameters if word.startswith(b"AUTH=")]
        told: dict[str, str | None] = dict(zip(LISTENER, self._known.listening, strict=True))
        told |= zip(LOGIN, (self._known.login, self._known.mechanism), strict=True)
        told |= zip(CERTIFICATE, self._known.certificate or (None, None), strict=True)
        known = {**POSTFIX, b"{mail_addr}": self._mail.path.strip(b"<>"), **values}
        known |= {name.encode(): value.encode() for name, value in told.items() if value is not None}
        unasked = self._macros | ({b"{auth_author}": claimed[0]} if claimed else {})
        wanted = self.mta.negotiated.macros[stage].split()
        sent = {name: value for name, value in known.items() if name.decode() in wanted} | unasked
        if sent:
            self.mta.macros(stage, sent)

    def _agree(self, line: Line, step: Rcpt, answer: Reply | str) -> None:
        """The log tells of this recipient, of this client, and what the client was told."""
        unix = self._address in ("unknown", "") or self._address.startswith("/")
        fields = {"recipient": step.path, "sender": self._mail.path}
        shown: dict[str, str | None] = {name: raw.decode() for name, raw in fields.items() if readable(raw)}
        login = self._known.login
        if "{auth_authen}" not in str(self._macros) and readable((login or "").encode()):
            shown["login"] = login
        assert {name: line[name] for name in shown} == shown
        assert bool(line["client"]) != unix
        if isinstance(answer, Reply):
            assert line["reply"] == f"{answer.code} {answer.status} {answer.text}"
