"""The command line: what there is, what is wrong with it, and the exit statuses of sysexits.h."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from relaymilter.config.option import AnyOption, Kind
from relaymilter.config.options import GROUPS, OPTIONS, POLICY
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, Reading

from .conftest import Outcome, Run

# Versions of click differ in it.
PUNCTUATION = re.compile(r"[':.]")


def options_in(help_text: str) -> set[str]:
    """The long flags that help lists."""
    return {
        name for line in help_text.splitlines() if re.match(r"  -", line) for name in re.findall(r"--([a-z-]+)", line)
    }


def test_help_of_run(relaymilter: Run) -> None:
    """`run --help` lists every option there is, and what only a command line has."""
    assert options_in(relaymilter("run", "--help").out) == {*OPTIONS, "config", "check", "version", "help"}


def test_help_of_explain(relaymilter: Run) -> None:
    """`explain --help` lists every option of the policy, and none of the daemon."""
    asked = {"client", "login", "helo", "sender", "recipient", "rcpt-addr", "json", "config", "help"}
    asked |= {"line", "mechanism", "tls", "listener", "cert-subject", "cert-issuer", "cert-fingerprint"}
    assert options_in(relaymilter("explain", "--help").out) == {option.key for option in POLICY} | asked


def sections_of(help_text: str) -> dict[str, list[str]]:
    """The long flags under each heading of help, in their order."""
    found: dict[str, list[str]] = {}
    for part in help_text.split("\n\n")[2:]:
        heading, _, listed = part.partition(":\n")
        found[heading] = re.findall(r"^  (?:-\w, )*--([a-z-]+)", listed, re.MULTILINE)
    return found


def test_help_is_grouped(relaymilter: Run) -> None:
    """Options stand under the headings of their subjects, what a command line alone has before them."""
    sections = sections_of(relaymilter("run", "--help").out)
    assert sections.pop("Options") == ["check", "version", "config", "help"]
    assert list(sections.items()) == [(group.heading, [option.key for option in group.options]) for group in GROUPS]


def test_help_of_explain_is_grouped(relaymilter: Run) -> None:
    """`explain` has the headings of what decides, and those alone."""
    headings = ["Options", *(group.heading for group in GROUPS if group.decides)]
    assert list(sections_of(relaymilter("explain", "--help").out)) == headings


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_help_text(relaymilter: Run, option: AnyOption) -> None:
    """Help has an option's own words, its default, and whether it may be repeated."""
    text = " ".join(relaymilter("run", "--help").out.split())
    assert " ".join(option.help.split()) in text
    assert not option.default_words or f"[default: {option.default_words}]" in text
    assert all(f"{short}, --{option.key}" in text for short in option.short)


@pytest.mark.parametrize("words", [("-h",), ("--help",), ("run", "-h"), ("explain", "-h")], ids=" ".join)
def test_help_status(relaymilter: Run, words: tuple[str, ...]) -> None:
    """Help is no error."""
    outcome = relaymilter(*words)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith("Usage: ")


@pytest.mark.parametrize("words", [("-V",), ("--version",), ("run", "-V"), ("run", "--version")], ids=" ".join)
def test_version(relaymilter: Run, words: tuple[str, ...]) -> None:
    """-V has the versions that a bug report needs, on one line."""
    outcome = relaymilter(*words)
    number = r"\d+(\.\d+)+\S*"
    pattern = rf"relaymilter {number} \(pymilter {number}, dnspython {number}, click {number}, Python {number}\)\n"
    assert re.fullmatch(pattern, outcome.out)
    assert outcome.status == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Missing command"),
        (("frobnicate",), "No such command frobnicate"),
        (("--frobnicate",), "No such option --frobnicate"),
        (("run", "--frobnicate"), "No such option --frobnicate"),
        (("run", "-z"), "No such option -z"),
        (("run", "extra"), "Got unexpected extra argument (extra)"),
        (("run", "--socket"), "Option --socket requires an argument"),
        (("run", "--dry-run=yes"), "Option --dry-run does not take a value"),
        (("explain", "--socket", "unix:/x"), "No such option --socket"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_usage(relaymilter: Run, words: tuple[str, ...], message: str) -> None:
    """What is no command and no flag is wrong usage: 64."""
    outcome = relaymilter(*words)
    assert (outcome.status, outcome.out) == (64, "")
    assert message in PUNCTUATION.sub("", " ".join(outcome.err.split()))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rnu",), "relaymilter: No such command: rnu; did you mean run?"),
        (("explian", "-h"), "relaymilter: No such command: explian; did you mean explain?"),
        (("frobnicate",), "relaymilter: No such command: frobnicate; see relaymilter --help"),
        ((), "relaymilter: Missing command; see relaymilter --help"),
        (("--versoin",), "relaymilter: No such option: --versoin; did you mean --version?"),
        (
            ("run", "--local-domains", "x"),
            "relaymilter run: No such option: --local-domains; did you mean --local-domain?",
        ),
        (("explain", "--recipent=x"), "relaymilter explain: No such option: --recipent; did you mean --recipient?"),
        (("run", "-z"), "relaymilter run: No such option: -z; see relaymilter run --help"),
        (("run", "extra"), "relaymilter run: Got unexpected extra argument (extra); see relaymilter run --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_one_line(relaymilter: Run, words: tuple[str, ...], said: str) -> None:
    """Wrong usage is one line that names the command, and the nearest name to one that is misspelt."""
    assert relaymilter(*words) == Outcome(64, "", said + "\n")


@pytest.mark.parametrize("words", [("import",), ("import", "exim"), ("import", "postfix", "/", "x")], ids=" ".join)
def test_wrong_import(relaymilter: Run, words: tuple[str, ...]) -> None:
    """So is the usage of a command with arguments; the MTAs that there are stand in it."""
    outcome = relaymilter(*words)
    assert (outcome.status, outcome.out) == (64, "")
    assert re.fullmatch(r"relaymilter import: [^\n]+; see relaymilter import --help\n", outcome.err)
    assert len(words) > 2 or ("postfix" in outcome.err and "sendmail" in outcome.err)


@pytest.mark.parametrize(
    "words",
    [
        ("r\nn",),
        ("run", "a\nb"),
        ("run", "--local-domain", "file:/no\nwhere\x1b[2J"),
        ("import", "postfix", "/no\nwhere"),
        ("explain", "--recipient=<a@b>", "--client=a\nb"),
        ("explain", "--line=a\nb"),
    ],
    ids=ascii,
)
def test_error_with_a_line_feed(relaymilter: Run, words: tuple[str, ...]) -> None:
    """An error stays one line that drives no terminal, whatever was given."""
    outcome = relaymilter(*words)
    assert outcome.status in (64, 78)
    assert outcome.err.startswith("relaymilter")
    assert outcome.err.endswith("\n")
    assert outcome.err.removesuffix("\n").isprintable()


def test_output_that_cannot_be_written() -> None:
    """A full disk under standard output is an error in one line, too (EX_IOERR)."""
    command = [sys.executable, "-m", "relaymilter", "explain", "--client", "127.0.0.1", "--recipient", "<a@b.test>"]
    with Path("/dev/full").open("wb", buffering=0) as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (74, "relaymilter: standard output: No space left on device\n")


def test_bad_flags(relaymilter: Run) -> None:
    """Every bad value of a flag is named at once: 64."""
    outcome = relaymilter(
        "run", "--reply", "x", "--local-network", "192.0.2.1/24", "--local-network", "y", "-p", "inet:1"
    )
    assert (outcome.status, outcome.out) == (64, "")
    assert sorted(outcome.err.splitlines()) == [
        "relaymilter run: --local-network: 'y' is no network: give an IPv4 or IPv6 address or CIDR, such as "
        "192.0.2.0/24 or 2001:db8::/32",
        "relaymilter run: --local-network: 192.0.2.1/24 has host bits set: 192.0.2.0/24 was probably meant",
        "relaymilter run: --reply: 'x' is none of postfix, sendmail, defer",
        "relaymilter run: --socket: inet:1 names no address: give inet:1@127.0.0.1 for this machine alone",
    ]


@pytest.mark.parametrize("flag", ["-c", "-x", "--config"])
def test_bad_configuration(relaymilter: Run, flag: str) -> None:
    """Every mistake in the file, and in flags beside it, is named at once: 78."""
    Path("r.toml").write_text('reply = "x"\n\nfrobnicate = 1\n')
    outcome = relaymilter("run", flag, "r.toml", "--on-error", "permit")
    assert (outcome.status, outcome.out) == (78, "")
    assert sorted(outcome.err.splitlines()) == [
        "relaymilter: --on-error: 'permit' is none of defer, reject",
        "relaymilter: r.toml:1: reply: 'x' is none of postfix, sendmail, defer",
        "relaymilter: r.toml:3: frobnicate: no such key",
    ]


@pytest.mark.parametrize("flag", ["-n", "--check"])
def test_check(relaymilter: Run, folder: Path, flag: str) -> None:
    """-n checks, warns, and opens and writes nothing."""
    Path("r.toml").write_text('local-domain = [".com"]\n')
    outcome = relaymilter("run", flag, "-c", "r.toml", "-p", f"unix:{folder}/s", "-P", f"{folder}/pid")
    warning = "relaymilter: warning: r.toml:1: local-domain: .com stands for every domain that ends so\n"
    assert outcome == Outcome(0, "The configuration is sound.\n", warning)
    assert list(folder.iterdir()) == []


def test_check_finds_mistakes(relaymilter: Run) -> None:
    """-n has the status of the mistakes that it finds."""
    Path("r.toml").write_text("local-domain = 5\n")
    assert relaymilter("run", "-n", "-c", "r.toml").status == 78
    assert relaymilter("run", "-n", "--workers", "0").status == 64


@pytest.fixture
def given(relaymilter: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Flags]:
    """What `run` with these words hands to the reader."""
    seen: list[Flags] = []

    def read(flags: Flags) -> Reading:
        seen.append(flags)
        raise ConfigError(["--seen: enough"])

    monkeypatch.setattr(importlib.import_module("relaymilter.cli.run"), "read", read)

    def run(*words: str) -> Flags:
        assert relaymilter("run", *words).status == 64
        return seen[-1]

    return run


@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_flag(given: Callable[..., Flags], option: AnyOption) -> None:
    """Each long and short flag of an option comes to the reader by the option's key, as it was written."""
    for flag in (f"--{option.key}", *option.short):
        match option.kind:
            case Kind.SWITCH:
                assert given(flag) == Flags({option.key: ("yes",)})
            case Kind.LIST | Kind.TABLES:
                assert given(flag, " a ", flag, "b") == Flags({option.key: (" a ", "b")})
            case _:
                assert given(flag, "a", flag, "") == Flags({option.key: ("",)})


def test_no_flags(given: Callable[..., Flags]) -> None:
    """What is not given is not said, so that the file may say it."""
    assert given() == Flags({})
    assert given("-c", "x.toml") == Flags({}, Path("x.toml"))
