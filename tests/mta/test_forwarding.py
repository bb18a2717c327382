"""What the administrator forwards to a foreign address still arrives; the address itself stays refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mta.dialogue import recipient_reply, refusal, send
from tests.rig import Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, inline_table, running

FORWARDS = {"forward@example.org": "joe@example.com"}


@pytest.fixture(scope="module", params=[Postfix, Sendmail], ids=["postfix", "sendmail"])
def forwarding(
    request: pytest.FixtureRequest, namespace: Namespace, closed: Relaymilter, closed_folder: Path
) -> Iterator[Mta]:
    """An MTA with virtual_alias_maps, or with virtusertable."""
    mta = request.param(
        namespace,
        closed_folder / f"forwarding-{request.param.name}",
        MtaSettings((closed.milter,), forwards=FORWARDS),
    )
    with running(mta):
        yield mta


def test_forwarded_by_a_virtual_table(forwarding: Mta) -> None:
    """A stranger's mail to a forwarded mailbox goes to the foreign address."""
    send(forwarding, "forward@example.org")
    forwarding.wait_delivered("joe@example.com")


def test_target_is_refused(forwarding: Mta) -> None:
    """The foreign address of that table is none that a stranger may name."""
    reply = recipient_reply(forwarding, "joe@example.com")
    assert str(reply) == refusal("joe@example.com")


def test_forwarded_by_a_canonical_table(namespace: Namespace, closed: Relaymilter, folder: Path) -> None:
    """recipient_canonical_maps may point elsewhere, too."""
    table = inline_table({"moved@example.org": "moved@example.com"})
    settings = MtaSettings((closed.milter,), extra=f"recipient_canonical_maps = {table}")
    with running(Postfix(namespace, folder / "postfix", settings)) as postfix:
        send(postfix, "moved@example.org")
        postfix.wait_delivered("moved@example.com")
        assert recipient_reply(postfix, "moved@example.com").code == 554
