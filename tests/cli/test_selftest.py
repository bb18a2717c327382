"""relaymilter selftest: what it prints, and its exit status."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from relaymilter.audit.hostile.corpus import FAMILIES, corpus
from relaymilter.audit.hostile.envelopes import Names
from tests.rig import Relaymilter, running

from .conftest import Outcome, Run

COUNT = len(corpus(Names()))


def test_a_sound_policy(relaymilter: Run) -> None:
    """Every family has its line: tried, held, deferred; 0."""
    outcome = relaymilter("selftest", "--local-domain", "example.org")
    assert (outcome.status, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["family", "tried", "held", "deferred"]
    assert [line.split()[0] for line in lines[1:-1]] == [*FAMILIES, "all"]
    assert all(re.fullmatch(r"\S+ +(\d+) +\1 +0", line) for line in lines[1:-1])
    assert lines[-1] == f"None of {COUNT} envelopes got through."


def test_no_configuration(relaymilter: Run) -> None:
    """With no policy at all, everything is refused."""
    assert relaymilter("selftest").status == 0


def test_an_open_policy(relaymilter: Run) -> None:
    """What got through is shown as it was said, with the rule that let it; of much only the beginning; 1."""
    outcome = relaymilter("selftest", "--local-network", "203.0.0.0/8")
    assert (outcome.status, outcome.err) == (1, "")
    assert re.search(r"^all +\d+ +0 +0  OPEN$", outcome.out, re.MULTILINE)
    assert (
        "opened (plain): HELO client.example.net, MAIL FROM:<probe@example.net>, RCPT TO:<victim@example.com>\n"
        "  permit by local-client: in local network 203.0.0.0/8\n" in outcome.out
    )
    assert outcome.out.endswith(f"and {COUNT - 20} more, which --json has all\n")


def test_open_in_one_family(relaymilter: Run) -> None:
    """One that is open is marked, and no other."""
    words = ("--local-domain", "example.org", "--local-domain", "sub.third.example", "--victim", "a@third.example")
    outcome = relaymilter("selftest", *words)
    assert outcome.status == 1
    assert re.findall(r"^(\S+) .*OPEN$", outcome.out, re.MULTILINE) == ["plain", "all"]


def test_json(relaymilter: Run) -> None:
    """--json has the rows, and every envelope that was not refused for good, with what was said."""
    closed = json.loads(relaymilter("selftest", "--json", "--local-domain", "example.org").out)
    assert (closed["open"], closed["not_refused"]) == (False, [])
    assert closed["families"][-1] == {"family": "all", "tried": COUNT, "held": COUNT, "deferred": 0}
    outcome = relaymilter("selftest", "--json", "--local-network", "203.0.0.0/8")
    found = json.loads(outcome.out)
    assert (outcome.status, found["open"], len(found["not_refused"])) == (1, True, COUNT)
    assert found["not_refused"][0].keys() == {"family", "outcome", "envelope", "said"}


def test_the_domain_is_that_of_the_policy(relaymilter: Run) -> None:
    """The envelopes abuse a domain of the policy, unless another is named."""
    words = ("selftest", "--json", "--reply", "defer", "--local-domain", "here.example")
    assert "@here.example>" in relaymilter(*words).out
    assert "@here.example>" not in relaymilter(*words, "--domain", "else.example").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--milter", "8894"), "--milter: '8894' names no kind of socket"),
        (("--milter", "unix:/x", "--local-domain", "a.example"), "--milter has a policy of its own"),
        (("--milter", "unix:/x", "-c", "a.toml"), "--milter has a policy of its own"),
        (("--client", "localhost"), "--client: 'localhost' is no address"),
        (("--victim", "x"), "'x' is no plain mailbox"),
        (("--domain", "a b"), "'postmaster@a b' is no plain mailbox"),
        (("--family", "x"), "'x' is not one of"),
        (("--local-domain", "example.com"), "victim@example.com is no third party's: example.com is the server's own"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage(relaymilter: Run, words: tuple[str, ...], said: str) -> None:
    """What is wrong is said in one line: 64."""
    outcome = relaymilter("selftest", *words)
    assert (outcome.status, outcome.out) == (64, "")
    assert outcome.err.startswith("relaymilter selftest: ")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1


def test_bad_configuration(relaymilter: Run) -> None:
    """A mistake in the configuration is named: 78."""
    Path("r.toml").write_text("frobnicate = 1\n")
    assert relaymilter("selftest", "-c", "r.toml") == Outcome(
        78, "", "relaymilter: r.toml:1: frobnicate: no such key\n"
    )


def test_a_running_milter(relaymilter: Run, folder: Path) -> None:
    """A daemon is asked by its socket, in our form; one that is not there is 69, in one line."""
    daemon = Relaymilter(folder / "d", "--local-domain", "example.org")
    with running(daemon):
        outcome = relaymilter("selftest", "--milter", daemon.milter, "--domain", "example.org")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.endswith(f"None of {COUNT} envelopes got through.\n")
    gone = relaymilter("selftest", "--milter", f"unix:{folder}/none")
    said = f"relaymilter: unix:{folder}/none: No such file or directory\n"
    assert gone == Outcome(69, "", said)


def test_a_socket_that_cannot_be_asked(relaymilter: Run) -> None:
    """What only the daemon can be handed is no way to it."""
    outcome = relaymilter("selftest", "--milter", "fd:3")
    said = "relaymilter: fd:3: it is handed down to the daemon: name the socket by unix: or inet:\n"
    assert outcome == Outcome(69, "", said)
