"""Families of hostile envelopes whose recipient asks to be sent on: `%`, `!`, `@`, source routes, and their quoting."""

from collections.abc import Iterator

from relaymilter.audit.hostile.envelopes import HOP, Envelope, Forge


def plain(forge: Forge) -> Iterator[Envelope]:
    """A third party, as everybody writes it."""
    victim, (local, there) = forge.names.victim, forge.names.there
    yield from forge.each(victim, f"{local}+tag@{there}", f"postmaster@{there}", f"{local}@sub.{there}")
    # Not ours, however much of our name is in it.
    domain = forge.names.domain
    yield from forge.each(
        f"{local}@{domain}.{there}", f"{local}@not{domain}", f"{local}@{domain}x", f"{domain}@{there}"
    )


def percent_hack(forge: Forge) -> Iterator[Envelope]:
    """`victim%there@here`, as RFC 1123 5.2.16 still allows for."""
    (local, there), ours = forge.names.there, forge.names.ours
    for here in forge.names.gateways:
        yield from forge.each(
            f"{local}%{there}@{here}", f"{local}%{there}%{HOP}@{here}", f"{local}%{there}%{here}@{here}"
        )
        yield from forge.each(f"{local}%{there}.@{here}")
    yield from forge.each(f"{local}%{there}", f"{local}%{there}@{there}", f"{local}%{there}@{HOP}")
    yield from forge.each(f"{ours.replace('@', '%')}@{there}", f"{local}%[203.0.113.99]@{forge.names.domain}")


def bang_path(forge: Forge) -> Iterator[Envelope]:
    """`there!victim`: UUCP (RFC 976)."""
    local, there = forge.names.there
    for here in forge.names.gateways:
        yield from forge.each(f"{there}!{local}@{here}", f"{HOP}!{there}!{local}@{here}", f"{here}!{there}!{local}")
    yield from forge.each(f"{there}!{local}", f"{HOP}!{there}!{local}", f"{there}!{local}@{there}", f"!{there}!{local}")
    yield from forge.each(f"{there}!{local}%{forge.names.domain}@{forge.names.domain}")


def source_route(forge: Forge) -> Iterator[Envelope]:
    """`@here:victim@there`: RFC 821 3.6, which RFC 5321 appendix C has servers ignore."""
    victim, (local, there) = forge.names.victim, forge.names.there
    for here in forge.names.gateways:
        yield from forge.each(f"@{here}:{victim}", f"@{here},@{HOP}:{victim}", f"@{HOP},@{here}:{victim}")
        yield from forge.each(f"@{here}:{local}%{there}@{here}")
    yield from forge.each(f"@{HOP}:{victim}", f"@:{victim}", f"@{there}:{victim}", f"@{HOP},@{HOP},@{HOP}:{victim}")
    yield from forge.misread(f"<@{there}:{forge.names.ours}>", f"<@{there},@{HOP}:{forge.names.ours}>")


def second_at(forge: Forge) -> Iterator[Envelope]:
    """`victim@there@here`: which of the two parts it?"""
    victim = forge.names.victim
    for here in forge.names.gateways:
        yield from forge.each(f"{victim}@{here}")
    yield from forge.each(f"{forge.names.ours}@{forge.names.there[1]}", f"{victim}@{HOP}")
    yield from forge.each(f"@{victim}", f"{victim}@", f"@{forge.names.domain}@{victim}")


def quoting(forge: Forge) -> Iterator[Envelope]:
    """Routing that hides in a quoted string or behind a backslash."""
    victim, (local, there) = forge.names.victim, forge.names.there
    for here in forge.names.gateways:
        yield from forge.each(f'"{victim}"@{here}', f'"{local}%{there}"@{here}', f'"{there}!{local}"@{here}')
        yield from forge.each(f"{local}\\@{there}@{here}", f"{local}\\%{there}@{here}", f'"{local}\\@{there}"@{here}')
        yield from forge.each(f'"@{here}:{victim}"@{here}', f'"{local}"%{there}@{here}')
    yield from forge.each(f'"{victim}"', f'"{local}%{there}"', f'"{there}!{local}"', f'"{local}"@{there}')
    yield from forge.each(f'"{local}\\@x"@{there}', f"{local[:1]}\\{local[1:]}@{there}", f'"{victim}', f'{victim}"')
    yield from forge.misread(f'<"{local}"@{forge.names.domain}>', f"<\\{local}@{forge.names.domain}>")


def nmap(forge: Forge) -> Iterator[Envelope]:
    """The sixteen of nmap's smtp-open-relay, in its order."""
    victim, (local, there) = forge.names.victim, forge.names.there
    host, here = forge.names.host, forge.names.literal
    yield from forge.sent_by("<>", f"<antispam@{there}>", f"<antispam@{host}>")
    tricks = (
        *(victim, f"{local}%{there}@{here}", f"{local}%{there}@{host}", f'"{victim}"', f'"{local}%{there}"'),
        *(f"{victim}@{here}", f'"{victim}"@{here}', f"{victim}@{host}", f"@{here}:{victim}", f"@{host}:{victim}"),
        *(f"{there}!{local}", f"{there}!{local}@{here}", f"{there}!{local}@{host}"),
    )
    yield from (forge.one(f"<{path}>", sender=f"<antispam@{here}>") for path in tricks)
