"""The description of a table that a name alone cannot describe: a TOML file with a host, a query, a password.

A password is never in a flag or in the name of the table: it stands in this file (`password`, then only its owner and
group may read it), in another (`password-file`), or in the environment (`password-env`).
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from relaymilter.files.reading import use
from relaymilter.tables.table import TableError

Value: TypeAlias = str | int | bool | list[str]


@dataclass(frozen=True, slots=True)
class Description:
    """The keys of the file, checked for their names and types, and the password, wherever it stood."""

    path: Path
    values: Mapping[str, Value]
    password: str | None = field(default=None, repr=False)

    def text(self, key: str, default: str = "") -> str:
        """The value of a key that is a string."""
        return str(self.values.get(key, default))


_WANTED: dict[type, str] = {str: "a string", int: "a number", bool: "true or false", list: "a list of strings"}
_PASSWORD = {"password": str, "password-file": str, "password-env": str}


def describe(name: str, keys: Mapping[str, type], needed: tuple[str, ...] = ()) -> Description:
    """Read the file `name`; `keys` are those that may be in it, with their types. Raises TableError and UnsafeFile."""
    path = Path(name)
    known = {**keys, **_PASSWORD}
    use(path)
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # TOML, UTF-8, and NUL in the path
        raise TableError(f"{path}: {error}") from None
    for key, value in values.items():
        if key not in known:
            raise TableError(f"{path}: no such key: {key}; there are {', '.join(sorted(known))}")
        if type(value) is not known[key] or (isinstance(value, list) and not all(isinstance(v, str) for v in value)):
            raise TableError(f"{path}: {key}: wants {_WANTED[known[key]]}")
    for key in needed:
        if key not in values:
            raise TableError(f"{path}: {key} is missing")
    return Description(path, {key: value for key, value in values.items() if key in keys}, _password(path, values))


def _password(path: Path, values: Mapping[str, str]) -> str | None:
    given = [key for key in _PASSWORD if key in values]
    if len(given) > 1:
        raise TableError(f"{path}: give one of {', '.join(given)}")
    match given:
        case ["password"]:
            _demand_privacy(path)
            return values["password"]
        case ["password-file"]:
            return _first_line(path, Path(values["password-file"]))
        case ["password-env"]:
            if values["password-env"] not in os.environ:
                raise TableError(f"{path}: password-env: there is no {values['password-env']} in the environment")
            return os.environ[values["password-env"]]
    return None


def _first_line(path: Path, secret: Path) -> str:
    use(secret)
    try:
        lines = secret.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: password-file: {secret}: {getattr(error, 'strerror', None) or error}") from None
    _demand_privacy(secret)
    if len(lines) != 1:
        raise TableError(f"{path}: password-file: {secret} has {len(lines)} lines; it is to have one, the password")
    return lines[0]


def _demand_privacy(secret: Path) -> None:
    if secret.stat().st_mode & stat.S_IROTH:
        raise TableError(f"{secret}: everyone may read the password in it: chmod o-r {secret}")
