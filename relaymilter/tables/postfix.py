"""`postfix:TYPE:NAME`: a map of Postfix. `postfix:/DIR:TYPE:NAME` is one of the Postfix that is configured in /DIR.

What postmap can list (hash, lmdb, texthash, ...) is read whole, with the keys in lower case that it has of them; a file
of the type cidr is read as its networks. All others (pcre, ldap, mysql, ...) are asked, by `postmap -q`; pcre, regexp
and their like never for a part of a name, as in Postfix. A word before the type says how Postfix takes the keys:
`exact:` as in mydestination, `parents:` as in relay_domains, where a domain stands for its subdomains, too.
"""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain
from pathlib import Path

from relaymilter.files.reading import note
from relaymilter.files.safety import require_safe
from relaymilter.policy.domains import domain_form
from relaymilter.policy.networks import parse_address
from relaymilter.policy.ports import Table
from relaymilter.tables import inline, postmap
from relaymilter.tables.cidr import open_cidr
from relaymilter.tables.table import Entry, Loaded, Note, Sort, TableError

SUFFIXES = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "dbm": ".pag", "sdbm": ".pag"}
"""Of the file that postmap makes of another."""
LISTED = {"hash", "btree", "lmdb", "texthash"}
"""What postmap -s can list."""
PATTERNS = {"pcre", "regexp", "tcp", "socketmap", "pipemap", "unionmap"}
"""Asked for whole names alone (DICT_FLAG_PATTERN); a pipemap and a unionmap if anything in it is, so always here."""
ASKED = {
    *PATTERNS,
    *SUFFIXES,
    "fail",
    "ldap",
    "memcache",
    "mongodb",
    "mysql",
    "nis",
    "nisplus",
    "pgsql",
    "sqlite",
    "unix",
}
ANSWER_ALL = {"static", "randmap"}
OWN = {"cidr", "inline"}
"""Read here."""


class Keys(Enum):
    """How they are taken."""

    AS_THEY_ARE = ""
    """`.example.org` stands for subdomains."""
    EXACT = "exact:"
    """What begins with a dot, or is no domain, means nothing; nor does a network that is more than an address."""
    PARENTS = "parents:"
    """So too, and `example.org` stands for its subdomains."""


@dataclass(frozen=True, slots=True)
class AskedMap:
    """A map that postmap asks."""

    name: str
    options: tuple[str, ...]
    """Of postmap: which Postfix."""
    map: str
    """As Postfix writes it."""
    keys: Keys
    waits: bool = True

    def find(self, key: str) -> str | None:
        """The value of a key. Raises LookupFailed."""
        if key.startswith("."):  # a parent of a name
            if self.keys is Keys.EXACT:
                return None
            if self.keys is Keys.PARENTS:
                key = key[1:]
        return postmap.value([*self.options], self.map, key)


def open_table(kind: str, name: str) -> Loaded | Table:
    """The map of this name. Raises TableError."""
    keys = next(keys for keys in reversed(Keys) if name.startswith(keys.value))
    text, directory = name.removeprefix(keys.value), ""
    if text.startswith("/"):
        directory, _, text = text.partition(":")
    text = text.removeprefix("proxy:")  # proxymap(8) asks the same map, for those who are not allowed to
    options = ("-c", directory) if directory else ()
    type_, _, where = text.partition(":")
    if not where:
        raise TableError(f"{kind}:{name} names no map: give {kind}:TYPE:NAME, such as {kind}:hash:/etc/postfix/domains")
    if type_ in OWN or type_ in LISTED:
        loaded = _loaded(type_, where, options)
        return loaded if keys is Keys.AS_THEY_ARE or type_ == "cidr" else _taken(loaded, keys)
    _demand_askable(type_, options)
    _demand_file(type_, where)
    return AskedMap(f"{kind}:{name}", options, text, Keys.EXACT if type_ in PATTERNS else keys)


def _loaded(type_: str, where: str, options: tuple[str, ...]) -> Loaded:
    if type_ == "cidr":
        return open_cidr(where)
    if type_ == "inline":
        return inline.open_table(type_, where)
    files = _demand_file(type_, where)
    entries = _entries([*options], f"{type_}:{where}")
    return Loaded(f"{type_}:{where}", entries, files, _notes(type_, files))


def _entries(options: list[str], name: str) -> Iterator[Entry]:
    for number, (key, value) in enumerate(postmap.entries(options, name), 1):
        yield Entry(number, key, value)


def _demand_askable(type_: str, options: tuple[str, ...]) -> None:
    if type_ in ANSWER_ALL:
        raise TableError(f"a map of the type {type_} has every key: it would open the relay")
    known = ASKED | LISTED | OWN
    if type_ not in known:
        near = difflib.get_close_matches(type_, known, 1)
        meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise TableError(f"{type_!r} is no type of a map that can be asked: {meant}")
    if type_ not in postmap.read("postconf", *options, "-m").split():
        raise TableError(f"this Postfix has no maps of the type {type_}; Debian packages many apart: postfix-pcre, ...")


def _demand_file(type_: str, where: str) -> tuple[Path, ...]:
    """The file of the map and its source, as far as they are files. Raises TableError if the map is missing."""
    if not where.startswith("/") and type_ not in {*SUFFIXES, "texthash"} or type_ in ("unix", "fail"):
        return ()
    source = Path(where)
    made = Path(where + SUFFIXES.get(type_, ""))
    note(made, source)
    try:
        made.stat()
    except OSError as error:
        if made != source and source.exists():
            raise TableError(f"{made}: {error.strerror}: run postmap {type_}:{source}") from None
        raise TableError(f"{made}: {error.strerror}") from None
    except ValueError as error:  # NUL in the path
        raise TableError(f"{where!r}: {error}") from None
    require_safe(made)
    return (made, source) if made != source and source.exists() else (made,)


def _notes(type_: str, files: tuple[Path, ...]) -> list[Note]:
    match files:
        case [made, source] if made.stat().st_mtime < source.stat().st_mtime:
            return [Note(0, f"{source} was changed after {made} was made of it: run postmap {type_}:{source}")]
    return []


def _taken(loaded: Loaded, keys: Keys) -> Loaded:
    def only(sort: Sort) -> Loaded:
        counts: Callable[[str], bool] = _COUNTS.get(sort, bool)
        entries: Iterator[Entry] = (entry for entry in loaded.entries if counts(entry.key))
        if sort == "domain" and keys is Keys.PARENTS:
            entries = chain.from_iterable(map(_with_parent, entries))
        return replace(loaded, entries=entries, only=None, may_be_empty=True)

    return replace(loaded, only=only)


def _with_parent(entry: Entry) -> tuple[Entry, ...]:
    return (entry,) if entry.key.startswith("[") else (entry, entry._replace(key=f".{entry.key}"))


def _is_domain(key: str) -> bool:
    try:
        form = domain_form(key)
    except ValueError:
        return False
    return not form.rpartition(".")[2].isdigit()


_COUNTS: dict[Sort, Callable[[str], bool]] = {
    "domain": _is_domain,
    "network": lambda key: parse_address(key) is not None,
}
