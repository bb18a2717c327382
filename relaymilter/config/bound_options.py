"""The options that bind clients, logins and senders to what they may do; see options.py for all."""

from relaymilter.config.option import Kind, Option

BOUNDS = (
    Option(
        "login-fold",
        Kind.TEXT,
        "What of a login does not count when it is compared: nothing, its case, its realm, or both. Postfix gives "
        "logins with a realm, Sendmail mostly without.",
        "exact|lower|local|lower-local",
        default="exact",
    ),
    Option(
        "login-mechanism",
        Kind.LIST,
        "A mechanism of AUTH that authorises.",
        "MECHANISM",
        default="every mechanism",
    ),
    Option(
        "login-listener",
        Kind.LIST,
        "A listening socket of the MTA whose logins count, by its name, address or port.",
        "NAME|ADDRESS|PORT",
        default="every listener",
    ),
    Option(
        "login-networks",
        Kind.LIST,
        "The networks that a login may come from: the login, a blank, and networks; `@example.org` is a realm, `*` all "
        "others.",
        "LOGIN NET...|TYPE:NAME",
    ),
    Option(
        "login-recipients",
        Kind.LIST,
        "Whom a login may write to: the login, a blank, and `none`, or any of `internal`, mailboxes and domains.",
        "LOGIN RECIPIENT...|TYPE:NAME",
    ),
    Option(
        "sender-login",
        Kind.LIST,
        "The logins that own a mailbox or a domain: it, a blank, and logins. With any, a login sends only as what it "
        "owns.",
        "MAILBOX LOGIN...|TYPE:NAME",
    ),
    Option(
        "null-sender-login",
        Kind.LIST,
        "A login that may use the null sender.",
        "LOGIN|TYPE:NAME",
        default="every login",
    ),
    Option(
        "local-client-sender",
        Kind.LIST,
        "A sender that local clients without a login may use: a mailbox, a domain, or `<>`.",
        "MAILBOX|DOMAIN|TYPE:NAME",
        default="every sender",
    ),
    Option(
        "certificate",
        Kind.LIST,
        "A client's certificate that may relay, by subject and issuer as the MTA names them, and by its fingerprint "
        "where the MTA gives one.",
        "SUBJECT|ISSUER[|FINGERPRINT]",
    ),
    Option(
        "grant",
        Kind.TABLES,
        'A narrow trust: {networks = [...], logins = [...], certificates = [...], from = [...], to = ["local", ...], '
        'until = "YYYY-MM-DD", owner = "...", note = "..."}; all that it names must agree.',
        "TABLE",
    ),
    Option("deny-client", Kind.LIST, "A network whose clients are refused.", "NET|TYPE:NAME"),
    Option("deny-helo", Kind.LIST, "A name in HELO that is refused.", "DOMAIN|TYPE:NAME"),
    Option("deny-sender", Kind.LIST, "A sender that is refused; `<>` is the null sender.", "MAILBOX|DOMAIN|TYPE:NAME"),
    Option("deny-recipient", Kind.LIST, "A recipient that is refused.", "MAILBOX|DOMAIN|TYPE:NAME"),
    Option(
        "dnsbl",
        Kind.LIST,
        "A list in the DNS whose clients are refused, strangers alone: its zone, which replies of it count, such as "
        "127.0.0.[2..11], and how much, below 0 for a list of good clients.",
        "ZONE[=REPLY[;REPLY...]][*WEIGHT]",
    ),
    Option("dnsbl-threshold", Kind.NUMBER, "What the lists of a refused client weigh together.", "N", default="1"),
    Option("sender-domain-exists", Kind.SWITCH, "Refuse a sender whose domain has neither an MX nor an address."),
    Option("forward-confirmed", Kind.SWITCH, "Refuse strangers whose address has no name that has this address."),
    Option("warn", Kind.LIST, "A restriction that only warns, in the log: the name of its option.", "NAME"),
    Option("lockdown", Kind.SWITCH, "Defer all mail to mailboxes that are not ours."),
    Option("lockdown-file", Kind.TEXT, "The same while this file exists, at once and without a reload.", "PATH"),
    Option(
        "lockdown-exempt",
        Kind.LIST,
        "A login or a network that a lockdown does not concern.",
        "LOGIN|NET",
    ),
)
"""What closes only, but for certificates and grants, which are narrow ways to permit."""
