"""Families of hostile envelopes whose recipient is written so that two readers may take it for different mailboxes."""

from collections.abc import Iterator

from relaymilter.audit.hostile.envelopes import HOP, Envelope, Forge


def literals(forge: Forge) -> Iterator[Envelope]:
    """An address in the place of a domain, in every notation that a resolver may take."""
    local = forge.names.there[0]
    addresses = ("[203.0.113.99]", "[IPv6:2001:db8::99]", "[ipv6:2001:DB8::99]", "[IPv6:::ffff:203.0.113.99]")
    odd = ("203.0.113.99", "#3405803875", "3405803875", "0xcb007163", "[203.0.113.99", "[2001:db8::99]", "[x]", "[]")
    yield from forge.each(*(f"{local}@{address}" for address in addresses + odd))
    yield from forge.each(*(f"{local}@{address}@{forge.names.domain}" for address in addresses))


def brackets(forge: Forge) -> Iterator[Envelope]:
    """Brackets that are missing, double or not the last."""
    victim, ours = forge.names.victim, forge.names.ours
    foreign = (
        *(victim, f"<{victim}", f"{victim}>", f"<<{victim}>>", f"<{victim}>>", f"<<{victim}>", f" <{victim}>"),
        *(f"<{ours}>,<{victim}>", f"<{ours},{victim}>", f"<{ours}><{victim}>", f"< {victim} >"),
        *(f"Someone <{victim}>", f'"{ours}" <{victim}>', f"<{ours}> <{victim}>", f"{ours},{victim}"),
        *(f"{ours} {victim}", f"<{victim}>NOTIFY=NEVER", f"<{victim};>", f"<group:{victim};>", f"<{victim} {ours}>"),
    )
    yield from map(forge.one, foreign)
    yield from forge.misread(f"<{victim}>,<{ours}>", f"{victim},{ours}", f"<{victim}><{ours}>", f"{ours}", f"<{ours}")
    yield from forge.misread(f"<{victim}> <{ours}>", f"<{ours}>{victim}", f"<{victim},{ours}>", f'"{victim}" <{ours}>')


def comments(forge: Forge) -> Iterator[Envelope]:
    """Comments (RFC 822 3.4.3), which some readers leave out and others do not know."""
    victim, (local, there), ours, domain = forge.names.victim, forge.names.there, forge.names.ours, forge.names.domain
    yield from forge.each(
        f"{local}(x)@{there}", f"{local}@{there}(@{domain})", f"({ours}){victim}", f"{local}@(x){there}"
    )
    yield from forge.each(
        f"{local}(@{domain})@{there}", f"{victim}({ours})", f"{local}@{there}(x(y)z)", f"{local}%{there}(x)@{domain}"
    )
    yield from forge.each(f"{local}(\\))@{there}", f"{local}(@{there}", f'"{local}"(x)@{there}', f"{victim}(>")
    yield from forge.misread(f"<{local}(@{there})@{domain}>", f"<({victim}){ours}>", f"<{ours}({victim})>")


def blanks(forge: Forge) -> Iterator[Envelope]:
    """Blanks, tabs and control characters, which may end an address for one reader and not for another."""
    victim, (local, there), domain = forge.names.victim, forge.names.there, forge.names.domain
    yield from forge.each(f"{local} @ {there}", f"{local}@ {there}", f"{local} @{there}", f"{local}\t@\t{there}")
    for control in "\t\x0b\x0c\x08\x1b\x7f\r\x01":
        yield from forge.each(f"{victim}{control}", f"{control}{victim}", f"{local}{control}@{there}")
        yield from forge.misread(f"<{victim}{control}@{domain}>", f"<{local}@{domain}{control}.{there}>")


def letters(forge: Forge) -> Iterator[Envelope]:
    """What is not ASCII: internationalised domains, letters that look or fold like others, bytes that are no UTF-8."""
    (local, there), domain = forge.names.there, forge.names.domain
    wide = there.replace(".", "\u3002")
    yield from forge.each(f"j\u00fcrgen@{there}", f"{local}@m\u00fcnchen.{there}", f"{local}@xn--mnchen-3ya.{there}")
    yield from forge.each(
        f"{local}@{wide}", f"{local}@\uff45{there[1:]}", f"{local}@{there}\u200b", f"{local}@\u00ad{there}"
    )
    yield from (forge.one(b"<" + raw + b">") for raw in _not_utf8(local, there))
    hidden = ("\uff05", "\uff01", "\uff20", "\ufe6b", "\u2215", "\ufe6a")  # look like % ! @ @ / %
    yield from forge.misread(*(f"<{local}{sign}{there}@{domain}>" for sign in hidden))
    yield from forge.misread(f"<{there}\uff01{local}@{domain}>", f"<{local}@{domain}\uff20{there}>")
    yield from forge.misread(f"<{local}@{domain}\u3000{there}>")
    yield from forge.each(f"{local}@\u212a{domain}", f"{local}@{there}\u212a")
    yield from forge.misread(b"<" + local.encode() + b"\xc0\xa5" + there.encode() + b"@" + domain.encode() + b">")


def _not_utf8(local: str, there: str) -> tuple[bytes, ...]:
    mailbox, host = local.encode(), there.encode()
    return (mailbox + b"\xe9@" + host, mailbox + b"@\xe9." + host, mailbox + b"@" + host + b"\xff", b"\xc1\xbf@" + host)


def incomplete(forge: Forge) -> Iterator[Envelope]:
    """No local part, no domain, or neither."""
    local, there = forge.names.there
    yield from forge.each(f"@{there}", f"{local}@", f"@{forge.names.domain}:", "@", f"{local}@.", f"@{HOP}:@{there}")
    yield from forge.each(f"{local}@.{there}", f"{local}@{there}..", f"{local}@{there.replace('.', '..')}")
    yield from forge.misread(f"<{local}>", "<>", f"{local}", f"<@{forge.names.domain}>", '<"">')


def case_and_dots(forge: Forge) -> Iterator[Envelope]:
    """Case, dots and punctuation around a third party."""
    victim, (local, there), domain = forge.names.victim, forge.names.there, forge.names.domain
    yield from forge.each(victim.upper(), f"{local}@{there.upper()}", f"{victim}.", f"{local}.@{there}", f".{victim}")
    yield from forge.each(
        f"{local}..x@{there}", f"{victim}:25", f"{victim},{domain}", f"{victim};{domain}", f"{victim}/{domain}"
    )
    yield from forge.each(
        f"{local}@-{there}", f"{local}@{there}-", f"{local}:x@{there}", f"{local}/{there}@{there}", f"{victim}#"
    )
    yield from forge.each(
        f"{local}=3D@{there}", f"{local}={domain}@{there}", f"{victim}?{domain}", f"{victim}&{domain}", f"{victim}|"
    )


def lengths(forge: Forge) -> Iterator[Envelope]:
    """At and beyond the limits of RFC 5321 4.5.3.1, where a reader may cut."""
    victim, (local, there), domain = forge.names.victim, forge.names.there, forge.names.domain
    for length in (64, 65, 255, 256, 900):
        filled = "a" * length
        yield from forge.each(f"{filled}@{there}", f"{local}%{filled}.{there}@{domain}", f"@{filled}.{domain}:{victim}")
        yield from forge.misread(f"<{local}@{filled}.{domain}>", f'<"{local}{" " * length}"@{domain}>')
    yield from forge.each(
        f"@{',@'.join([HOP] * 20)}:{victim}", f"{local}{'%' + HOP * 1}{('%' + HOP) * 20}%{there}@{domain}"
    )
    yield from forge.each(f"{local}@{'a.' * 120}{there}", f"{(HOP + '!') * 20}{there}!{local}@{domain}")
