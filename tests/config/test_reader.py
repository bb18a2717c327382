"""Flags and the configuration file together: every option is both, flags win, and every mistake is told at once."""

from __future__ import annotations

import pwd
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from relaymilter.config import guard
from relaymilter.config.endpoint import InetEndpoint, UnixEndpoint
from relaymilter.config.guard import GuardSettings
from relaymilter.config.model import Settings
from relaymilter.config.option import Kind
from relaymilter.config.options import OPTIONS
from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read
from relaymilter.config.sets import MapSet, NameSet, NetworkSet
from relaymilter.policy.addresses import Addresses
from relaymilter.policy.block_lists import Site
from relaymilter.policy.guard.limits import Limit
from relaymilter.policy.ports import Names

from .written import FILE, flags, problems, problems_if_any, settings

NOBODY = pwd.getpwnam("nobody")

# What an option cannot do without.
NEEDED: dict[str, dict[str, str]] = {
    "mx-backup": {"mx_backup_networks": "198.51.100.0/28", "mx_name": "mx1.a.test"},
    **{option.key: {"ledger": "memory:"} for option in guard.OPTIONS},
    "ledger": {"ledger_key": "one.key"},
}


def name_server(one: tuple[str, int]) -> str:
    """As it is written."""
    address, port = one
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def of_site(site: Site) -> str:
    """As it is written, of one reply."""
    reply = "".join("=" + ".".join(str(*octet) for octet in pattern) for pattern in site.patterns)
    return f"{site.zone}{reply}{'' if site.weight == 1 else f'*{site.weight}'}"


def of_map(found: MapSet[Any] | None) -> str:
    """The one entry of a map, as it was written."""
    if not found:
        return ""
    ((name, value),) = found.known.items()
    words = value.networks if isinstance(value, Addresses) else value if isinstance(value, frozenset) else [value]
    return f"{name} {', '.join(map(str, words))}"


def of_names(found: NameSet | None) -> str:
    """The one name of a list."""
    return of_frozen(found.known) if found else ""


def of_frozen(found: Names | None) -> str:
    """The one name of a set."""
    return str(*found) if isinstance(found, frozenset) else ""


def of_networks(found: NetworkSet | None) -> str:
    """The one network of a list."""
    return str(*found.known) if found else ""


def of_guard(settings: Settings) -> GuardSettings:
    """What logins may send."""
    assert settings.policy.guard is not None
    return settings.policy.guard


def of_limits(found: MapSet[tuple[Limit, ...]] | None) -> str:
    """The one entry of a map of limits, as it was written."""
    assert found is not None
    ((name, limits),) = found.known.items()
    return f"{name} {', '.join(map(str, limits))}"


def of_mta(settings: Settings) -> str:
    """The folder of the Postfix whose domains these are."""
    return "".join(name for name in ("one", "two") if name in settings.policy.local.domains.known)


# Of each option: two values, and where they are found, as text.
OPTION_VALUES: dict[str, tuple[str, str, Callable[[Settings], object]]] = {
    "local-network": ("192.0.2.0/24", "2001:db8::/32", lambda s: str(*s.policy.local.networks.known)),
    "never-local": ("192.0.2.0/24", "2001:db8::1/128", lambda s: str(*s.policy.shared.never.known)),
    "shared-address": ("distrust", "warn", lambda s: "distrust" if s.policy.shared.distrusts else "warn"),
    "known-shared": ("192.0.2.0/24", "2001:db8::1/128", lambda s: str(*s.policy.shared.known)),
    "local-domain": ("a.test", "b.test", lambda s: str(*s.policy.local.domains.known)),
    "relay-domain": ("a.test", "b.test", lambda s: str(*s.policy.local.relay_domains.known)),
    "mx-backup": ("a.test", "b.test", lambda s: str(*(s.policy.backup.domains or NameSet()).known)),
    "mx-backup-networks": ("192.0.2.64/28", "2001:db8::/48", lambda s: str(*s.policy.backup.networks.known)),
    "mx-name": ("mx1.a.test", "mx2.a.test", lambda s: str(*s.policy.backup.names)),
    "dns-server": ("192.0.2.53:5353", "[2001:db8::53]:53", lambda s: name_server(*s.policy.dns.servers)),
    "authorised-login": ("alice", "bob", lambda s: str(*(s.policy.logins.authorised or NameSet()).known)),
    "mta": ("postfix:one", "postfix:two", lambda s: f"postfix:{of_mta(s)}"),
    "reply": ("defer", "sendmail", lambda s: {454: "defer", 550: "sendmail"}[s.policy.refusals.relay_denied.code]),
    "reply-code": ("550", "551", lambda s: str(s.policy.refusals.relay_denied.code)),
    "reply-status": ("5.7.0", "5.7.2", lambda s: s.policy.refusals.relay_denied.status),
    "reply-text": ("No", "Never", lambda s: s.policy.refusals.relay_denied.text),
    "lookup-timeout": ("1.5", "3.0", lambda s: str(s.policy.lookups.timeout)),
    "cache-positive": ("5.0", "7.5", lambda s: str(s.policy.lookups.positive)),
    "cache-negative": ("5.0", "7.5", lambda s: str(s.policy.lookups.negative)),
    "cache-size": ("5", "7", lambda s: str(s.policy.lookups.size)),
    "stale": ("90000.0", "7.5", lambda s: str(s.policy.lookups.stale)),
    "login-fold": ("lower", "local", lambda s: s.policy.logins.fold.value),
    "login-mechanism": ("PLAIN", "LOGIN", lambda s: str(*(s.policy.logins.mechanisms or ()))),
    "login-listener": ("587", "25", lambda s: str(*(s.policy.logins.listeners or ()))),
    "login-networks": ("a 192.0.2.0/24", "b 192.0.2.1/32", lambda s: of_map(s.policy.logins.networks)),
    "login-recipients": ("a none", "b internal", lambda s: of_map(s.policy.logins.recipients)),
    "sender-login": ("a@b.test c", "d.test e", lambda s: of_map(s.policy.logins.owners)),
    "null-sender-login": ("a", "b", lambda s: of_names(s.policy.logins.null_sender)),
    "local-client-sender": ("a@b.test", "c.test", lambda s: of_names(s.policy.logins.local_client_senders)),
    "ledger": ("redis:one.toml", "valkey:two.toml", lambda s: of_guard(s).name),
    "ledger-key": ("one.key", "two.key", lambda s: f"{of_guard(s).key.decode().strip('-')}.key"),
    "limit": (
        *("5 recipients/day per login", "6 messages/2 hours in all"),
        lambda s: str(*of_guard(s).of_logins, *of_guard(s).of_others),
    ),
    "notify-command": ("/bin/a 'b c'", "/bin/d", lambda s: shlex.join(s.notices.command or ())),
    "notify-mail": ("root", "postmaster@a.test", lambda s: s.notices.mail),
    "notify-server": ("inet:25@127.0.0.1", "inet6:2525@[::1]", lambda s: str(s.notices.server)),
    "login-limits": (
        *("a 5 recipients/day per login", "b 6 messages/hour per login, 7 new-recipients/day per login"),
        lambda s: of_limits(of_guard(s).named),
    ),
    "new-recipients": ("5/day", "6/day", lambda s: f"{of_guard(s).novelty.new}/day"),
    "new-recipients-from-new-network": ("5/day", "6/day", lambda s: f"{of_guard(s).novelty.strange}/day"),
    "networks-per-login": ("5/hour", "6/hour", lambda s: f"{of_guard(s).novelty.networks}/hour"),
    "suspend-after": ("5/day", "6/day", lambda s: f"{of_guard(s).novelty.suspend}/day"),
    "login-administrator": ("a@b.test", "c.test", lambda s: of_names(of_guard(s).administrators)),
    "certificate": ("a|b", "c|d", lambda s: of_names(s.policy.trusts.certificates)),
    "grant": (
        '{logins = "a"}',
        '{logins = "b"}',
        lambda s: "".join(f'{{logins = "{of_frozen(grant.logins)}"}}' for grant in s.policy.trusts.grants),
    ),
    "deny-client": ("192.0.2.0/24", "192.0.2.1/32", lambda s: of_networks(s.policy.lists.clients)),
    "deny-helo": ("a.test", "b.test", lambda s: of_names(s.policy.lists.helo)),
    "deny-sender": ("a@b.test", "<>", lambda s: of_names(s.policy.lists.senders)),
    "deny-recipient": ("a@b.test", "c.test", lambda s: of_names(s.policy.lists.recipients)),
    "dnsbl": ("a.test=127.0.0.2*3", "b.test", lambda s: of_site(*s.policy.dns.sites)),
    "dnsbl-threshold": ("2", "3", lambda s: str(s.policy.dns.threshold)),
    "sender-domain-exists": ("yes", "no", lambda s: "yes" if s.policy.dns.sender_domain_exists else "no"),
    "forward-confirmed": ("yes", "no", lambda s: "yes" if s.policy.dns.forward_confirmed else "no"),
    "warn": ("deny-helo", "deny-client", lambda s: str(*s.policy.lists.warn)),
    "lockdown": ("yes", "no", lambda s: "yes" if s.policy.lists.lockdown.on else "no"),
    "lockdown-file": ("/a", "/b", lambda s: s.policy.lists.lockdown.file),
    "lockdown-exempt": ("a", "b", lambda s: of_names(s.policy.lists.lockdown.logins)),
    "on-error": ("reject", "defer", lambda s: "reject" if s.policy.refusals.uncertain.code == 554 else "defer"),
    "socket": ("unix:/a", "inet:25@127.0.0.1", lambda s: " ".join(map(str, s.listen.sockets))),
    "socket-mode": ("600", "666", lambda s: f"{s.listen.socket_mode:o}"),
    "socket-group": ("7", "8", lambda s: str(s.listen.socket_gid)),
    "dry-run": ("yes", "no", lambda s: "yes" if s.daemon.dry_run else "no"),
    "pidfile": ("/a", "/b", lambda s: s.listen.pidfile),
    "control": ("unix:/a", "unix:/b", lambda s: str(s.listen.control)),
    "metrics": ("inet:1@127.0.0.1", "unix:/b", lambda s: str(s.listen.metrics)),
    "syslog": ("yes", "no", lambda s: "yes" if s.log.syslog else "no"),
    "user": ("nobody", "daemon", lambda s: s.daemon.account.name if s.daemon.account else None),
    "log-file": ("/a", "/b", lambda s: str(s.log.file)),
    "log-format": ("json", "text", lambda s: s.log.format),
    "log-decisions": ("refused", "none", lambda s: s.log.decisions),
    "stop-timeout": ("5.0", "7.5", lambda s: str(s.daemon.stop_timeout)),
    "watch": ("0.0", "7.5", lambda s: str(s.daemon.watch)),
    "runtime": ("libmilter", "loop", lambda s: s.daemon.runtime),
    "workers": ("2", "3", lambda s: str(s.daemon.workers)),
    "no-pin": ("yes", "no", lambda s: "no" if s.daemon.pin else "yes"),
    "verbose": ("yes", "no", lambda s: "yes" if s.log.verbose else "no"),
}


def as_toml(key: str, value: str) -> str:
    """The key with this value, of the type that the option has."""
    match OPTIONS[key].kind:
        case Kind.SWITCH:
            return f"{key} = {'true' if value == 'yes' else 'false'}\n"
        case Kind.LIST:
            return f'{key} = ["{value}"]\n'
        case Kind.TABLES:
            return f"{key} = [{value}]\n"
        case _:
            return f'{key} = "{value}"\n'


def test_every_option_is_tested() -> None:
    """The table above has every option."""
    assert set(OPTIONS) == set(OPTION_VALUES)


@pytest.mark.parametrize("key", OPTIONS)
def test_flag_and_key(key: str) -> None:
    """Every flag is a key, every key is a flag, and they do the same."""
    value, _, found = OPTION_VALUES[key]
    needed = NEEDED.get(key, {})
    assert value == found(settings(**{key: value}, **needed))
    assert settings(**{key: value}, **needed) == settings(as_toml(key, value), **needed)


@pytest.mark.parametrize("key", OPTIONS)
def test_flag_wins(key: str) -> None:
    """A flag wins over the key of its name; of a list the whole list is replaced."""
    flag, value, found = OPTION_VALUES[key]
    needed = NEEDED.get(key, {})
    assert value == found(settings(as_toml(key, value), **needed))
    assert flag == found(settings(as_toml(key, value), **{key: flag}, **needed))


@pytest.mark.parametrize("key", OPTIONS)
def test_flag_wins_after_a_reload(key: str) -> None:
    """Read again with the same flags, a changed file changes nothing that a flag has set."""
    flag, value, found = OPTION_VALUES[key]
    given = flags("", **{key: flag}, **NEEDED.get(key, {}))
    assert flag == found(read(given).settings)
    FILE.write_text(as_toml(key, value))
    assert flag == found(read(given).settings)


def test_reload_reads_anew() -> None:
    """Read again with the same flags, what has changed in the file and in the files that it names is found."""
    given = flags('local-domain = ["file:domains"]\n', reply="defer")
    Path("domains").write_text("a.test\n")
    assert frozenset({"a.test"}) == read(given).settings.policy.local.domains.known
    Path("domains").write_text("b.test\n")
    FILE.write_text('local-domain = ["file:domains", "c.test"]\n')
    assert frozenset({"b.test", "c.test"}) == read(given).settings.policy.local.domains.known


@pytest.mark.parametrize("key", [key for key, option in OPTIONS.items() if option.kind not in (Kind.LIST, Kind.TABLES)])
def test_last_flag_counts(key: str) -> None:
    """Of a flag that is given twice, and is no list, the last one counts."""
    value, other, found = OPTION_VALUES[key]
    assert value == found(settings(**{key: (other, value)}, **NEEDED.get(key, {})))


def test_defaults() -> None:
    """Without flags and file: loopback is local, nothing else is, and the socket is on loopback."""
    read_nothing = settings()
    assert [str(net) for net in read_nothing.policy.local.networks.known] == ["127.0.0.0/8", "::1/128"]
    assert (frozenset(), frozenset()) == (
        read_nothing.policy.local.domains.known,
        read_nothing.policy.local.relay_domains.known,
    )
    assert (InetEndpoint("127.0.0.1", 8894),) == read_nothing.listen.sockets
    assert (
        read_nothing.listen.socket_mode,
        read_nothing.listen.socket_gid,
        read_nothing.listen.pidfile,
    ) == (0o660, None, None)
    assert (read_nothing.daemon.dry_run, read_nothing.daemon.account, read_nothing.daemon.stop_timeout) == (
        False,
        None,
        30.0,
    )
    assert (read_nothing.daemon.workers, read_nothing.daemon.pin) == (1, True)
    log = read_nothing.log
    assert (log.syslog, log.format, log.decisions, log.verbose) == (False, "text", "all", False)


def test_file_and_flags_together() -> None:
    """What a flag does not say, the file does."""
    both = settings('local-domain = ["a.test"]\nsocket = "unix:/a"\n', relay_domain="b.test")
    assert frozenset({"a.test"}) == both.policy.local.domains.known
    assert frozenset({"b.test"}) == both.policy.local.relay_domains.known
    assert (UnixEndpoint("/a"),) == both.listen.sockets


def test_every_mistake_at_once() -> None:
    """Flags, file and lists in files, each broken several times: every mistake is told, with file, line and key."""
    Path("nets").write_text("192.0.2.1/24\n127.0.0.0/8\n0.0.0.0/0\n")
    Path("domains").write_text("\n# ours\n*.example.org\nexample.com\nbob@example.com\n")
    toml = """\
frobnicate = 1
reply-texts = "x"
local-network = ["file:nets", "nonsense"]
local-domain = ["file:domains", "1.2.3.4"]
relay-domain = ["file:none"]
verbose = "yes"
stop-timeout = "soon"
pidfile = 5
on-error = "permit"
log-format = "xml"
"""
    # `on-error` is also a flag, which hides the key.
    assert sorted(
        [
            "relaymilter.toml:1: frobnicate: no such key",
            "relaymilter.toml:2: reply-texts: no such key: did you mean reply-text?",
            "nets:1: local-network: 192.0.2.1/24 has host bits set: 192.0.2.0/24 was probably meant",
            "nets:3: local-network: 0.0.0.0/0 is too wide: it would open the relay; /8 is the widest",
            "relaymilter.toml:3: local-network: 'nonsense' is no network: give an IPv4 or IPv6 address or CIDR, "
            "such as 192.0.2.0/24 or 2001:db8::/32",
            "domains:3: local-domain: '*.example.org' has a wildcard: .example.org stands for the subdomains of "
            "example.org",
            "domains:5: local-domain: 'bob@example.com' is a mailbox: give its domain, example.com",
            "relaymilter.toml:4: local-domain: '1.2.3.4' is an address: in a mailbox it is written [1.2.3.4]",
            "relaymilter.toml:5: relay-domain: none: No such file or directory",
            "relaymilter.toml:6: verbose: wants true or false",
            "relaymilter.toml:7: stop-timeout: 'soon' is no number of seconds",
            "relaymilter.toml:8: pidfile: wants one string",
            "--on-error: 'accept' is none of defer, reject",
            "relaymilter.toml:10: log-format: 'xml' is none of text, json",
            "--socket: 'tcp' is no kind of socket: give unix:/PATH, inet:PORT@HOST, inet6:PORT@[HOST] or fd:N",
            "--user: there is no user 'no-such-user'",
            "--reply-code: '250' is no code that refuses a recipient: give one of 4xx or 5xx, but not 421",
            "--reply-text: only {recipient} may stand in braces, and once",
            "--authorised-login: logins: No such file or directory",
            "--authorised-login: '' is no login",
        ]
    ) == problems(
        toml,
        on_error="accept",
        socket="tcp:25",
        user="no-such-user",
        reply_code="250",
        reply_text="{who}",
        authorised_login=("file:logins", ""),
    )


def test_a_flag_hides_its_key() -> None:
    """A key that a flag replaces is not complained of."""
    assert settings('reply = "x"\nlocal-domain = ["*"]\n', reply="defer", local_domain="a.test")


def test_error_text() -> None:
    """A ConfigError reads as its problems, one a line."""
    with pytest.raises(ConfigError) as refused:
        read(Flags({"reply": ("x",), "on-error": ("y",)}))
    assert set(str(refused.value).split("\n")) == set(refused.value.problems)


@pytest.mark.parametrize(
    ("toml", "given", "only_flags"),
    [
        (None, {"reply": "x"}, True),
        (None, {"local_domain": "file:none"}, True),
        ('reply = "x"\n', {}, False),
        ('reply = "x"\n', {"on_error": "y"}, False),
    ],
    ids=["flag", "a file that a flag names is missing", "key", "both"],
)
def test_only_flags(toml: str | None, given: dict[str, str], only_flags: bool) -> None:
    """Whether the command line alone is wrong is known: it makes the exit status."""
    with pytest.raises(ConfigError) as refused:
        read(flags(toml, **given))
    assert only_flags == refused.value.only_flags


# A hyphen or a digit more is what a hand slips into.
_KEYS = st.sampled_from([*OPTIONS, "x", "reply_code"])
_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from([value for two in OPTION_VALUES.values() for value in two[:2]]),
    st.sampled_from(["file:", "file:none", "file:.", "fd:99999999999", "unix:", "inet:1@", "[", ".[::1]", "%", "@"]),
)
_SCALARS = st.one_of(_TEXTS, st.integers(), st.floats(), st.booleans())
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value if not "\ud800" <= char <= "\udfff") + '"'
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return str(value)


@hypothesis_settings(max_examples=80)
@given(
    st.dictionaries(_KEYS, _VALUES, max_size=5),
    st.dictionaries(st.sampled_from([*OPTIONS]), st.lists(_TEXTS, min_size=1, max_size=2).map(tuple), max_size=4),
)
def test_nothing_but_a_config_error(table: dict[str, Any], given_flags: dict[str, tuple[str, ...]]) -> None:
    """Whatever is written, it is settings or a ConfigError whose every problem has a place: a reload survives it."""
    FILE.write_text("".join(f"{key} = {_toml_value(value)}\n" for key, value in table.items()))
    for problem in problems_if_any(Flags(given_flags, FILE)):
        assert problem.startswith(("relaymilter.toml:", "--"))


@hypothesis_settings(max_examples=60)
@given(st.binary(max_size=60))
def test_any_file(content: bytes) -> None:
    """Whatever bytes the file and a list have, it is settings or a ConfigError."""
    FILE.write_bytes(content)
    for problem in problems_if_any(Flags({}, FILE)) + problems_if_any(Flags({"local-domain": (f"file:{FILE}",)})):
        assert problem.startswith(("relaymilter.toml:", "--local-domain: relaymilter.toml: "))
