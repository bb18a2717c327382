"""What Postfix knows of a connection beyond its client, for the sides that have no real MTA to know it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.rig.certificates import KINDS, VERIFIED

from .script import Login, Starttls, Xclient

LISTENERS = {25: "mx.example.org", 587: "submission"}


@dataclass
class Known:
    """The login, its mechanism, and the certificate, with what they last until: STARTTLS ends a login."""

    listener: int = 25
    login: str | None = None
    mechanism: str | None = None
    certificate: tuple[str, str] | None = None
    """The CNs of subject and issuer; of one that Postfix has verified."""

    def log_in(self, step: Login) -> None:
        """AUTH."""
        if not step.refused:
            self.login, self.mechanism = step.name, step.mechanism

    def pose(self, step: Xclient) -> None:
        """XCLIENT."""
        if step.login:
            self.login, self.mechanism = step.login, "XCLIENT"

    def start_tls(self, step: Starttls) -> None:
        """STARTTLS."""
        self.login = self.mechanism = None
        kind = VERIFIED.get(step.certificate)
        self.certificate = (kind.first_name, KINDS[kind.issuer].first_name) if kind else None

    @property
    def listening(self) -> tuple[str, str, str]:
        """Name, address and port of the listener."""
        return LISTENERS[self.listener], "192.0.2.25", str(self.listener)
