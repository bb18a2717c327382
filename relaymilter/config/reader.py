"""Flags and a configuration file -> Settings, or every mistake in them at once.

A flag wins over the key of the same name, for a list the whole list. Called again at a reload with the same flags.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from relaymilter.config import binding, entries, mx, scalars
from relaymilter.config.endpoint import parse_endpoint
from relaymilter.config.from_mta import add_found
from relaymilter.config.model import ListenSettings, LogSettings, LookupSettings, PolicySettings, Settings
from relaymilter.config.problems import Problems, Value
from relaymilter.config.toml import read_toml
from relaymilter.config.written import login_list
from relaymilter.files.reading import noted
from relaymilter.policy.logins import Fold
from relaymilter.policy.verdict import Reply

T = TypeVar("T")

RUNTIMES: tuple[Literal["libmilter", "loop"], ...] = ("loop", "libmilter")
DEFAULT_NETWORKS = ("127.0.0.0/8", "::1/128")
DEFAULT_SOCKET = "inet:8894@127.0.0.1"


@dataclass(frozen=True, slots=True)
class Flags:
    """The command line: every option that was given, as it was written, and the configuration file."""

    given: Mapping[str, tuple[str, ...]]
    config: Path | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and what in it is suspicious: one line each."""

    settings: Settings
    warnings: tuple[str, ...]
    files: frozenset[Path] = frozenset()
    """What it was read from."""


def read(flags: Flags) -> Reading:
    """Everything, checked. Raises ConfigError with every problem."""
    problems = Problems()
    used = {flags.config} if flags.config else set[Path]()
    values = read_toml(flags.config, problems) if flags.config else {}
    for key, texts in flags.given.items():
        values[key] = [Value(text, f"--{key}") for text in texts]
    reader = _Reader(values, problems)
    with noted(used):
        add_found(values, problems)
        settings = reader.settings()
    files = frozenset(used)
    problems.raise_any(files)
    return Reading(settings, tuple(problems.warnings), files)


class _Reader:
    def __init__(self, values: Mapping[str, list[Value]], problems: Problems) -> None:
        self.values = values
        self.problems = problems
        self.sources = entries.Sources(problems)

    def settings(self) -> Settings:
        return Settings(
            policy=self.policy(),
            listen=self.listen(),
            log=self.log(),
            dry_run=self.switch("dry-run"),
            account=self.one("user", scalars.account, None),
            stop_timeout=self.one("stop-timeout", scalars.seconds, 30.0),
            watch=self.one("watch", scalars.watch_interval, 5.0),
            pin=not self.switch("no-pin"),
            runtime=self.one("runtime", lambda text: scalars.one_of(text, RUNTIMES), RUNTIMES[0]),
            workers=self.one("workers", scalars.worker_count, 1),
        )

    def policy(self) -> PolicySettings:
        networks = self.values.get("local-network", [Value(text, "default") for text in DEFAULT_NETWORKS])
        logins = self.values.get("authorised-login")
        fold = Fold(self.one("login-fold", lambda text: scalars.one_of(text, [fold.value for fold in Fold]), "exact"))
        denied = self.relay_denied()
        on_error = self.one("on-error", lambda text: scalars.one_of(text, ("defer", "reject")), "defer")
        return PolicySettings(
            local_networks=entries.networks(networks, self.sources),
            local_domains=entries.domains(self.values.get("local-domain", []), self.sources),
            relay_domains=entries.domains(self.values.get("relay-domain", []), self.sources),
            authorised_logins=None if logins is None else entries.names(logins, login_list(fold), self.sources),
            refusals=scalars.refusals(denied, on_error),
            lookups=self.lookups(),
            bounds=binding.bounds(self.values, self.sources, fold, self.switch("lockdown")),
            mx_backup=mx.mx_backup(self.values, self.sources),
            name_servers=mx.name_servers(self.values.get("dns-server", []), self.problems),
        )

    def lookups(self) -> LookupSettings:
        usual = LookupSettings()
        return LookupSettings(
            timeout=self.one("lookup-timeout", scalars.lookup_timeout, usual.timeout),
            positive=self.one("cache-positive", scalars.seconds, usual.positive),
            negative=self.one("cache-negative", scalars.seconds, usual.negative),
            size=self.one("cache-size", scalars.cache_size, usual.size),
            stale=self.one("stale", scalars.long_time, usual.stale),
        )

    def relay_denied(self) -> Reply:
        before = len(self.problems.errors)
        preset = self.one("reply", lambda text: scalars.one_of(text, ("postfix", "sendmail", "defer")), "postfix")
        code = self.one("reply-code", scalars.reply_code, None)
        status = self.one("reply-status", scalars.reply_status, None)
        text = self.one("reply-text", scalars.reply_text, None)
        if len(self.problems.errors) > before:
            return scalars.PRESETS[preset]
        try:
            return scalars.relay_denied(preset, code, status, text)
        except ValueError as error:
            key = "reply-status" if code is None else "reply-code"
            self.problems.error(self.values[key][-1].place, str(error))
            return scalars.PRESETS[preset]

    def listen(self) -> ListenSettings:
        return ListenSettings(
            socket=self.one("socket", parse_endpoint, parse_endpoint(DEFAULT_SOCKET)),
            socket_mode=self.one("socket-mode", scalars.octal_mode, 0o660),
            socket_gid=self.one("socket-group", scalars.group_id, None),
            pidfile=self.one("pidfile", scalars.absolute, None),
        )

    def log(self) -> LogSettings:
        return LogSettings(
            syslog=self.switch("syslog"),
            format=self.one("log-format", lambda text: scalars.one_of(text, ("text", "json")), "text"),
            decisions=self.one("log-decisions", lambda text: scalars.one_of(text, ("all", "refused", "none")), "all"),
            verbose=self.switch("verbose"),
        )

    def one(self, key: str, parse: Callable[[str], T], default: T) -> T:
        """The option's value, parsed; the default where it is not given, or is wrong and reported."""
        values = self.values.get(key)
        if not values:
            return default
        try:
            return parse(values[-1].text)
        except ValueError as error:
            self.problems.error(values[-1].place, str(error))
            return default

    def switch(self, key: str) -> bool:
        values = self.values.get(key)
        return bool(values and values[-1].text == "yes")
