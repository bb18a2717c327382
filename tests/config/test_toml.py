"""The configuration file: what in it is no TOML, no key, or of the wrong type, and the line of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read

from .written import FILE, problems, settings


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("local-domains", "local-domain"),
        ("local_domain", "local-domain"),
        ("Local-Network", "local-network"),
        ("authorized-login", "authorised-login"),
        ("sockets", "socket"),
        ("pid-file", "pidfile"),
    ],
)
def test_misspelt_key(key: str, meant: str) -> None:
    """An unknown key is refused with the one that was probably meant."""
    assert [f"relaymilter.toml:2: {key}: no such key: did you mean {meant}?"] == problems(f'# ours\n{key} = "x"\n')


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("frobnicate = 1\n", "relaymilter.toml:1: frobnicate: no such key"),
        ('\n"x y" = 1\n', "relaymilter.toml:2: x y: no such key"),
        ('[daemon]\nsocket = "unix:/x"\n', "relaymilter.toml:1: daemon: no such key"),
        ('\n[[policy]]\nreply = "defer"\n', "relaymilter.toml:2: policy: no such key"),
        ('config = "x"\n', "relaymilter.toml:1: config: no such key"),
        ("check = true\n", "relaymilter.toml:1: check: no such key"),
    ],
    ids=["bare", "quoted", "table", "array of tables", "a flag of the command line alone", "another"],
)
def test_unknown_key(toml: str, problem: str) -> None:
    """An unknown key is never passed over."""
    assert [problem] == problems(toml)


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("local-domain = true", "local-domain: wants a list of strings"),
        ("local-domain = 1", "local-domain: wants a list of strings"),
        ("local-domain = { a = 1 }", "local-domain: wants a list of strings"),
        ("local-domain = [1]", "local-domain: wants a list of strings"),
        ("local-domain = [true]", "local-domain: wants a list of strings"),
        ('local-domain = [["a.test"]]', "local-domain: wants a list of strings"),
        ("local-network = 2024-01-01", "local-network: wants a list of strings"),
        ('[local-network]\nx = "y"', "local-network: wants a list of strings"),
        ('pidfile = ["/x"]', "pidfile: wants one string"),
        ("pidfile = []", "pidfile: wants one string"),
        ("socket = 8894", "socket: wants a list of strings"),
        ("socket = false", "socket: wants a list of strings"),
        ("socket.path = '/x'", "socket: wants a list of strings"),
        ("socket-mode = 0o660", "socket-mode: wants one string"),
        ("socket-mode = 660", "socket-mode: wants one string"),
        ("reply-code = [554]", "reply-code: wants one number"),
        ("reply-code = true", "reply-code: wants one number"),
        ("stop-timeout = []", "stop-timeout: wants one number"),
        ('dry-run = "yes"', "dry-run: wants true or false"),
        ("dry-run = 1", "dry-run: wants true or false"),
        ("dry-run = [true]", "dry-run: wants true or false"),
        ('verbose = ""', "verbose: wants true or false"),
    ],
)
def test_wrong_type(toml: str, problem: str) -> None:
    """A value of the wrong type is refused, not converted: 0o660 would be the mode 432."""
    assert [f"relaymilter.toml:1: {problem}"] == problems(f"{toml}\n")


def test_one_string_is_a_list() -> None:
    """A list of one may be written as a string."""
    assert frozenset({"a.test"}) == settings('local-domain = "a.test"\n').policy.local.domains.known


@pytest.mark.parametrize("value", ["554", '"554"'])
def test_number(value: str) -> None:
    """A number may be written as one, or as a string."""
    assert settings(f"reply-code = {value}\n").policy.refusals.relay_denied.code == 554


def test_switch_turned_off() -> None:
    """`false` is what it was without the key."""
    assert not settings("dry-run = false\n").daemon.dry_run


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ("local-domain\n", "relaymilter.toml:1: Expected '=' after a key in a key/value pair (at line 1, column 13)"),
        ("\n\nreply = postfix\n", "relaymilter.toml:3: Invalid value (at line 3, column 9)"),
        ('reply = "a"\nreply = "b"\n', "relaymilter.toml:2: Cannot overwrite a value (at line 2, column 12)"),
        (
            "socket-mode = 0660\n",
            "relaymilter.toml:1: Expected newline or end of document after a statement (at line 1,",
        ),
        ('\ufeffreply = "defer"\n', "relaymilter.toml:1: Invalid statement (at line 1, column 1)"),
        ("a = " + "[" * 20000, "relaymilter.toml: nested too deeply"),
    ],
    ids=["no value", "no quotes", "twice", "a leading zero", "byte order mark", "deep"],
)
def test_syntax(toml: str, problem: str) -> None:
    """What is no TOML is refused with its line."""
    (found,) = problems(toml)
    assert found.startswith(problem)


def test_syntax_hides_no_flag() -> None:
    """Flags are read where the file cannot be."""
    assert problems("reply = postfix\n", reply="x") == [
        "--reply: 'x' is none of postfix, sendmail, defer",
        "relaymilter.toml:1: Invalid value (at line 1, column 9)",
    ]


def test_not_utf8() -> None:
    """A file that is not UTF-8 is refused with its line."""
    assert problems(b'# ours\nlocal-domain = ["caf\xe9.test"]\n') == ["relaymilter.toml:2: not UTF-8"]


@pytest.mark.parametrize(
    ("path", "message"),
    [("none", "No such file or directory"), (".", "Is a directory"), ("a\0b", "embedded null byte")],
    ids=["missing", "a folder", "NUL"],
)
def test_unreadable(path: str, message: str) -> None:
    """A configuration file that cannot be read is a mistake, not an empty one."""
    with pytest.raises(ConfigError) as refused:
        read(Flags({}, Path(path)))
    assert [f"{path}: {message}"] == refused.value.problems


LINES = """\
# local-domain = ["*.commented.test"]
reply = "x"          # relay-domain
"relay-domain" = '*.literal.test'

local-domain = [
    "a.test",        # "*.b.test" comes below
    "*.b.test",
    '*.c.test', "d@d.test",
    "*.\\u0065.test",
]
  stop-timeout   =   -1
"""


def test_lines() -> None:
    """Each mistake has its line, in lists over several lines too; an item written with escapes has the line before."""
    wildcard = "has a wildcard: .example.org stands for the subdomains of example.org"
    assert [
        "relaymilter.toml:11: stop-timeout: -1 is out of range: give 0 to 3600 seconds",
        "relaymilter.toml:2: reply: 'x' is none of postfix, sendmail, defer",
        f"relaymilter.toml:3: relay-domain: '*.literal.test' {wildcard}",
        "relaymilter.toml:6: local-domain: '*.b.test' " + wildcard,
        f"relaymilter.toml:8: local-domain: '*.c.test' {wildcard}",
        f"relaymilter.toml:8: local-domain: '*.e.test' {wildcard}",
        "relaymilter.toml:8: local-domain: 'd@d.test' is a mailbox: give its domain, d.test",
    ] == problems(LINES)


def test_comments_and_blank_lines() -> None:
    """A file of comments is a configuration with every default."""
    assert settings() == settings("# nothing\n\n   # here\n")


def test_crlf() -> None:
    """A file written on another system is read, and its lines counted."""
    assert problems('# ours\r\nreply = "x"\r\n') == [
        "relaymilter.toml:2: reply: 'x' is none of postfix, sendmail, defer"
    ]


def test_relative_to_the_current_folder() -> None:
    """The file is named as every file is."""
    assert not FILE.is_absolute()
    assert settings("dry-run = true\n").daemon.dry_run
