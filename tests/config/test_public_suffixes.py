"""Which domains are public suffixes: by the list of Debian's package, and by the short rule without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from relaymilter.config.public_suffixes import public_suffixes

LIST = """// ===BEGIN ICANN DOMAINS===

// a comment
com
co.uk
*.ck
!www.ck
公司.cn
// ===END ICANN DOMAINS===
// ===BEGIN PRIVATE DOMAINS===
blogspot.test
"""


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list in the form of publicsuffix.org."""
    path = tmp_path / "list.dat"
    path.write_text(LIST, "utf-8")
    return path


@pytest.mark.parametrize("domain", ["com", "co.uk", "anything.ck"])
def test_listed(listed: Path, domain: str) -> None:
    """A name of the list, and one below a wildcard."""
    assert domain in public_suffixes(listed)


@pytest.mark.parametrize(
    "domain", ["example.com", "www.ck", "a.b.ck", "blogspot.test", "localhost", "org", "公司.cn", ""]
)
def test_not_listed(listed: Path, domain: str) -> None:
    """A name below a suffix, an exception, and what belongs to a company are none."""
    assert domain not in public_suffixes(listed)


@pytest.mark.parametrize("domain", ["com", "uk", "co.uk", "com.au", "gov.br"])
def test_rule(tmp_path: Path, domain: str) -> None:
    """Without the list: countries, old top-level domains, and the usual names below countries."""
    assert domain in public_suffixes(tmp_path / "none")


@pytest.mark.parametrize("domain", ["localhost", "example.com", "co.example", "example.co.uk", "mail", "mx1"])
def test_rule_has_no_more(tmp_path: Path, domain: str) -> None:
    """Names of hosts and domains of somebody are none."""
    assert domain not in public_suffixes(tmp_path / "none")
