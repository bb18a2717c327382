"""A `type:name` of Postfix as a table of ours."""

from relaymilter.tables.postfix import ANSWER_ALL, SUFFIXES, Keys

_FILES = {*SUFFIXES, "texthash", "cidr", "pcre", "regexp"}


def table_name(text: str, directory: str, keys: Keys) -> tuple[str, str]:
    """How it is written here, for the Postfix of this directory (empty: the usual one); or why it cannot be."""
    bare = text.removeprefix("proxy:")
    type_, _, name = bare.partition(":")
    if type_ in ANSWER_ALL:
        return "", f"a map of the type {type_} has every key"
    if type_ in _FILES and not name.startswith(("/", "{")):
        return "", f"{name} is relative to where Postfix runs: give its whole path"
    return f"postfix:{keys.value}{directory and directory + ':'}{bare}", ""
