"""An MTA with a milter that only listens: what it tells of a recipient, of all that a milter may ask it for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.rig import STRANGER, Mta, Recorder, Smtp, certificate

LOGIN = ("{auth_authen}", "{auth_type}")
CERTIFICATE = ("{verify}", "{cert_subject}", "{cert_issuer}")
FINGERPRINT = ("{cert_fp}", "{cert_md5}")
LISTENER = ("{daemon_name}", "{daemon_addr}", "{daemon_port}")
CLIENT = ("{client_addr}", "{client_name}", "{client_ptr}", "{client_resolve}")
ALL = (
    *(*LOGIN, *CERTIFICATE, *FINGERPRINT, *LISTENER, *CLIENT),
    *("{auth_author}", "{rcpt_addr}", "{tls_version}", "{cipher}"),
)

Told = dict[str, str]


@dataclass(frozen=True)
class Telling:
    """`mta` tells `recorder`."""

    mta: Mta
    recorder: Recorder

    @property
    def is_postfix(self) -> bool:
        """Else it is Sendmail."""
        return self.mta.name == "postfix"

    @contextmanager
    def client(self, with_certificate: str | None = None, source: str = STRANGER, port: int = 25) -> Iterator[Smtp]:
        """A client that has said EHLO, under TLS if a certificate is named; "" is TLS without one."""
        with self.mta.smtp(source, port) as client:
            client.ehlo()
            if with_certificate is not None:
                assert client.starttls(*(certificate(with_certificate) if with_certificate else ())).code == 220
                client.ehlo()
            yield client

    def of(self, client: Smtp, names: tuple[str, ...] = ALL, mail: str = "<a@example.net>") -> Told:
        """Those of these macros that come with a recipient of a new message; the message is not sent."""
        assert client.mail(mail).code == 250
        told = self.of_recipient(client, names)
        assert client.rset().code == 250
        return told

    def of_recipient(self, client: Smtp, names: tuple[str, ...] = ALL) -> Told:
        """The same for one more recipient of this message."""
        assert client.rcpt("<v@example.com>").code == 250
        told = self.recorder.told[-1]
        return {name: told[name] for name in names if name in told}
