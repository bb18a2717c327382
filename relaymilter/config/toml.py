"""The configuration file: TOML, each key an option, each value with the line that it stands in.

tomllib keeps no lines, so they are found again in the text: a key by its name, an item of a list by its quoted value
after that key.
"""

import difflib
import json
import re
import tomllib
from pathlib import Path
from types import UnionType

from relaymilter.config.option import Kind
from relaymilter.config.options import OPTIONS
from relaymilter.config.problems import Problems, Value
from relaymilter.files.safety import danger

_WANTED: dict[Kind, tuple[type | UnionType, str]] = {
    Kind.SWITCH: (bool, "true or false"),
    # A number is no string: of the mode 0o660 nothing but 432 is left, which reads as another mode.
    Kind.TEXT: (str, "one string"),
    Kind.NUMBER: (str | int | float, "one number"),
    Kind.LIST: (str, "a list of strings"),
    Kind.TABLES: (dict, "tables"),
}


def read_toml(path: Path, problems: Problems) -> dict[str, list[Value]]:
    """The values of every key of the file; what is wrong goes to problems."""
    if reason := danger(path):
        problems.error(str(path), reason.removeprefix(f"{path}: "))
        return {}
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        problems.error(str(path), error.strerror or str(error))
        return {}
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.error(f"{path}:{line}", "not UTF-8")
        return {}
    except RecursionError:
        problems.error(str(path), "nested too deeply")
        return {}
    except ValueError as error:  # TOMLDecodeError is one
        at = re.search(r"at line (\d+)", str(error))
        problems.error(f"{path}:{at[1]}" if at else str(path), str(error))
        return {}
    lines = text.split("\n")
    return {key: _values(path, lines, key, value, problems) for key, value in table.items()}


def _values(path: Path, lines: list[str], key: str, value: object, problems: Problems) -> list[Value]:
    at = _line_of_key(lines, key)
    place = f"{path}:{at}: {key}"
    option = OPTIONS.get(key)
    if option is None:
        near = difflib.get_close_matches(key, OPTIONS, 1)
        problems.error(place, "no such key" + (f": did you mean {near[0]}?" if near else ""))
        return []
    if isinstance(value, list) and option.kind in (Kind.LIST, Kind.TABLES):
        values = []
        for item in value:
            at = _line_of_item(lines, item, at)
            values += _one(item, option.kind, f"{path}:{at}: {key}", problems)
        return values
    return _one(value, option.kind, place, problems)


def _one(value: object, kind: Kind, place: str, problems: Problems) -> list[Value]:
    types, wanted = _WANTED[kind]
    if not isinstance(value, types) or isinstance(value, bool) != (kind is Kind.SWITCH):
        problems.error(place, f"wants {wanted}")
        return []
    if isinstance(value, dict):
        return [Value(_inline(value), place)]
    return [Value(("no", "yes")[value] if isinstance(value, bool) else str(value), place)]


def _inline(table: dict[str, object]) -> str:
    """A table as the flag has it: TOML's strings and lists are JSON's, and a date is a string, too."""
    return (
        "{" + ", ".join(f"{json.dumps(key)} = {json.dumps(value, default=str)}" for key, value in table.items()) + "}"
    )


def _line_of_key(lines: list[str], key: str) -> int:
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)


def _line_of_item(lines: list[str], item: object, start: int) -> int:
    """The first line from `start` on that holds the item; `start` where it is written in another way (escapes)."""
    quoted = re.compile(rf"""["']{re.escape(str(item))}["']""")
    return next((n for n in range(start, len(lines) + 1) if quoted.search(lines[n - 1])), start)
