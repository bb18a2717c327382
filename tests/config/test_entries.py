"""Lists: values, files and tables; defaults, places and mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.config.sets import NameSet, NetworkSet

from .written import problems, reading, settings


def test_no_logins_named() -> None:
    """Without --authorised-login every login is authorised."""
    assert settings().policy.logins.authorised is None


def test_empty_lists() -> None:
    """`[]` names none: no local network, and no login."""
    policy = settings("local-network = []\nauthorised-login = []\nlocal-domain = []\nrelay-domain = []\n").policy
    assert policy.local.networks == NetworkSet()
    assert NameSet() == policy.logins.authorised
    assert (frozenset(), frozenset()) == (policy.local.domains.known, policy.local.relay_domains.known)


def test_emptied_file() -> None:
    """A file without entries is an empty list, not the default, and it is warned of."""
    Path("list").write_text("# none any more\n")
    read = reading(local_network="file:list", authorised_login="file:list")
    assert read.settings.policy.local.networks == NetworkSet()
    assert NameSet() == read.settings.policy.logins.authorised
    assert read.warnings == ("--local-network: list has no entries", "--authorised-login: list has no entries")


def test_naming_replaces_the_default() -> None:
    """To name a local network is to name all of them; loopback is not added."""
    assert [str(net) for net in settings(local_network="192.0.2.0/24").policy.local.networks.known] == ["192.0.2.0/24"]


def test_file() -> None:
    """Entries in a file and entries given one by one make one list."""
    Path("domains").write_text("# ours\nexample.org\n\n.example.net # all of it\n")
    assert (
        frozenset({"example.org", ".example.net", "example.com"})
        == settings(local_domain=("file:domains", "example.com")).policy.local.domains.known
    )


def test_file_named_in_the_configuration() -> None:
    """`file:` is understood in the configuration file too, also as a lone string."""
    Path("domains").write_text("example.org\n")
    Path("nets").write_text("!192.0.2.66\n192.0.2.0/24\n")
    policy = settings('local-domain = ["file:domains", "example.com"]\nlocal-network = "file:nets"\n').policy
    assert frozenset({"example.org", "example.com"}) == policy.local.domains.known
    assert [str(net) for net in policy.local.networks.known] == ["192.0.2.0/24", "!192.0.2.66/32"]


def test_no_file_in_a_file() -> None:
    """A file's entries are entries: one that begins with `file:` is no file."""
    Path("domains").write_text("file:domains\n")
    expected = "domains:1: local-domain: 'file:domains' is no domain: 'file:domains' is no label of a domain"
    assert [expected] == problems(local_domain="file:domains")


def test_mistakes_in_a_file() -> None:
    """A mistake in a file has the file, the line, and the key that named the file, which may be a flag."""
    Path("domains").write_text("example.org\n\n*.example.net\nbob@example.com # him\n")
    wildcard = "has a wildcard: .example.org stands for the subdomains of example.org"
    in_file = [
        f"domains:3: local-domain: '*.example.net' {wildcard}",
        "domains:4: local-domain: 'bob@example.com' is a mailbox: give its domain, example.com",
    ]
    assert in_file == problems(local_domain="file:domains")
    assert in_file == problems('local-domain = ["file:domains"]\n')


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none", "none: No such file or directory"),
        (".", ".: Is a directory"),
        ("latin1", "latin1: line 2 is not UTF-8"),
        ("a\0b", "a\0b: embedded null byte"),
    ],
    ids=["missing", "a folder", "not UTF-8", "NUL"],
)
@pytest.mark.parametrize("option", ["local-network", "local-domain", "relay-domain", "authorised-login"])
def test_unreadable_file(option: str, path: str, message: str) -> None:
    """A file that cannot be read is a mistake of whoever names it: it is never taken for an empty list."""
    Path("latin1").write_bytes(b"a.test\n\xe9.test\n")
    assert [f"--{option}: {message}"] == problems(**{option: f"file:{path}"})


def test_warning_has_its_place() -> None:
    """A warning says where, as a mistake does."""
    Path("nets").write_text("127.0.0.0/8\n172.0.0.0/8\n")
    warning = (
        "nets:2: local-network: 172.0.0.0/8 holds public addresses of many owners: 172.16.0.0/12 was probably meant"
    )
    assert (warning,) == reading('local-network = ["file:nets"]\n').warnings


def test_a_file_that_is_no_list() -> None:
    """Of very many mistakes in one file the first are told, and how many more there are."""
    Path("page").write_text("<p>\n" * 250 + "example.org\n")
    told = problems(local_domain="file:page")
    assert len(told) == 101
    assert "page: mistakes: and 150 more" in told
    assert "page:100: local-domain: '<p>' is no domain: '<p>' is no label of a domain" in told


def test_very_many_suspicious_networks() -> None:
    """Of very many warnings about one file, too."""
    Path("nets").write_text("".join(f"{first}.{second}.0.0/15\n" for first in (11, 12) for second in range(0, 256, 2)))
    warnings = reading(local_network="file:nets").warnings
    assert len(warnings) == 101
    assert warnings[-1] == "nets: warnings: and 156 more"


@pytest.mark.parametrize("count", [10, 30_000], ids=["few", "many"])
def test_many_domains(count: int) -> None:
    """Few domains or very many: every one is there, with its subdomains if they are named, and nothing else."""
    Path("domains").write_text("".join(f"d{number}.Example.org\n.s{number}.example.org\n" for number in range(count)))
    known = settings(local_domain="file:domains").policy.local.domains.known
    assert all(f"d{number}.example.org" in known and f".s{number}.example.org" in known for number in range(count))
    assert not any(f"{wrong}.example.org" in known for wrong in ("d", f"d{count}", "s1", ".d1", "0", ""))
