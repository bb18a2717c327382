"""The side that is the milter wire: a running daemon, asked as Postfix would, without a Postfix.

The log has to agree with the wire: the same reply, the same client, login, sender and recipient.
"""

from __future__ import annotations

from tests.rig import Relaymilter
from tests.wire.mta import Mta, Reply

from .decisions import DecisionTail, Line, decision, readable
from .play import Decision, Heard
from .script import Client, Helo, Login, Macro, Mail, Rcpt, Xclient

POSTFIX = {b"j": b"mx.example.org", b"v": b"Postfix 3.7.11", b"{daemon_name}": b"mx.example.org"}


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
        self._login: bytes | None = None
        self._macros: dict[bytes, bytes] = {}
        self._mail = Mail(b"")
        self._mta = Mta(self._daemon.milter)
        self.mta.negotiate()
        self._send_macros("connect", {})
        assert self.mta.connect(step.address, step.port) == "silent"

    def xclient(self, step: Xclient) -> None:
        self.client(Client(step.address))
        self._login = step.login.encode() if step.login else None

    def helo(self, step: Helo) -> None:
        if step.name is not None:
            self.mta.abort()
            self._send_macros("helo", {})
            assert self.mta.helo(step.name) == "silent"

    def login(self, step: Login) -> None:
        self._login = None if step.refused else step.name.encode()

    def starttls(self) -> None:
        self.mta.abort()
        self._login = None

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
        known = {**POSTFIX, b"{mail_addr}": self._mail.path.strip(b"<>"), **values}
        if self._login is not None:
            known |= {b"{auth_authen}": self._login, b"{auth_type}": b"PLAIN"}
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
        if "{auth_authen}" not in str(self._macros):
            shown["login"] = self._login.decode() if self._login else None
        assert {name: line[name] for name in shown} == shown
        assert bool(line["client"]) != unix
        if isinstance(answer, Reply):
            assert line["reply"] == f"{answer.code} {answer.status} {answer.text}"
