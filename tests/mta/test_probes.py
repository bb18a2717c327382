"""The relay checks that others use find nothing to relay, and find it without relaymilter."""

import re
import subprocess

import pytest

from tests.rig import STRANGER, Mta, Namespace, Postfix

SWAKS_NO_RECIPIENT = 24

# An unquoted second @ is an "invalid route address" to Sendmail.
NMAP_TESTS = {"postfix": 16, "sendmail": 14}


def nmap(namespace: Namespace, mta: Mta) -> str:
    """What nmap's smtp-open-relay script says; it tries 16 ways."""
    command = ("nmap", "-n", "-Pn", "-sT", "-p", "25", "--script", "smtp-open-relay")
    output = namespace.run(*command, mta.address)
    found = re.search(r"smtp-open-relay: (.*)", output)
    assert found, output
    return found[1].strip()


def swaks(namespace: Namespace, mta: Mta, *arguments: str) -> int:
    """Send from a stranger to a third party with swaks; return its exit status."""
    try:
        namespace.run(
            *("swaks", "--server", mta.address, "--from", "a@example.net", "--to", "swaks@example.com"),
            *arguments,
        )
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


def test_nmap_relays_without(namespace: Namespace, open_mta: Mta) -> None:
    """Every one of its tests that the open MTA understands relays through it."""
    accepted = NMAP_TESTS[open_mta.name]
    assert nmap(namespace, open_mta) == f"Server is an open relay ({accepted}/16 tests)"


def test_nmap_is_refused(namespace: Namespace, mta: Mta) -> None:
    """None of its tests relays through the closed MTA."""
    assert nmap(namespace, mta) == "Server doesn't seem to be an open relay, all tests failed"


def test_swaks_relays_without(namespace: Namespace, open_mta: Mta) -> None:
    """swaks relays through the open MTA."""
    assert swaks(namespace, open_mta, "--local-interface", STRANGER) == 0


def test_swaks_is_refused(namespace: Namespace, mta: Mta) -> None:
    """swaks is refused its only recipient by the closed MTA."""
    assert swaks(namespace, mta, "--local-interface", STRANGER) == SWAKS_NO_RECIPIENT


@pytest.mark.parametrize("options", [(), ("--tls",), ("--auth", "PLAIN", "-au", "bob", "-ap", "secret")])
def test_swaks_through_xclient(
    namespace: Namespace, postfix: Postfix, open_postfix: Postfix, options: tuple[str, ...]
) -> None:
    """A client that Postfix takes for a stranger by XCLIENT is one for relaymilter, unless it logs in."""
    posed = ("--xclient", f"ADDR={STRANGER} NAME=[UNAVAILABLE]", "--local-interface", "127.0.0.1", *options)
    assert swaks(namespace, open_postfix, *posed) == 0
    expected = 0 if "--auth" in options else SWAKS_NO_RECIPIENT
    assert swaks(namespace, postfix, *posed) == expected
