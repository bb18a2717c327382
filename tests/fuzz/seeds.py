"""The corpus to begin with: every form of a path that MTAs are known to take, and packets of every command."""

from relaymilter.milter import wire

PATHS = (
    b"<bob@example.org>",
    b"bob@example.org",
    b"<@hop1.test,@hop2.test:bob@example.org>",
    b"<b%else.test@example.org>",
    b"<else.test!b@example.org>",
    b"<b@else.test@example.org>",
    b'<"b@else.test"@example.org>',
    b'<"b@else.test">',
    b"<b\\@else.test@example.org>",
    b'<"b\\@c"@example.org>',
    b"<b(comment (nested) \\( )@example.org>",
    b"<b @ example.org>",
    b"<bob@example.org\t>",
    b"<<bob@example.org>>",
    b"<b@else.test>,<bob@example.org>",
    b"<bob@example.org>NOTIFY=NEVER",
    b"<bob@example.org> NOTIFY=NEVER ORCPT=rfc822;x",
    b"<postmaster>",
    b"<b@[192.0.2.9]>",
    b"<b@[IPv6:2001:db8::1]>",
    b"<b..c.@EXAMPLE.ORG.>",
    "<bob@bücher.example>".encode(),
    "<bob@\u212aelvin.example>".encode(),
    b'<"".b."c d"@example.org>',
    b"<>",
)

PACKETS = (
    wire.packet(b"H", b"client.test\0"),
    wire.packet(b"M", b"<a@b.test>\0SIZE=100\0"),
    wire.packet(b"D", b"R{auth_authen}\0joe\0{rcpt_addr}\0bob@example.org\0"),
    wire.packet(b"R", b"<bob@example.org>\0NOTIFY=NEVER\0") + wire.packet(b"R", b"<c%d@example.org>\0"),
    wire.packet(b"A") + wire.packet(b"K") + wire.packet(b"D", b"Cv\0Postfix 3.7.11\0"),
    wire.packet(b"C", b"x\x006\0\x19IPv6:0:0:0:0:0:0:0:1\0"),
    wire.packet(b"C", b"localhost\0U"),
    wire.packet(b"T")
    + wire.packet(b"L", b"From\0x\0")
    + wire.packet(b"N")
    + wire.packet(b"B", b"x")
    + wire.packet(b"E"),
    wire.packet(b"U", b"EXPN\0") + wire.packet(b"Q"),
    wire.packet(b"O", b"\0\0\0\2\0\0\0\x3f\0\0\0\x7f"),
)

SEEDS: dict[str, tuple[bytes, ...]] = {"path": PATHS, "dialogue": PACKETS}
