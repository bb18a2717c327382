"""What the configuration of an MTA comes to, written as a configuration file of ours.

Every entry is tried first: what `run --check` would refuse stands there as a comment, with the reason.
"""

import json
from collections.abc import Iterator

from relaymilter.config.problems import ConfigError
from relaymilter.config.reader import Flags, read
from relaymilter.mta.settings import MtaSettings, Remark, Setting
from relaymilter.tables.registry import is_table


def toml_of(imported: MtaSettings, mta: str) -> str:
    """A file for `run --config`; remarks are comments, each with the settings of its place."""
    keys = dict.fromkeys(setting.key for setting in imported.settings)
    places = {setting.place for setting in imported.settings}
    lines = [f'# The domains and networks of {mta}, for relaymilter; "# !" marks what an administrator should look at.']
    lines += (_remark(remark) for remark in imported.remarks if remark.place not in places)
    remarked: set[str] = set()
    for key in keys:
        lines += ["", f"{key} = [", *_entries(key, imported, remarked), "]"]
    return "".join(f"{line}\n" for line in lines)


def _entries(key: str, imported: MtaSettings, remarked: set[str]) -> Iterator[str]:
    settings = [setting for setting in imported.settings if setting.key == key]
    for place in dict.fromkeys(setting.place for setting in settings):
        yield f"    # {_printable(place)}"
        if place not in remarked:
            yield from ("    " + _remark(remark) for remark in imported.remarks if remark.place == place)
            remarked.add(place)
        for setting in settings:
            if setting.place == place:
                yield from _setting(setting)


def _setting(setting: Setting) -> Iterator[str]:
    texts = [setting.text]
    if setting.subdomains and is_table(setting.text):
        yield "    # ! its subdomains are meant, too, which cannot be written here: name them"
    elif setting.subdomains and setting.text[0] not in ".[":
        texts.append(f".{setting.text}")
    for text in texts:
        written = json.dumps(text, ensure_ascii=False)
        problems, usable = _problems(setting.key, text)
        yield from (f"    # ! {_printable(problem)}" for problem in problems)
        yield f"    {'' if usable else '# '}{_printable(written)},"


def _problems(key: str, text: str) -> tuple[list[str], bool]:
    """What `run --check` would say of this entry by itself, and whether it would be taken."""
    if not text.isprintable():
        return ["it cannot be written in this file"], False
    place = f"--{key}: "
    try:
        warnings = read(Flags({key: (text,)})).warnings
    except ConfigError as error:
        return ["; ".join(problem.removeprefix(place) for problem in error.problems)], False
    # Others speak of the option, of which this is but one entry.
    return [said.removeprefix(place) for said in warnings if said.startswith(f"{place}{text} ")], True


def _remark(remark: Remark) -> str:
    return _printable(f"# ! {remark.place}: {remark.text}")


def _printable(text: str) -> str:
    """One line, in what a comment may hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
