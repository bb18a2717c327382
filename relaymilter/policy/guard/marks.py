"""What a ledger is given of a request: hashes for its addresses, a key for its network, names for its subjects.

No address of a recipient is kept in clear: a hash with a secret key stands for it, and cannot be looked up in a list of
addresses by whoever gets hold of the ledger without the key.
"""

import hashlib
from functools import lru_cache

from relaymilter.policy.address import Malformed
from relaymilter.policy.domains import ascii_lower
from relaymilter.policy.envelope import Request
from relaymilter.policy.guard.footprint import networks_of
from relaymilter.policy.guard.limits import Per
from relaymilter.policy.guard.novelty import Sent
from relaymilter.policy.logins import Fold
from relaymilter.policy.mailboxes import NULL_PATH
from relaymilter.policy.networks import Address, LocalNetwork, parse_address
from relaymilter.policy.ports import Hash
from relaymilter.policy.senders import sender_path

HASH_SIZE = 8
"""Octets. Of ten thousand recipients one in 10**15 strangers is taken for one of them."""
MOST_NAME = 255
"""Letters of a login or a sender in the name of a subject; of longer ones a hash stands for the rest."""

_COMMON = frozenset({b"", b"localhost", b"localhost.localdomain", b"smtpclient.apple"})
"""What programs for phones say, and some tools. Thunderbird and many others give an address literal."""


def sent(request: Request, key: bytes) -> Sent:
    """This recipient, in the terms of a ledger."""
    device, common, program = _device(request.helo, request.macros.mechanism, request.macros.tls, key)
    networks, recipient = networks_of(request.client.address), _hash(b"recipient", _mailbox(request), key)
    return Sent(networks, recipient, device, common, program)


def _hash(kind: bytes, text: bytes, key: bytes) -> Hash:
    return hashlib.blake2b(text, digest_size=HASH_SIZE, key=key, person=kind).digest()


def _mailbox(request: Request) -> bytes:
    """Only ASCII letters are folded, of a local part as well: few distinguish mailboxes by case."""
    path = request.path
    if isinstance(path, Malformed):
        return request.recipient
    return ascii_lower(f"{path.local}@{path.domain}").encode()


@lru_cache(4096)
def _device(helo: bytes, mechanism: str | None, tls: str | None, key: bytes) -> tuple[Hash, bool, Hash]:
    """The device, whether many say in HELO what it says, and its program.

    A name of its own says which device it is, whatever TLS agrees on after an update. What many say does not: there the
    program parts them.
    """
    said = _literal(helo) if helo.startswith(b"[") else helo.lower()[:255]
    common = said in _COMMON or helo.startswith(b"[")
    agreed = f"{mechanism or ''} {tls or ''}".encode("utf-8", "surrogatepass")
    program = _hash(b"program", b"%s %s" % (said if common else b"a name", agreed), key)
    return program if common else _hash(b"device", said, key), common, program


def _literal(helo: bytes) -> bytes:
    """A literal says where a client is, not which it is: the kind of its address stands for it."""
    address = parse_address(helo.strip(b"[]").decode("latin-1").lower().removeprefix("ipv6:"))
    if address is None:
        return b"[]"
    if address.is_loopback:
        return b"[loopback]"
    if address.version == 6:
        return b"[IPv6]"
    return b"[public]" if address.is_global else b"[private]"


def subject(per: Per, request: Request, fold: Fold, grant: str | None) -> str | None:
    """Who is charged, as the name of a subject; None where there is nobody to charge."""
    name = _NAMES[per](request, fold, grant)
    return None if name is None else f"{per.value} {name}".rstrip()


def login_subject(login: str, fold: Fold) -> str:
    """The subject that a login is: in lower case always, since a password store may take every spelling."""
    return f"login {_short(ascii_lower(fold.of(login)))}"


def _login(request: Request, fold: Fold, grant: str | None) -> str | None:
    login = request.bound_login
    return login_subject(login, fold).partition(" ")[2] if login else None


def _client(request: Request, fold: Fold, grant: str | None) -> str | None:
    return str(request.client.address) if request.client.address is not None else "unknown"


def _network(request: Request, fold: Fold, grant: str | None) -> str | None:
    return _network_name(request.client.address)


@lru_cache(4096)
def _network_name(address: Address | None) -> str:
    if address is None:
        return "unknown"
    length, bits = (24, 32) if address.version == 4 else (48, 128)
    return str(LocalNetwork(address.version, int(address) >> bits - length << bits - length, length))


def _sender(request: Request, fold: Fold, grant: str | None) -> str | None:
    path = sender_path(request.sender)
    if path is None:
        return "unknown"
    return "<>" if path == NULL_PATH else _short(ascii_lower(f"{path.local}@{path.domain}"))


def _sender_domain(request: Request, fold: Fold, grant: str | None) -> str | None:
    path = sender_path(request.sender)
    return "unknown" if path is None else path.domain or "<>"


def _grant(request: Request, fold: Fold, grant: str | None) -> str | None:
    return None if grant is None else _short(grant)


def _all(request: Request, fold: Fold, grant: str | None) -> str | None:
    return ""


_NAMES = {
    Per.LOGIN: _login,
    Per.CLIENT: _client,
    Per.NETWORK: _network,
    Per.SENDER: _sender,
    Per.SENDER_DOMAIN: _sender_domain,
    Per.GRANT: _grant,
    Per.ALL: _all,
}


def _short(name: str) -> str:
    if len(name) <= MOST_NAME:
        return name
    return name[:MOST_NAME] + hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
