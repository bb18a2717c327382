"""Every option is documented where an administrator looks for it, with the default that it has; examples work."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import click
import pytest

from relaymilter.cli import relaymilter
from relaymilter.cli.explain import explain
from relaymilter.cli.logins import logins
from relaymilter.config.endpoint import InetEndpoint, UnixEndpoint, parse_endpoint
from relaymilter.config.listen import SOCKET
from relaymilter.config.option import AnyOption, Kind
from relaymilter.config.options import GROUPS, OPTIONS, POLICY
from relaymilter.config.reader import Flags, read
from relaymilter.daemon.control import USUAL_PATH
from tests.rig.daemon import ROOT
from tests.rig.postmap import postfix_commands

README = (ROOT / "README.rst").read_text()
HACKING = (ROOT / "HACKING.rst").read_text()
LOG_PAGE = (ROOT / "docs" / "log.rst").read_text()
SAMPLE = ROOT / "contrib" / "relaymilter.toml"
PAGES = [ROOT / "man" / "relaymilter.8", ROOT / "man" / "relaymilter.toml.5"]
each_option = pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)


def attach() -> ModuleType:
    """contrib/attach.py, which prints the lines for the MTAs."""
    spec = importlib.util.spec_from_file_location("attach", ROOT / "contrib" / "attach.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(*command: str) -> str:
    """What `relaymilter COMMAND` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "relaymilter", *command], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return done.stdout + done.stderr


def words(text: str) -> str:
    """The text with every stretch of blanks as one."""
    return " ".join(text.split())


def items(page: Path) -> dict[str, list[str]]:
    """What a man page says of each flag (`--key`) or key (`key`), as its reader sees it, in each place."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is missing: run contrib/test")
    shown = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=400", page], capture_output=True, check=True)
    text = re.sub(r".\x08", "", shown.stdout.decode())
    text = re.sub(r"^ {0,3}\S.*$", "", text, flags=re.MULTILINE)  # headings
    found: dict[str, list[str]] = {}
    for paragraph in text.split("\n\n"):
        tag = paragraph.strip().partition("\n")[0]
        key = re.match(r"(?:-\w, )*(--[a-z0-9-]+)|([a-z-]+) \((?:list|tables|text|number|switch)\)", tag)
        if key:
            found.setdefault(key[1] or key[2], []).append(words(paragraph))
    return found


def default_words(option: AnyOption) -> str:
    """How a man page ends what it says of an option."""
    return f"Default: {option.default_words}." if option.default_words else "No default."


@pytest.fixture(scope="module")
def flags_in_man() -> dict[str, list[str]]:
    return items(PAGES[0])


@pytest.fixture(scope="module")
def keys_in_man() -> dict[str, list[str]]:
    return items(PAGES[1])


@pytest.fixture(scope="module")
def run_help() -> str:
    return words(printed("run", "--help"))


@each_option
def test_help_has_every_option(option: AnyOption, run_help: str) -> None:
    """`run --help` has the flag, its short forms, and its default."""
    flag = ", ".join([*option.short, f"--{option.key}"])
    assert f" {flag} " in run_help
    said = run_help.split(f" {flag} ", 1)[1].split(" --", 1)[0]
    assert option.default_words == "" or f"[default: {option.default_words}]" in said


@each_option
def test_man_page_has_every_flag(option: AnyOption, flags_in_man: dict[str, list[str]]) -> None:
    """relaymilter(8) has the flag, its short forms, and its default."""
    begin, end = ", ".join([*option.short, f"--{option.key}"]), default_words(option)
    said = [text for text in flags_in_man[f"--{option.key}"] if text.startswith(begin)]
    assert any(option.kind is Kind.SWITCH or text.endswith(end) for text in said)


@each_option
def test_man_page_has_every_key(option: AnyOption, keys_in_man: dict[str, list[str]]) -> None:
    """relaymilter.toml(5) has the key, its kind, and its default."""
    said = keys_in_man[option.key][-1]
    assert said.startswith(f"{option.key} ({option.kind.value})")
    assert said.endswith("Default: false." if option.kind is Kind.SWITCH else default_words(option))


_CONTEXT = click.Context(relaymilter)
_NAMES = relaymilter.list_commands(_CONTEXT)
COMMANDS = [*filter(None, (relaymilter.get_command(_CONTEXT, name) for name in _NAMES)), *logins.commands.values()]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_man_page_has_every_other_flag(command: click.Command, flags_in_man: dict[str, list[str]]) -> None:
    """relaymilter(8) has what is no option of the table too: the flags of `explain`, --check and the like."""
    context = click.Context(command, help_option_names=["-h", "--help"])
    wanted = {name for option in command.get_params(context) for name in option.opts if name.startswith("--")}
    assert wanted <= flags_in_man.keys()


def test_man_pages_name_nothing_else(flags_in_man: dict[str, list[str]], keys_in_man: dict[str, list[str]]) -> None:
    """No man page has a flag or a key that is not there."""
    there = {name for command in COMMANDS for option in command.params for name in option.opts}
    assert flags_in_man.keys() <= there | {"--help"}
    assert keys_in_man.keys() == OPTIONS.keys()


def test_man_page_has_every_command() -> None:
    """relaymilter(8) has every command in its synopsis."""
    synopsis = PAGES[0].read_text().partition(".Sh DESCRIPTION")[0]
    named = dict.fromkeys(re.findall(r"^\.Nm\n\.Cm (\w+)", synopsis, re.MULTILINE))
    assert [*named] == sorted(_NAMES, reverse=True)
    of_logins = re.findall(r"^\.Nm\n\.Cm logins\n\.Cm (.+)", synopsis, re.MULTILINE)
    assert " | ".join(of_logins).split(" | ") == ["list", "show", "suspend", "release", "forget"]
    assert {*" | ".join(of_logins).split(" | ")} == logins.commands.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_man_page_is_clean(page: Path) -> None:
    """mandoc has nothing to say against a man page, but that this machine lacks others that it refers to."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is missing: run contrib/test")
    done = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True)
    elsewhere = re.compile("referenced manual not found|outdated mandoc.db|mandoc.db: No such file")
    assert [line for line in done.stdout.splitlines() if not elsewhere.search(line)] == []


def uncommented(text: str) -> str:
    """The sample with every key in force."""
    return re.sub(r"^#(?=[a-z-]+ = )", "", text, flags=re.MULTILINE)


def test_sample_sets_nothing() -> None:
    """The sample configuration, as it stands, is sound and changes nothing."""
    assert tomllib.loads(SAMPLE.read_text()) == {}
    assert read(Flags({}, SAMPLE)).settings == read(Flags({})).settings


def test_sample_is_sound_with_every_key(tmp_path: Path) -> None:
    """With every key uncommented the sample has every option, in values that are taken without a warning."""
    every = tmp_path / "every.toml"
    (tmp_path / "lib").mkdir(mode=0o700)
    text = uncommented(SAMPLE.read_text()).replace("/var/lib/relaymilter", f"{tmp_path}/lib")
    every.write_text(text.replace("/etc/relaymilter/ledger.key", f"{tmp_path}/lib/ledger.key"))
    assert tomllib.loads(every.read_text()).keys() == OPTIONS.keys()
    with postfix_commands(tmp_path):
        assert read(Flags({}, every)).warnings == ()


def test_sample_is_grouped() -> None:
    """The sample has the options in their order, under the headings of their subjects."""
    parts = re.split(r"^# -- (.*) --$", SAMPLE.read_text(), flags=re.MULTILINE)[1:]
    keys = [re.findall(r"^#([a-z-]+) = ", part, re.MULTILINE) for part in parts[1::2]]
    shown = list(zip(parts[::2], keys, strict=True))
    assert shown == [(group.heading, [option.key for option in group.options]) for group in GROUPS]


@each_option
def test_sample_shows_the_default(option: AnyOption, tmp_path: Path) -> None:
    """A key in the sample has its default; where there is none the line before says so."""
    comment, line = re.findall(rf"^# (.*)\n#({option.key} = .*)$", SAMPLE.read_text(), re.MULTILINE)[0]
    assert comment.endswith("Example:") == (tomllib.loads(line)[option.key] not in (False, *defaults(option)))
    if not comment.endswith("Example:"):
        alone = tmp_path / "alone.toml"
        alone.write_text(line)
        assert read(Flags({}, alone)).settings == read(Flags({})).settings


def defaults(option: AnyOption) -> tuple[object, ...]:
    """How the sample may write the default."""
    return (
        option.default_words,
        option.default_words.split(" and "),
        int(option.default_words) if option.default_words.isdigit() else None,
    )


def test_readme_opens_with_the_two_commands() -> None:
    """The first that README.rst says is how to start it and how to test it."""
    assert re.findall(r"^    (\S+) +# ", README.split("\n\n")[2], re.MULTILINE) == ["contrib/start", "contrib/test"]


SOCKETS = [SOCKET.default[0], "unix:/var/spool/postfix/relaymilter/milter.sock"]


@pytest.mark.parametrize("socket", SOCKETS)
def test_readme_has_the_lines_for_postfix(socket: str) -> None:
    """What README.rst tells to put into main.cf is what contrib/start prints."""
    endpoint = parse_endpoint(socket)
    assert isinstance(endpoint, UnixEndpoint | InetEndpoint)
    assert "::\n\n" + attach().indented(attach().main_cf(endpoint)) + "\n\n" in README


def test_readme_has_the_line_for_sendmail() -> None:
    """What README.rst tells to put into sendmail.mc is what contrib/start prints."""
    endpoint = parse_endpoint(SOCKET.default[0])
    assert "::\n\n" + attach().indented(attach().sendmail_mc(endpoint)) + "\n\n" in README


def test_unit_has_the_socket_of_readme() -> None:
    """The systemd unit opens the unix socket that README.rst attaches Postfix to."""
    unit = (ROOT / "contrib" / "relaymilter.socket").read_text()
    assert re.findall(r"^ListenStream=(.*)", unit, re.MULTILINE) == [SOCKETS[1].removeprefix("unix:")]


def test_units_agree() -> None:
    """The service takes sockets by the names that the socket units give them; `status` asks where one of them is."""
    service, milter, control = (
        (ROOT / "contrib" / name).read_text()
        for name in ("relaymilter.service", "relaymilter.socket", "relaymilter-control.socket")
    )
    names = [re.findall(r"^FileDescriptorName=(.*)", unit, re.MULTILINE) for unit in (milter, control)]
    start = re.search(r"^ExecStart=.* run (.*)", service, re.MULTILINE)
    assert start is not None
    assert start[1].startswith(f"-p fd:{names[0][0]} --control fd:{names[1][0]} -c ")
    assert re.findall(r"^(?:ListenStream|SocketMode)=(.*)", control, re.MULTILINE) == [USUAL_PATH, "0600"]
    for key in ("Requires", "After", "Sockets", "Also"):
        assert f"\n{key}=relaymilter.socket relaymilter-control.socket\n" in service
    metrics = (ROOT / "contrib" / "relaymilter-metrics.socket").read_text()
    (name,) = re.findall(r"^FileDescriptorName=(.*)", metrics, re.MULTILINE)
    assert f'`metrics = "fd:{name}"`' in metrics


@pytest.mark.parametrize("page", ["README.rst", "docs/howto/check.rst", "docs/howto/logins.rst"])
def test_manual_shows_what_explain_prints(page: str) -> None:
    """The example of `explain` on a page of the manual is what it prints."""
    blocks = [part.split("\n\n")[0] for part in (ROOT / page).read_text().split("    $ python3 -m relaymilter ")[1:]]
    assert blocks != []
    for block in blocks:
        command, _, expected = block.replace("\\\n", " ").partition("\n")
        assert printed(*shlex.split(command)) == re.sub("^    ", "", expected, flags=re.MULTILINE) + "\n"


def test_manual_shows_a_line_that_explain_takes() -> None:
    """The log line in docs/log.rst, fed to `explain` field by field, gives the verdict and the reply in it."""
    line = re.search(r"^    decision (.*)", LOG_PAGE, re.MULTILINE)
    assert line is not None
    fields = dict(word.split("=", 1) for word in shlex.split(line[1]))
    asked = [f"--{name}={fields[name]}" for name in ("client", "helo", "sender", "recipient")]
    said = printed("explain", *asked)
    assert f"verdict: {fields['verdict']}\nrule:    {fields['rule']}\nreply:   {fields['reply']}\n" in said


def test_manual_has_every_field_of_a_log_line() -> None:
    """The table in docs/log.rst has the fields of the line that it shows, in their order."""
    line = re.search(r"^    decision (.*)", LOG_PAGE, re.MULTILINE)
    assert line is not None
    fields = [word.split("=", 1)[0] for word in shlex.split(line[1])]
    assert re.findall(r"^``(\w+)``  ", LOG_PAGE, re.MULTILINE)[: len(fields)] == fields


def test_hacking_names_every_folder() -> None:
    """The layout in HACKING.rst has every folder of the package."""
    folders = {f"relaymilter/{path.parent.name}/" for path in (ROOT / "relaymilter").glob("*/__init__.py")}
    assert set(re.findall(r"^``(relaymilter/\w+/)``", HACKING, re.MULTILINE)) == folders


def test_explain_has_the_policy_options() -> None:
    """`explain` takes every option that decides."""
    assert {option.key for option in POLICY} <= {name[2:] for param in explain.params for name in param.opts}
