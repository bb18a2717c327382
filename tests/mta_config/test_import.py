"""`relaymilter import` prints what `relaymilter run` takes, and `--mta` does the same at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from relaymilter.audit.importer import toml_of
from relaymilter.cli.import_ import import_
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, Reading, read
from relaymilter.mta import registry
from relaymilter.mta.settings import MtaSettings, Remark, Setting
from tests.cli.conftest import Run
from tests.cli.conftest import relaymilter as _relaymilter
from tests.rig.postmap import configured, postfix_commands, why_no_postmap
from tests.tables.kinds.postfix import write_patterns, write_source

relaymilter = _relaymilter

MAIN_CF = """myhostname = mx.example.org
mydestination = $myhostname, localhost, hash:{folder}/domains
virtual_alias_maps = hash:{folder}/aliases
virtual_mailbox_domains = pcre:{folder}/patterns
relay_domains = relay.test, cdb:{folder}/relay, hash:{folder}/relayed
mynetworks = cidr:{folder}/networks hash:{folder}/addresses !192.0.2.1 192.0.2.0/24 [2001:db8::]/32 mail.test
inet_interfaces = 127.0.0.1
proxy_interfaces = 192.0.2.25
inet_protocols = ipv4
"""

LOCAL = {"mx.example.org", "localhost", "map.test", "alias.test", "[127.0.0.1]", "[192.0.2.25]"}
RELAYED = {"relay.test", ".relay.test", "relayed.test", ".relayed.test"}
NETWORKS = {"!192.0.2.1/32", "192.0.2.0/24", "2001:db8::/32", "198.51.100.0/24", "203.0.113.7/32"}


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Path]:
    """The configuration of a Postfix with maps of many types."""
    if reason := why_no_postmap():
        pytest.skip(reason)
    with postfix_commands(tmp_path / "commands"):
        write_source(tmp_path / "domains", "hash", {"map.test": "x", ".sub.test": "x"})
        aliases = {"alias.test": "x", "a@alias.test": "b", "@c.test": "d", "user": "e@alias.test", ".f.test": "g"}
        write_source(tmp_path / "aliases", "hash", aliases)
        write_patterns(tmp_path / "patterns", "pcre", {"pattern.test": "x"})
        write_source(tmp_path / "relay", "cdb", {"cdb.test": "x"})
        write_source(tmp_path / "relayed", "hash", {"relayed.test": "x", ".dot.test": "x"})
        (tmp_path / "networks").write_text("198.51.100.0/24 OK\n")
        write_source(tmp_path / "addresses", "hash", {"203.0.113.7": "x", "203.0.113.0/24": "x", "host.test": "x"})
        yield configured(tmp_path / "conf", MAIN_CF.format(folder=tmp_path))


def known(reading: Reading) -> tuple[set[str], set[str], set[str]]:
    """Local domains, relay domains, and local networks."""
    policy = reading.settings.policy
    local, relayed = policy.local.domains.known, policy.local.relay_domains.known
    assert isinstance(local, frozenset)
    assert isinstance(relayed, frozenset)
    return {*local}, {*relayed}, {str(network) for network in policy.local.networks.known}


def asked(reading: Reading) -> list[str]:
    """The tables that are asked, in the lists of local and relay domains."""
    policy = reading.settings.policy
    return [table.name for table in (*policy.local.domains.asked, *policy.local.relay_domains.asked)]


def test_taken(conf: Path, tmp_path: Path) -> None:
    """`--mta` gives what Postfix has: names, what is in its maps, and maps to ask; nothing else, no default."""
    reading = read(Flags({"mta": (f"postfix:{conf}",)}))
    assert known(reading) == (LOCAL | {"user"}, RELAYED, NETWORKS)
    assert asked(reading) == [
        f"postfix:exact:{conf}:pcre:{tmp_path}/patterns",
        f"postfix:parents:{conf}:cdb:{tmp_path}/relay",
    ]
    assert [warning for warning in reading.warnings if "mail.test" in warning]
    wanted = {
        conf / "main.cf",
        conf / "master.cf",
        tmp_path / "domains.db",
        tmp_path / "networks",
        tmp_path / "patterns",
    }
    assert wanted <= reading.files


def test_printed(conf: Path, tmp_path: Path, relaymilter: Run) -> None:
    """`import` prints a file that is taken without a mistake, and comes to the same."""
    printed = relaymilter("import", "postfix", str(conf))
    assert (printed.status, printed.err) == (0, "")
    file = tmp_path / "printed.toml"
    file.write_text(printed.out)
    checked = relaymilter("run", "--check", "-c", str(file))
    assert (checked.status, checked.out) == (0, "The configuration is sound.\n")
    ours, theirs = read(Flags({}, file)), read(Flags({"mta": (f"postfix:{conf}",)}))
    assert known(ours) == known(theirs)
    assert asked(ours) == asked(theirs)
    assert "    # ! postfix: mynetworks: mail.test is not carried over: names of clients are not asked\n" in printed.out


def test_map_without_domains(conf: Path, tmp_path: Path) -> None:
    """That virtual_alias_maps, where virtual_alias_domains are by default, have no domain is nothing to warn of."""
    write_source(tmp_path / "aliases", "hash", {"a@alias.test": "b"})
    reading = read(Flags({"mta": (f"postfix:{conf}",)}))
    assert [warning for warning in reading.warnings if "aliases" in warning] == []


def test_added_to_what_is_named(conf: Path) -> None:
    """What flags name stays, and is first."""
    given = {"local-domain": ("own.test",), "local-network": ("10.0.0.0/8",), "mta": (f"postfix:{conf}",)}
    local, _, networks = known(read(Flags(given)))
    assert LOCAL | {"own.test"} <= local
    assert networks == NETWORKS | {"10.0.0.0/8"}


def test_read_again(conf: Path) -> None:
    """A domain that is added to main.cf is there at the next reading."""
    flags = Flags({"mta": (f"postfix:{conf}",)})
    assert "new.test" not in known(read(flags))[0]
    configured(conf, MAIN_CF.format(folder=conf.parent).replace("localhost,", "localhost, new.test,"))
    assert "new.test" in known(read(flags))[0]


def test_missing_map(conf: Path, tmp_path: Path, relaymilter: Run) -> None:
    """A map that is not there is a mistake for `--mta`, and a comment with the reason for `import`."""
    (tmp_path / "domains.db").unlink()
    reason = f"{tmp_path}/domains.db: No such file or directory: run postmap hash:{tmp_path}/domains"
    with pytest.raises(ConfigError) as error:
        read(Flags({"mta": (f"postfix:{conf}",)}))
    assert error.value.problems == [f"postfix: mydestination: {reason}"]
    printed = relaymilter("import", "postfix", str(conf)).out
    assert f'    # ! {reason}\n    # "postfix:exact:{conf}:hash:{tmp_path}/domains",\n' in printed
    assert tomllib.loads(printed)["local-domain"][:2] == ["mx.example.org", "localhost"]


@pytest.mark.parametrize(
    ("mta", "words"),
    [
        ("exim", "'exim' is no MTA that is known: give postfix or sendmail, and perhaps :/DIR"),
        ("postfix:", "postfix: names no folder: give postfix, or postfix:/DIR"),
        ("postfix:/none", "open /none/main.cf: No such file or directory"),
    ],
)
def test_no_such_mta(mta: str, words: str, request: pytest.FixtureRequest) -> None:
    """An MTA that is none, or has no configuration, is a mistake."""
    request.getfixturevalue("conf")
    with pytest.raises(ConfigError) as error:
        read(Flags({"mta": (mta,)}))
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith("--mta: ")
    assert words in error.value.problems[0]


def test_import_of_none(conf: Path, relaymilter: Run) -> None:
    """Where nothing can be read nothing is printed, and the status says so."""
    outcome = relaymilter("import", "postfix", f"{conf}/none")
    assert (outcome.status, outcome.out) == (78, "")
    assert outcome.err.startswith("relaymilter: postconf: open ")
    assert relaymilter("import", "exim").status == 64


def test_hostile_text() -> None:
    """No name and no remark ends a line or a string of the file."""
    hostile = 'a"]\n[evil]\nx = "\x7f\x00\\'
    found = MtaSettings(
        (Setting("local-domain", hostile, hostile), Setting("local-domain", "b.test", "c", subdomains=True)),
        (Remark(hostile, hostile), Remark("c\nd", "e\nf")),
    )
    assert tomllib.loads(toml_of(found, "postfix")) == {"local-domain": ["b.test", ".b.test"]}


def test_remarks_stand_at_their_lines() -> None:
    """A remark is above the settings of its place; one of no setting's place is at the top."""
    found = MtaSettings(
        (Setting("local-domain", "a.test", "place a"), Setting("relay-domain", "b.test", "place b")),
        (Remark("place b", "look"), Remark("nowhere", "listen")),
    )
    assert toml_of(found, "x") == (
        '# The domains and networks of x, for relaymilter; "# !" marks what an administrator should look at.\n'
        "# ! nowhere: listen\n\n"
        'local-domain = [\n    # place a\n    "a.test",\n]\n\n'
        'relay-domain = [\n    # place b\n    # ! place b: look\n    "b.test",\n]\n'
    )


def test_doubtful_entries() -> None:
    """What `run --check` warns of stands above its entry; an exclusion alone is nothing to warn of there."""
    networks = ("172.0.0.0/8", "!192.0.2.1/32")
    found = MtaSettings(tuple(Setting("local-network", network, "place") for network in networks))
    assert toml_of(found, "x").partition("place\n")[2] == (
        "    # ! 172.0.0.0/8 holds public addresses of many owners: 172.16.0.0/12 was probably meant\n"
        '    "172.0.0.0/8",\n    "!192.0.2.1/32",\n]\n'
    )


def test_mtas_of_the_command() -> None:
    """The command knows the MTAs that the option knows."""
    [mta] = [parameter for parameter in import_.params if parameter.name == "mta"]
    assert tuple(mta.type.choices) == registry.MTAS  # type: ignore[attr-defined]
