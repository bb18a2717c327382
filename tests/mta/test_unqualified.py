"""Names without a domain: Postfix says at which domain they are; Sendmail says nothing of where they go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig import MtaSettings, Namespace, Recorder, Sendmail, running

from .telling import Telling

MACROS = ("{rcpt_addr}", "{rcpt_mailer}", "{rcpt_host}")


def test_name(telling: Telling) -> None:
    """Postfix appends myorigin, Sendmail gives the bare name."""
    with telling.client() as client:
        assert client.mail("<a@example.net>").code == 250
        assert client.rcpt("<root>").code == 250
        expected = "root@mx.example.org" if telling.is_postfix else "root"
        assert expected == telling.recorder.told[-1]["{rcpt_addr}"]


@pytest.mark.parametrize("name", ["", "LOCAL_RELAY", "LUSER_RELAY", "MAIL_HUB"], ids=lambda name: name or "here")
def test_sendmail_hides_where_a_name_goes(namespace: Namespace, tmp_path: Path, name: str) -> None:
    """One that is sent on to another host looks in every macro like one that is delivered here."""
    extra = f"define(`{name}', `esmtp:[192.0.2.99]')dnl\n" if name else ""
    recorder = Recorder(tmp_path / "recorder", " ".join(MACROS))
    mta = Sendmail(namespace, tmp_path / "sendmail", MtaSettings((recorder.milter,), extra=extra))
    with running(recorder), running(mta), mta.smtp("203.0.113.7", 25) as client:
        client.ehlo()
        assert client.mail("<a@example.net>").code == 250
        assert client.rcpt("<root>").code == 250
        assert ["root", "local", ""] == [recorder.told[-1][macro] for macro in MACROS]
