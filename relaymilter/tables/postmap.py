"""Postfix's own commands, run: postmap, which gives every entry of a map or the value of one key, and postconf.

No shell; a key is an argument, whatever is in it. Whoever calls waits, for a bounded time.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

from relaymilter.lookups import waiting
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.table import TableError

READ_SECONDS = 60.0
"""For a whole map, and for a key where no decision waits for it."""

_WHERE_ELSE = ("/usr/sbin", "/usr/local/sbin")
_SERIOUS = re.compile(rb"(?:fatal|panic|error|warning): ([^\n]*)")
_HARMLESS = re.compile(rb"[^\n]*: warning: [^\n]*(?:: overriding earlier entry|older than source file)[^\n]*\n?")


def run(program: str, arguments: list[str | bytes], seconds: float) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end, with `-` on its standard input. Raises OSError and subprocess.TimeoutExpired."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_WHERE_ELSE])
    executable = shutil.which(program, path=path)
    if executable is None:
        raise FileNotFoundError(2, f"there is no {program}, which is a part of Postfix")
    return subprocess.run(
        [executable, *arguments], input=b"-\n", capture_output=True, timeout=seconds, check=False
    )  # fmt: skip


def read(program: str, *arguments: str) -> str:
    """What it prints, when that goes well. Raises TableError."""
    try:
        done = run(program, [*arguments], READ_SECONDS)
    except OSError as error:
        raise TableError(f"{program}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise TableError(f"{program}: not done within {READ_SECONDS:g} s") from None
    except ValueError as error:  # NUL in an argument
        raise TableError(f"{program}: {error}") from None
    if done.returncode != 0:
        raise TableError(_why(program, done))
    return done.stdout.decode("utf-8", "surrogateescape")


def entries(options: list[str], name: str) -> Iterator[tuple[str, str]]:
    """Every key and value of the map `type:name`. Raises TableError."""
    printed = read("postmap", *options, "-f", "-s", name)
    for line in printed.removesuffix("\n").split("\n") if printed else ():
        key, tab, value = line.partition("\t")
        if not tab:
            raise TableError(f"postmap prints no entry, but {line[:80]!r}")
        yield key, value


def value(options: list[str], name: str, key: str) -> str | None:
    """The value of this key in the map `type:name`, or None. Raises LookupFailed.

    Where a file was written a moment ago, Postfix waits for nearly two seconds, lest it be half written. So a question
    has all the time that the decision has which needs it.
    """
    seconds = min(READ_SECONDS, waiting.left())
    try:
        octets = key.encode("utf-8")
        done = run("postmap", [*options, "-f", "-q", octets, name], seconds)
    except OSError as error:
        raise LookupFailed(f"postmap: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise LookupFailed(f"postmap: no answer within {seconds:.2g} s") from None
    except ValueError:  # NUL, or not UTF-8: Postfix has no such key
        return None
    if done.returncode == 1 and not done.stdout and not _HARMLESS.sub(b"", done.stderr).strip():
        return None
    if done.returncode != 0:
        raise LookupFailed(_why("postmap", done))
    return _printed(done.stdout, octets)


def _printed(output: bytes, key: bytes) -> str:
    # For the key "-" postmap reads keys from its standard input, where "-" stands, and prints them too.
    printed = output.removeprefix(b"-\t") if key == b"-" else output
    if not printed.endswith(b"\n"):
        raise LookupFailed(f"postmap prints no value, but {output[:80]!r}")
    return printed[:-1].decode("utf-8", "surrogateescape")


def _why(program: str, done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"{program} was killed by signal {-done.returncode}"
    said = _SERIOUS.findall(_HARMLESS.sub(b"", done.stderr)) or [done.stderr.strip() or b"no word of explanation"]
    return f"{program}: {said[-1][-300:].decode('utf-8', 'replace')} (exit status {done.returncode})"
