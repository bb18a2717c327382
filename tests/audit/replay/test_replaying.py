"""A log replayed: what is decided on it is what the daemon, explain and the simulator say."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from relaymilter.audit.explain import explain_request
from relaymilter.audit.log_line import logged_decision
from relaymilter.audit.replay.learn import Learning
from relaymilter.audit.replay.logged_transaction import logged_transaction
from relaymilter.audit.replay.replayed import Found, lines
from relaymilter.audit.replay.replaying import Decided, Replay
from relaymilter.audit.replay.suggest import Suggestions
from relaymilter.config.model import PolicySettings
from relaymilter.config.reader import Flags, read
from relaymilter.maillog.files import look
from relaymilter.maillog.joining import Joining
from relaymilter.maillog.reading import transactions
from relaymilter.maillog.transaction import Gaps, Transaction
from relaymilter.observe.decisions import DecisionLog
from relaymilter.policy.envelope import Macros, client, request
from tests.maillog.reading import joined
from tests.maillog.test_postfix import MESSAGE

from .simulated_log import postfix_log

from simulation.judges import Ours  # isort: skip # by the path that simulated_log has added
from simulation.kinds import login  # isort: skip
from simulation.people import START, Event, Login  # isort: skip
from simulation.thefts import address_book, batches, botnet, neighbour  # isort: skip

Theft = Callable[[Random, Login, int], Iterator[Event]]
SEED = 7


def policy(**given: str | tuple[str, ...]) -> PolicySettings:
    """Of these flags."""
    texts = {key.replace("_", "-"): (text,) if isinstance(text, str) else text for key, text in given.items()}
    return read(Flags({"local-domain": ("example.org",), **texts})).settings.policy


def read_log(folder: Path, log: bytes) -> list[Transaction]:
    """All that a log tells."""
    (folder / "log").write_bytes(log)
    return list(transactions([look(str(folder / "log"))], logged_transaction, Joining(), lambda octets: None, 1))


def replayed(read: list[Transaction], settings: PolicySettings) -> list[Decided]:
    """What is decided on it."""
    replay = Replay(settings)
    return [decided for transaction in read for decided in replay.decided(transaction)]


def people() -> Iterator[Login]:
    """Some that are no machines."""
    return (one for number in range(40) if (one := login(SEED, number)).kind == "person")


@pytest.mark.parametrize("theft", [batches, botnet, address_book, neighbour], ids=lambda theft: theft.__name__)
def test_thefts_of_the_simulator(tmp_path: Path, theft: Theft) -> None:
    """Of each theft, beside what the owner sends, exactly those recipients get out that the simulator lets out."""
    one = next(people())
    one.trace()
    at = START + 80 * 86_400
    thief = islice(theft(Random(SEED), one, at), 400)
    events = list(heapq.merge(one.events, thief, key=lambda event: event[0]))
    judge = Ours(one.kind)
    expected = [(event[1].recipient.hex(), judge.permits(event)) for event in events]
    decided = replayed(read_log(tmp_path, postfix_log(events, "victim")), policy(ledger="memory:"))
    assert expected == [(each.recipient.path.decode()[1:].partition("@")[0], each.permits) for each in decided]
    assert {True, False} == {permits for _, permits in expected}


LOGGED = [
    request(client("192.0.2.7"), b"<bob@example.org>", sender=b"<>", helo=b"x y"),
    request(client("192.0.2.7"), b"<v@example.com>", sender=b"<a@b>"),
    request(client("10.0.0.7"), b'<"v w"@example.com>', rcpt_addr=b'"v w"@example.com', sender=b"<a@b>"),
    request(client("::1"), b"<v\xff@example.com>", login="alice", sender=b"<a@b>", macros=Macros(mechanism="PLAIN")),
    request(client("nobody"), b"<x%y@example.org>", sender=b'<"a\\"b"@c>'),
    request(client("127.0.0.1", 0), b"v@example.com"),
]


@pytest.mark.parametrize("as_json", [True, False], ids=["JSON", "text"])
def test_our_own_log(tmp_path: Path, as_json: bool) -> None:
    """Our decision log, replayed and line by line explained, gives the verdicts that are in it."""
    settings, written = policy(local_network="10.0.0.0/8"), list[str]()
    log = DecisionLog(written.append, as_json=as_json, clock=lambda: 1_795_544_587.25)
    replay = Replay(settings)
    for asked in LOGGED:
        transaction = Transaction(0, "", None, None, None, b"", b"", (), asked)
        log.record("1-1", asked, replay._decide(replay._policy, transaction.asked or asked), "554 x", False)
    read = read_log(tmp_path, "".join(f"{line}\n" for line in written).encode())
    decided = [(each.decision.word, each.decision.rule) for each in replayed(read, settings)]
    logged = [logged_decision(line) for line in written]
    assert [(each.verdict, each.rule) for each in logged] == decided
    assert decided == [
        (said.verdict, said.rule) for each in logged for said in [explain_request(settings, each.request)]
    ]
    assert {"permit", "reject"} == {verdict for verdict, _ in decided}
    assert [1_795_544_587.25] * len(LOGGED) == [each.time for each in read]


def strangers() -> list[Transaction]:
    """A stranger's mail, relayed, and delivered here, and refused."""
    log = MESSAGE.replace(", sasl_method=PLAIN, sasl_username=alice@example.org", "")
    return joined(log.replace("orig_to=<all@example.org>", "orig_to=<all@forgotten.example>"))[0]


def found(read: list[Transaction], settings: PolicySettings) -> str:
    """What is printed."""
    summary = Found()
    for decided in replayed(read, settings):
        summary.add(decided)
    return "\n".join(lines(summary, Gaps(), 0, 0))


def test_what_would_be_lost() -> None:
    """Accepted mail that would be refused, by rule, client, login and domain; and of it what was sent on."""
    said = found(strangers(), policy())
    assert "Accepted, and would be refused: 2 recipients" in said
    for line in ("2  no-rule", "2  192.0.2.7", "2  (none)", "1  example.com", "1  forgotten.example"):
        assert f"\n           {line}" in said.replace("\n    " + " " * 7, "\n           ")
    relayed = said.partition("Of these, sent on")[2]
    assert "to <v@example.com>: reject by no-rule: no rule permits" in relayed
    assert "forgotten" not in relayed


def test_nothing_would_be_lost() -> None:
    """Where all is permitted, that is said."""
    said = found(strangers(), policy(local_network="192.0.2.0/24"))
    assert "No mail that was accepted would be refused." in said
    assert "No mail was seen to be relayed for strangers." in said


def test_what_a_limit_touches() -> None:
    """By the limit, and by login; the MTA's own refusals are charged to nobody."""
    log = "".join(MESSAGE.replace("9AF0820D46F", f"{number:X}A") for number in range(3))
    said = found(joined(log)[0], policy(ledger="memory:", limit="2 recipients/day per login"))
    touched = said.partition("Touched by limits")[2]
    assert "over 2 recipients/day" in touched
    assert "1  alice@example.org" in touched


def test_no_ledger_is_touched(tmp_path: Path) -> None:
    """A ledger that is named is left alone: what a replay charges is in memory."""
    (tmp_path / "d").mkdir(mode=0o700)
    settings = policy(ledger=f"sqlite:{tmp_path}/d/ledger.db")
    assert all(each.permits for each in replayed(joined(MESSAGE)[0], settings) if each.recipient.accepted)
    assert not (tmp_path / "d" / "ledger.db").exists()


def suggested(read: list[Transaction], settings: PolicySettings) -> str:
    """Lines for the configuration."""
    suggestions = Suggestions()
    for decided in replayed(read, settings):
        suggestions.add(decided)
    return "\n".join(suggestions.lines())


def test_suggestions(tmp_path: Path) -> None:
    """A domain whose mail was delivered here, and a private client: with these lines, all is permitted."""
    read = [each._replace(client="10.1.2.3") for each in strangers()]
    (tmp_path / "c").write_text(suggested(read, policy()).replace("[  #", '[ "example.org",  #', 1))
    settings = read_toml(tmp_path / "c")
    assert [True, True] == [each.permits for each in replayed(read, settings) if each.recipient.accepted]


def test_loopback_is_not_lost() -> None:
    """Who has named no network yet is told which ones hold until one is named."""
    said = suggested([each._replace(client="10.1.2.3") for each in strangers()], policy())
    assert "local-network = [  # beside the entries that it has, or else 127.0.0.0/8 and ::1\n" in said


def read_toml(path: Path) -> PolicySettings:
    """Of a configuration file alone."""
    return read(Flags({}, path)).settings.policy


def test_a_public_client_is_a_comment() -> None:
    """What would open something to a public address has to be taken out of a comment by hand; so has a limit."""
    said = suggested([each._replace(client="8.8.8.8") for each in strangers()], policy())
    opened = said.partition("8.8.8.8")[2]
    assert '#networks = ["8.8.8.8"]' in opened
    assert '#to = ["example.com"]' in opened
    assert not [line for line in opened.splitlines()[1:] if not line.startswith("#")]


def test_many_strangers_make_a_relay_domain() -> None:
    """A domain to which several clients' mail was sent on is one to relay for, rather than each a client to trust."""
    read = [each._replace(client=f"8.8.8.{number}") for number in range(3) for each in strangers()]
    said = suggested(read, policy())
    assert "relay-domain = [  # beside the entries that it has\n    # to be confirmed: sent on: 3 recipients" in said
    assert "grant" not in said


def test_learned(tmp_path: Path) -> None:
    """What a login did is in the ledger: the past days and the recipients; a second time nothing is added."""
    (tmp_path / "d").mkdir(mode=0o700)
    settings = policy(ledger=f"sqlite:{tmp_path}/d/ledger.db")
    one = next(people())
    one.trace()
    past = [event for event in one.events if event[0] < START + 30 * 86_400]
    read = read_log(tmp_path, postfix_log(past, "alice"))
    learning, again = Learning(settings), Learning(settings)
    for transaction in read:
        learning.take(transaction)
    assert learning.learned.recipients == len(past)
    for transaction in read:
        again.take(transaction)
    assert (0, {"login alice"}) == (again.learned.recipients, again.learned.known)
    assert ["Recipients learned: 0, of logins: 0", "Logins left as they are, since the ledger knows them: 1"] == list(
        again.learned.lines()
    )


def test_a_theft_is_not_learned(tmp_path: Path) -> None:
    """What looks like one is told, not learned, and the login stands well."""
    one = next(people())
    one.trace()
    at = START + 60 * 86_400
    past = [event for event in one.events if event[0] < at]
    read = read_log(tmp_path, postfix_log([*past, *islice(botnet(Random(1), one, at), 300)], "alice"))
    (tmp_path / "d").mkdir(mode=0o700)
    learning = Learning(policy(ledger=f"sqlite:{tmp_path}/d/ledger.db"))
    for transaction in read:
        learning.take(transaction)
    assert len(past) <= learning.learned.recipients <= len(past) + 40
    [row] = learning.learned.strange
    assert "alice" == row.name
    assert row.times + learning.learned.recipients == len(past) + 300


def test_the_same_is_said_to_the_same(tmp_path: Path) -> None:
    """What is remembered of an envelope is what would be decided anew, and of a grant until its day ends."""
    (tmp_path / "c").write_text(
        'local-domain = ["example.org"]\n[[grant]]\nnetworks = ["192.0.2.0/24"]\nuntil = 2026-11-24\n'
    )
    settings, read = read_toml(tmp_path / "c"), strangers()
    later = [each._replace(time=each.time + 86_400) for each in read]
    other = [each._replace(client="198.51.100.7") for each in read]
    many = [*read, *other, *read, *later, *later]
    anew = [(each.decision, each.permits) for one in many for each in replayed([one], settings)]
    assert anew == [(each.decision, each.permits) for each in replayed(many, settings)]
    assert {True, False} == {permits for _, permits in anew}
