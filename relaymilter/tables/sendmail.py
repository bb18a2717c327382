"""`sendmail:`: the lists and the access map of Sendmail, by the path that its configuration has.

A map that makemap has made is dumped by `makemap -u`; access.py says what its entries mean. A list (local-host-names,
relay-domains) has an entry a line, with addresses and domains side by side: each option takes its own sort.
`sendmail:hosts-only:PATH` is for FEATURE(relay_hosts_only): no domain of an access map stands for its subdomains.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from relaymilter.files.reading import note, use
from relaymilter.files.safety import UnsafeFile
from relaymilter.tables.access import access, network_of
from relaymilter.tables.table import Entry, Loaded, Note, Sort, TableError

HOSTS_ONLY = "hosts-only:"
ELSEWHERE = ("/usr/sbin", "/usr/libexec/sendmail", "/usr/lib/sendmail", "/usr/local/sbin")
"""Where Sendmail's programs are, should PATH not have them."""
SECONDS = 60.0
"""For makemap to dump a map."""

_BERKELEY = {0x00061561: "hash", 0x00053162: "btree"}
"""What a database has at octet 12, as a 32 bit number."""
_HAS_VALUES = re.compile(r"^[^\s#]\S*[ \t]+[^\s#]", re.MULTILINE)
_WORD = re.compile(r"[\w.-]+|\[.*\]")
_NEITHER = "Sendmail takes it neither for the beginning of an address nor for a domain, so it is left out"


def open_table(_kind: str, name: str) -> Loaded:
    """The list, or the map, at this path; where PATH.db is there it is that. Raises TableError."""
    path = Path(name.removeprefix(HOSTS_ONLY))
    database = path if path.suffix == ".db" else path.with_name(f"{path.name}.db")
    note(database)
    try:
        if database.is_file():
            return _map(database, list(_records(dump(database))), name.startswith(HOSTS_ONLY))
        use(path)
        text = path.read_bytes().decode("utf-8", "backslashreplace")
    except OSError as error:
        raise TableError(f"{error.filename or path}: {error.strerror}") from None
    except (TableError, UnsafeFile):
        raise
    except ValueError as error:  # NUL in the path
        raise TableError(f"{path}: {error}") from None
    if _HAS_VALUES.search(text):
        return _map(path, list(_lines(text)), name.startswith(HOSTS_ONLY))
    return _list(path, text)


def dump(database: Path) -> str:
    """Every record of a map, as makemap writes it: key, tab, value. Raises TableError, and OSError without the map."""
    use(database)
    with database.open("rb") as file:
        head = file.read(16)[12:]
    kind = _BERKELEY.get(int.from_bytes(head, "little")) or _BERKELEY.get(int.from_bytes(head, "big"))
    if kind is None:
        raise TableError(f"{database}: is no map that makemap has made")
    makemap = find_program("makemap")
    if makemap is None:
        raise TableError(f"{database}: needs makemap, which comes with Sendmail: apt install sendmail-bin")
    # Without -C it wants a sendmail.cf; -s: whether the folder of a map is safe is for Sendmail to judge.
    command = [makemap, "-C", "/dev/null", "-s", "-u", kind, str(database)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TableError(f"{database}: {error}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "backslashreplace").strip().rpartition("\n")[2]
        raise TableError(f"{database}: {said or f'makemap ended with {done.returncode}'}")
    return done.stdout.decode("utf-8", "backslashreplace")


def find_program(name: str) -> str | None:
    """The path of a program of Sendmail's."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *ELSEWHERE]))


def _records(dumped: str) -> Iterator[Entry]:
    for number, line in enumerate(dumped.split("\n")[:-1], 1):
        key, _, value = line.replace("\0", "").partition("\t")
        yield Entry(number, key, value.strip())


def _lines(text: str) -> Iterator[Entry]:
    """The lines that makemap would read: `#` begins a comment at their beginning alone."""
    for number, line in enumerate(text.split("\n"), 1):
        key, *value = line.split(maxsplit=1)[:2] or [""]
        if key and not line.startswith("#"):
            yield Entry(number, key, value[0].strip() if value else "")


def _map(path: Path, entries: list[Entry], hosts_only: bool) -> Loaded:
    parts = access(entries, hosts_only)

    def only(sort: Sort) -> Loaded:
        if sort == "login":
            raise TableError(f"{path}: there are no logins in an access map")
        part = parts.networks if sort == "network" else parts.domains
        notes = [note if note.number else Note(0, f"{path}: {note.text}") for note in part.notes]
        return Loaded(str(path), part.entries, (path,), notes)

    return Loaded(str(path), entries, (path,), only=only)


def _list(path: Path, text: str) -> Loaded:
    def only(sort: Sort) -> Loaded:
        notes: list[Note] = []
        return Loaded(str(path), _SORTED[sort](_words(text), notes), (path,), notes)

    return Loaded(str(path), _words(text), (path,), only=only)


def _words(text: str) -> Iterator[Entry]:
    """The first word of each line: what Sendmail reads into a class."""
    for number, line in enumerate(text.split("\n"), 1):
        words = line.partition("#")[0].split(maxsplit=1)
        if words:
            yield Entry(number, words[0])


def _networks(entries: Iterator[Entry], notes: list[Note]) -> Iterator[Entry]:
    for entry in entries:
        network = network_of(entry.key.removesuffix("."))
        if network:
            yield Entry(entry.number, network)
        elif not _WORD.fullmatch(entry.key):
            notes.append(Note(entry.number, f"{entry.key}: {_NEITHER}"))


def _domains(entries: Iterator[Entry], notes: list[Note]) -> Iterator[Entry]:
    for entry in entries:
        if not _WORD.fullmatch(entry.key):
            if not network_of(entry.key):
                notes.append(Note(entry.number, f"{entry.key}: {_NEITHER}"))
        elif not entry.key[0].isdigit() or not network_of(entry.key.removesuffix(".")):
            yield entry


def _logins(entries: Iterator[Entry], _notes: list[Note]) -> Iterator[Entry]:
    return entries


_SORTED: dict[Sort, Callable[[Iterator[Entry], list[Note]], Iterator[Entry]]] = {
    "network": _networks,
    "domain": _domains,
    "login": _logins,
}
