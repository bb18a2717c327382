"""What an MTA tells of the client's program with RCPT: the mechanism of AUTH, and what TLS agreed on."""

from __future__ import annotations

import pytest

from relaymilter.milter.negotiation import NEEDED
from relaymilter.policy.envelope import Need

from .telling import Telling

TLS = {"{tls_version}": "TLSv1.3", "{cipher}": "TLS_AES_256_GCM_SHA384"}


@pytest.mark.parametrize(("with_certificate", "tls"), [(None, {}), ("", TLS), ("valid", TLS)])
def test_program(telling: Telling, with_certificate: str | None, tls: dict[str, str]) -> None:
    """Alike by both MTAs, with every recipient of every message; without TLS the mechanism alone."""
    asked = (*NEEDED[Need.MECHANISM], *NEEDED[Need.TLS])
    with telling.client(with_certificate, port=587) as client:
        assert client.auth("alice").code == 235
        for _ in range(2):
            told = {name: value for name, value in telling.of(client, asked).items() if value}
            assert {"{auth_type}": "PLAIN"} | tls == told
