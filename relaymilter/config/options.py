"""Every option there is, once: the flags of `run` and `explain`, the keys of the configuration file, and their help.

A key of the TOML file is the long flag without its dashes. The man page and the sample configuration are tested against
this table.
"""

from relaymilter.config.bound_options import BOUNDS
from relaymilter.config.option import Kind, Option

_RELAY = (
    Option(
        "local-network",
        Kind.LIST,
        "A network whose clients may relay: an IPv4 or IPv6 address or CIDR; `!` in front excludes it; "
        "the most specific wins. Naming any replaces the default.",
        "NET|file:PATH",
        default="127.0.0.0/8 and ::1",
    ),
    Option(
        "local-domain",
        Kind.LIST,
        "A domain whose mailboxes are local; `.example.org` stands for its subdomains, `[192.0.2.25]` is a literal.",
        "DOMAIN|file:PATH",
    ),
    Option(
        "relay-domain",
        Kind.LIST,
        "A domain that we relay for, written as a local domain.",
        "DOMAIN|file:PATH",
    ),
    Option(
        "mx-backup",
        Kind.LIST,
        "A domain whose mail is taken while the DNS says that this host is a backup MX of it; needs "
        "--mx-backup-networks.",
        "DOMAIN|file:PATH",
    ),
    Option(
        "mx-backup-networks",
        Kind.LIST,
        "A network that the best MX of such a domain must be in, with every address; `!` in front excludes it.",
        "NET|file:PATH",
    ),
    Option(
        "mx-name",
        Kind.LIST,
        "A name that this host has in MX records.",
        "NAME",
        default="the host's full name",
    ),
    Option(
        "dns-server",
        Kind.LIST,
        "A name server to ask.",
        "ADDRESS[:PORT]",
        default="those of /etc/resolv.conf",
    ),
    Option(
        "authorised-login",
        Kind.LIST,
        "A login that may relay, as the MTA names it in {auth_authen}.",
        "LOGIN|file:PATH",
        default="every login",
    ),
    Option(
        "mta",
        Kind.TEXT,
        "Take the local networks, local domains and relay domains of this MTA's own configuration, too.",
        "postfix[:DIR]|sendmail[:DIR]",
    ),
    Option(
        "reply",
        Kind.TEXT,
        "How a relay attempt is refused: 554 as Postfix says it, 550 as Sendmail does, or 454 (defer).",
        "postfix|sendmail|defer",
        default="postfix",
    ),
    Option("reply-code", Kind.NUMBER, "Another SMTP code for that reply, 4xx or 5xx.", "CODE"),
    Option("reply-status", Kind.TEXT, "Another enhanced status for that reply, of the code's class.", "X.Y.Z"),
    Option("reply-text", Kind.TEXT, "Another text for that reply; {recipient} stands for the path.", "TEXT"),
    Option(
        "lookup-timeout",
        Kind.NUMBER,
        "How long a decision may wait for tables that must be asked, from 0.1 to 9.",
        "SECONDS",
        default="2",
    ),
    Option("cache-positive", Kind.NUMBER, "How long the yes of such a table is kept.", "SECONDS", default="60"),
    Option("cache-negative", Kind.NUMBER, "How long its no is kept.", "SECONDS", default="20"),
    Option("cache-size", Kind.NUMBER, "How many answers of each such table are kept.", "N", default="10000"),
    Option("stale", Kind.NUMBER, "How much longer a yes may serve while its table fails.", "SECONDS", default="0"),
    Option(
        "on-error",
        Kind.TEXT,
        "What a recipient is told that could not be decided on: 451 (defer) or 554 (reject).",
        "defer|reject",
        default="defer",
    ),
)
"""Whom and whose mail the relay rules permit, and what is said."""

POLICY = _RELAY + BOUNDS
"""What decides, and what is said; `explain` has these too."""

DAEMON = (
    Option(
        "socket",
        Kind.TEXT,
        "Where to listen: unix:PATH, local:PATH, a bare path, inet:PORT@HOST, inet:HOST:PORT, inet6:PORT@[HOST], "
        "or fd:N.",
        "SOCKET",
        ("-p",),
        default="inet:8894@127.0.0.1",
    ),
    Option("socket-mode", Kind.TEXT, "The permissions of a unix socket, in octal.", "MODE", default="0660"),
    Option("socket-group", Kind.TEXT, "The group of a unix socket.", "GROUP"),
    Option("dry-run", Kind.SWITCH, "Refuse nothing: only log what would have been refused."),
    Option("pidfile", Kind.TEXT, "Write the process id to this file.", "PATH", ("-P",)),
    Option("syslog", Kind.SWITCH, "Log to syslog, facility mail, instead of standard error.", short=("-l",)),
    Option("user", Kind.TEXT, "Serve as this user, and group.", "USER[:GROUP]", ("-u",)),
    Option("log-format", Kind.TEXT, "How a decision is logged.", "text|json", default="text"),
    Option("log-decisions", Kind.TEXT, "Which decisions are logged.", "all|refused|none", default="all"),
    Option(
        "stop-timeout",
        Kind.NUMBER,
        "How long sessions in flight are served at a stop.",
        "SECONDS",
        default="30",
    ),
    Option(
        "watch",
        Kind.NUMBER,
        "How often to look whether the files have changed, to reload then; 0: only at SIGHUP.",
        "SECONDS",
        default="5",
    ),
    Option(
        "runtime",
        Kind.TEXT,
        "What speaks to the MTA: an event loop (on uvloop where that is installed), or libmilter, which costs more.",
        "loop|libmilter",
        default="loop",
    ),
    Option("workers", Kind.NUMBER, "How many processes serve.", "N", default="1"),
    Option("no-pin", Kind.SWITCH, "Let a worker move between processor cores; kept on one it costs less."),
    Option(
        "verbose",
        Kind.SWITCH,
        "Log the trail of every decision, and more of what the daemon does.",
        short=("-v",),
    ),
)
"""How the daemon lives."""

OPTIONS: dict[str, Option] = {option.key: option for option in POLICY + DAEMON}
