"""Families of hostile envelopes that claim to be somebody: in HELO, in MAIL, by a parameter, or by the company kept."""

from collections.abc import Iterator

from relaymilter.audit.hostile.envelopes import HOP, Envelope, Forge


def senders(forge: Forge) -> Iterator[Envelope]:
    """A sender that is the server's own, local, the victim's, or nobody."""
    names = forge.names
    ours, domain, host, victim = names.ours, names.domain, names.host, names.victim
    own = (ours, ours.upper(), f"root@{host}", f"MAILER-DAEMON@{host}", f"{names.user}@{names.literal}", names.user)
    near = (
        "root@localhost",
        "root@[127.0.0.1]",
        "root@[IPv6:::1]",
        "root",
        f"{names.user}@{domain}.",
        f"x@sub.{domain}",
    )
    routed = (
        f"@{domain}:{victim}",
        f"{victim.replace('@', '%')}@{domain}",
        f"{ours}@{names.there[1]}",
        f'"{ours}"@{HOP}',
    )
    yield from forge.sent_by(*(f"<{sender}>" for sender in (*own, *near, *routed, f"{HOP}!{names.user}", victim)))
    yield from forge.sent_by(
        "<>", "< >", ours, f"<{ours}", f"<<{ours}>>", f"<{ours}(x)>", f"{names.user} <{ours}>", '<"">'
    )


def senders_and_routing(forge: Forge) -> Iterator[Envelope]:
    """A sender of the server's own, and a recipient that asks for routing."""
    victim, (local, there), ours, domain = forge.names.victim, forge.names.there, forge.names.ours, forge.names.domain
    tricks = (f"{local}%{there}@{domain}", f"{there}!{local}@{domain}", f"@{domain}:{victim}", f'"{victim}"@{domain}')
    for sender in (f"<{ours}>", "<>", f"<root@{forge.names.host}>", "<root@localhost>"):
        yield from (forge.one(f"<{path}>", sender=sender) for path in tricks)


def greetings(forge: Forge) -> Iterator[Envelope]:
    """HELO with a name of the server's own, or of the loopback."""
    names = forge.names
    own = (names.domain, names.host, names.literal, names.address, names.host.upper(), f"{names.host}.")
    loopback = (
        "localhost",
        "localhost.localdomain",
        "[127.0.0.1]",
        "127.0.0.1",
        "[IPv6:::1]",
        "::1",
        "[::ffff:127.0.0.1]",
    )
    for helo in (*own, *loopback, names.there[1], "x" * 255, "\u212aelvin"):
        yield forge.one(f"<{names.victim}>", helo=helo)
    for helo in (names.host, "localhost"):
        yield forge.one(f"<{names.victim}>", helo=helo, sender=f"<{names.ours}>")
        yield forge.one(f"<{names.victim}>", helo=helo, sender="<>")


def auth_claims(forge: Forge) -> Iterator[Envelope]:
    """MAIL AUTH= (RFC 4954 5): what a client says of itself, which proves nothing."""
    names = forge.names
    claims = (
        "<>",
        names.ours,
        f"{names.user}+40{names.domain}",
        names.user,
        f"root@{names.host}",
        "root",
        names.victim,
    )
    for claim in claims:
        for sender in ("<>", f"<{names.ours}>"):
            yield forge.one(f"<{names.victim}>", sender=sender, mail=(f"AUTH={claim}",))


def parameters(forge: Forge) -> Iterator[Envelope]:
    """Parameters of MAIL and RCPT, honest ones and such as name one of the server's own mailboxes."""
    names = forge.names
    victim = f"<{names.victim}>"
    for mail in ("SIZE=1000", "BODY=8BITMIME", "RET=HDRS", f"ENVID={names.ours}", "SMTPUTF8", f"XVERP={names.ours}"):
        yield forge.one(victim, mail=(mail,))
    asked = ("NOTIFY=NEVER", "NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{names.ours}", "RRVS=2014-04-03T23:01:00Z", "FOO")
    for rcpt in (*asked, f"ORCPT=rfc822;{names.user}+40{names.domain}", f"FOO=<{names.ours}>", f"TO:<{names.ours}>"):
        yield forge.one(victim, rcpt=(rcpt,))
    yield forge.one(victim, mail=("SIZE=1", "RET=FULL"), rcpt=("NOTIFY=NEVER", f"ORCPT=rfc822;{names.ours}"))


def companions(forge: Forge) -> Iterator[Envelope]:
    """A third party behind recipients that the server takes: a permit must hold for one recipient alone."""
    victim, (local, there), ours, domain = forge.names.victim, forge.names.there, forge.names.ours, forge.names.domain
    tricks = (
        victim,
        f"{local}%{there}@{domain}",
        f"@{domain}:{victim}",
        f"{there}!{local}@{domain}",
        f'"{victim}"@{domain}',
    )
    for trick in tricks:
        yield forge.one(f"<{trick}>", before=(f"<{ours}>",))
        yield forge.one(f"<{trick}>", before=(f"<{ours}>", f"<{ours}>"), sender=f"<{ours}>")
        yield forge.one(f"<{trick}>", before=(f"<{victim}>", f"<{ours}>"), sender="<>")
