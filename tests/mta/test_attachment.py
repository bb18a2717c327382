"""What leaves a relaymilter unasked that seems to be attached: facts of the MTAs that `doctor` goes by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mta.dialogue import VICTIM, recipient_reply, refusal
from tests.rig import MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, running


@pytest.fixture
def daemon(folder: Path) -> Iterator[Relaymilter]:
    """A relaymilter."""
    with running(Relaymilter(folder / "milter", "--local-domain", "example.org")) as relaymilter:
        yield relaymilter


UNASKED = {
    "DISABLE": "smtpd_milter_maps = static:DISABLE",
    "DISABLE for some": "smtpd_milter_maps = cidr:{{ {{203.0.113.0/24 DISABLE}} }}",
    "other milters": "smtpd_milter_maps = inline:{{ {{203.0.113.7={{inet:127.0.0.1:1, default_action=accept}}}} }}",
    "no_milters": "receive_override_options = no_milters",
    "accept, and down": "smtpd_milters = {{ unix:{folder}/none, {{ default_action = accept }} }}",
}


@pytest.mark.parametrize("name", UNASKED)
def test_postfix_does_not_ask(namespace: Namespace, folder: Path, daemon: Relaymilter, name: str) -> None:
    """Postfix relays for a stranger, though smtpd_milters names relaymilter."""
    settings = MtaSettings((daemon.milter,), extra=UNASKED[name].format(folder=folder))
    with running(Postfix(namespace, folder / "mta", settings)) as mta:
        assert recipient_reply(mta, VICTIM).code == 250


TRIMMED = {
    Postfix: "milter_mail_macros = i\nmilter_rcpt_macros = i\nmilter_protocol = 2",
    Sendmail: "define(`confMILTER_MACROS_ENVFROM', `i')\ndefine(`confMILTER_MACROS_ENVRCPT', `{rcpt_addr}')",
}


@pytest.mark.parametrize("kind", TRIMMED, ids=["postfix", "sendmail"])
def test_trimmed_macros(
    namespace: Namespace, folder: Path, daemon: Relaymilter, kind: type[Postfix] | type[Sendmail]
) -> None:
    """A login counts although the MTA's own lists of macros do not have it: relaymilter asks for what it needs."""
    with running(kind(namespace, folder / "mta", MtaSettings((daemon.milter,), extra=TRIMMED[kind]))) as mta:
        assert recipient_reply(mta, VICTIM, login="alice").code == 250
        assert str(recipient_reply(mta, VICTIM)) == refusal(VICTIM)


def test_sendmail_asks_by_daemon(namespace: Namespace, folder: Path, daemon: Relaymilter) -> None:
    """A daemon of Sendmail's with filters of its own does not ask those of InputMailFilters."""
    other = (
        "MAIL_FILTER(`other', `S=inet:1@127.0.0.1')\n"
        "DAEMON_OPTIONS(`Name=Other, Family=inet, Addr=RIG_ADDRESS, Port=2525, InputMailFilters=other')"
    )
    with running(Sendmail(namespace, folder / "mta", MtaSettings((daemon.milter,), extra=other))) as mta:
        assert str(recipient_reply(mta, VICTIM)) == refusal(VICTIM)
        with mta.smtp(port=2525) as client:
            client.ehlo()
            client.mail()
            assert client.rcpt(f"<{VICTIM}>").code == 250


def test_sendmail_does_not_ask_what_is_only_declared(namespace: Namespace, folder: Path, daemon: Relaymilter) -> None:
    """A filter that MAIL_FILTER declares is not asked, unless confINPUT_MAIL_FILTERS names it."""
    declared = f"MAIL_FILTER(`relaymilter', `S={daemon.milter}, F=T')"
    with running(Sendmail(namespace, folder / "mta", MtaSettings(extra=declared))) as mta:
        assert recipient_reply(mta, VICTIM).code == 250
