"""What a milter that is none, or a broken one, can do to a self-test: end it, with a reason."""

from __future__ import annotations

import struct
from contextlib import closing

import pytest

from relaymilter.audit.mta_side import Answer, MilterFailed, MtaSide
from relaymilter.config.endpoint import InetEndpoint

from .probe.test_smtp_client import server

AGREED = b"\0\0\0\x0dO" + struct.pack("!III", 6, 0, 0)


def packet(command: bytes, data: bytes = b"") -> bytes:
    """As a milter sends it."""
    return struct.pack("!I", 1 + len(data)) + command + data


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"220 mx.example.org ESMTP\r\n", "no milter: it sends a packet of 842149920 octets"),
        (packet(b"c"), "no milter: it answers b'c'"),
        (packet(b"O", b"short"), "no milter: it answers b'Oshort'"),
        (packet(b"O", AGREED[5:] + b"\0\0\0\0j"), "no milter: a list of macros does not end"),
    ],
    ids=["an MTA", "no negotiation", "half of one", "a list without end"],
)
def test_no_milter(said: bytes, words: str) -> None:
    """What does not negotiate is no milter."""
    with server(said) as port, pytest.raises(MilterFailed) as failed:
        MtaSide(InetEndpoint("127.0.0.1", port), timeout=5)
    assert str(failed.value) == words


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (packet(b"c"), Answer(250, "continue")),
        (packet(b"a"), Answer(250, "accept, and ask no more")),
        (packet(b"d"), Answer(550, "discard")),
        (packet(b"r"), Answer(550, "reject")),
        (packet(b"t"), Answer(451, "tempfail")),
        (packet(b"4"), Answer(421, "shut down")),
        (packet(b"p") + packet(b"p") + packet(b"c"), Answer(250, "continue")),
        (packet(b"y", b"554 5.7.1 100%% no\0"), Answer(554, "554 5.7.1 100% no")),
    ],
    ids=["continue", "accept", "discard", "reject", "tempfail", "shutdown", "progress", "reply"],
)
def test_answers(said: bytes, answer: Answer) -> None:
    """Each answer is as a client would hear it; progress is none."""
    with server(AGREED + said) as port, closing(MtaSide(InetEndpoint("127.0.0.1", port), timeout=5)) as mta:
        assert mta.rcpt((b"<a@b.example>",), {}) == answer


@pytest.mark.parametrize(
    ("said", "words"),
    [(packet(b"y", b"no code"), "it answers b'yno code'"), (packet(b"?"), "it answers b'?'")],
    ids=["a reply without a code", "an unknown answer"],
)
def test_no_answer(said: bytes, words: str) -> None:
    """What is no answer is an error."""
    with server(AGREED + said) as port:
        mta = MtaSide(InetEndpoint("127.0.0.1", port), timeout=5)
        with closing(mta), pytest.raises(MilterFailed) as failed:
            mta.rcpt((b"<a@b.example>",), {})
    assert str(failed.value) == words
