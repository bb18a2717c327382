"""Logs of real MTAs: every envelope that was offered to them is put together again, from interleaved, rotated files."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
import zstandard

from relaymilter.audit.replay.logged_transaction import logged_transaction
from relaymilter.maillog.files import look
from relaymilter.maillog.joining import Joining
from relaymilter.maillog.reading import ordered, transactions
from relaymilter.maillog.transaction import Transaction
from tests.rig import HOST_NAME, Mta, MtaSettings, Namespace, Postfix, Relaymilter, Sendmail, running, wait_for

from .offered import Offered, offer

FORWARDS = {"forwarded@example.org": "far@example.net"}
EXTRA = {"postfix": "smtpd_tls_loglevel = 1\n", "sendmail": ""}


class Told(NamedTuple):
    """What a log tells, and what was offered."""

    mta: str
    read: list[Transaction]
    joining: Joining
    offered: list[Offered]


def quiet(mta: Mta, offered: list[Offered]) -> bool:
    """Every message that was sent is delivered, as far as its log says."""
    log = mta.log()
    wanted = sum(each.sent for each in offered)
    if mta.name == "postfix" and "to=<by-program@example.com>" not in log:
        return False  # it goes by way of pickup, which may be late
    return log.count(": removed") >= wanted if mta.name == "postfix" else log.count(": done; delay=") >= wanted


def rotated(folder: Path, log: bytes, random: Random) -> list[str]:
    """The log in four files as logrotate leaves them, cut anywhere between lines, named in any order."""
    lines = log.splitlines(keepends=True)
    cuts = [0, *sorted(random.sample(range(1, len(lines)), 3)), len(lines)]
    parts = [b"".join(lines[begin:end]) for begin, end in pairwise(cuts)]
    packed = {
        "mail.log.3.gz": gzip.compress(parts[0]),
        "mail.log.2.zst": zstandard.ZstdCompressor().compress(parts[1]),
        "mail.log.1": parts[2],
        "mail.log": parts[3],
    }
    for age, (name, content) in enumerate(packed.items()):
        (folder / name).write_bytes(content)
        now = (folder / name).stat().st_mtime
        os.utime(folder / name, (now, now + age))
    paths = [str(folder / name) for name in packed]
    random.shuffle(paths)
    return paths


@pytest.fixture(scope="module", params=["postfix", "sendmail"])
def told(
    request: pytest.FixtureRequest, namespace: Namespace, release_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Told:
    """Some hundred sessions with each MTA; 20,000 in a long run."""
    sessions, seed = (request.config.getoption(name) for name in ("--sessions", "--seed"))
    random, kind = Random(seed), Postfix if request.param == "postfix" else Sendmail
    folder = release_folder / f"real-logs-{request.param}"
    folder.mkdir()
    flags = ("--local-domain", "example.org", "--local-domain", HOST_NAME)
    with running(Relaymilter(folder / "relaymilter", *flags)) as daemon:
        settings = MtaSettings((daemon.milter,), forwards=FORWARDS, extra=EXTRA[request.param])
        with running(kind(namespace, folder / "mta", settings)) as mta:
            offered = offer(mta, random, sessions)
            mta.sendmail("-f", "root@example.org", "by-program@example.com", stdin="Subject: x\n\nx\n")
            wait_for(lambda: quiet(mta, offered), "all is delivered", seconds=60 + sessions / 50)
            log = mta.log_file()
    files = [look(path) for path in rotated(tmp_path_factory.mktemp("log"), log, random)]
    joining = Joining()
    read = transactions(ordered(files), logged_transaction, joining, lambda octets: None, processes=2, piece=20_000)
    return Told(mta.name, list(read), joining, offered)


def test_messages(told: Told) -> None:
    """Each message that was sent: by whom, with which login, from whom, to whom; and no other one."""
    read = Counter(
        (each.client, each.login, each.sender, frozenset(of.path for of in each.recipients if of.accepted))
        for each in told.read
        if any(of.accepted for of in each.recipients)
    )
    offered = Counter(
        (
            each.client,
            each.login,
            f"<{each.sender}>".encode(),
            frozenset(f"<{path}>".encode() for path in each.accepted),
        )
        for each in told.offered
        if each.accepted and (each.sent or (each.reset and told.mta == "sendmail"))
    )
    assert offered == read
    assert len(offered) > len(told.offered) / 3


def test_refusals(told: Told) -> None:
    """Each recipient that was refused: to whom, and from whom."""
    read = Counter(
        (each.client, each.sender, of.path) for each in told.read for of in each.recipients if not of.accepted
    )
    offered = Counter(
        (each.client, f"<{each.sender}>".encode(), f"<{path}>".encode())
        for each in told.offered
        for path in each.refused
    )
    assert offered == read
    assert len(offered) > len(told.offered) / 10


def test_refusals_have_the_login(told: Told) -> None:
    """A refusal has its login, or, where Postfix says none, nobody's; never that of another."""
    logins = {(each.sender, path): each.login for each in told.offered if each.sender for path in each.refused}
    read = [
        (each.login, logins[each.sender.decode()[1:-1], of.path.decode()[1:-1]])
        for each in told.read
        for of in each.recipients
        if not of.accepted and each.sender != b"<>"
    ]
    assert all(login in (truth, None) for login, truth in read)
    assert told.mta == "postfix" or [(login, truth) for login, truth in read if login != truth] == []


def test_tls_and_mechanism(told: Told) -> None:
    """What TLS agreed on, and the mechanism of each login."""
    assert {each.tls for each in told.read} == {None, "TLSv1.3 TLS_AES_256_GCM_SHA384"}
    assert {each.mechanism for each in told.read if each.login} == {"PLAIN", "LOGIN", "CRAM-MD5"}
    assert not [each for each in told.read if each.mechanism and not each.login]


def test_gaps(told: Told) -> None:
    """What the log does not tell is counted: mail that was given up after a recipient, and mail of the host's own."""
    given_up = sum(
        bool(each.accepted) and not each.sent and not (each.reset and told.mta == "sendmail") for each in told.offered
    )
    gaps = told.joining.gaps
    assert (given_up, 0, 0) == (gaps.no_recipients, gaps.no_beginning, gaps.fewer_recipients)
    assert 1 == gaps.not_by_smtp


def test_in_order(told: Told) -> None:
    """Transactions come in the order of time, whichever order the files are named in."""
    times = [each.time for each in told.read]
    assert times == sorted(times)
