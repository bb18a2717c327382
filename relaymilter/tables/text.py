"""`file:`: one entry a line, `#` begins a comment, blank lines do not count.

Sendmail's local-host-names and relay-domains and Postfix's lists in files have this form.
"""

from pathlib import Path


def entries(path: Path) -> list[tuple[int, str]]:
    """Each entry with its line number. Raises OSError, and ValueError for what is not UTF-8 text."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        bad = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"line {bad} is not UTF-8") from None
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.partition("#")[0].strip()
        if entry:
            found.append((number, entry))
    return found
