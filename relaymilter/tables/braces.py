"""Lists as Postfix writes them: words apart by commas or blanks, but not inside `{...}`."""

from collections.abc import Iterator

SEPARATORS = ", \t\r\n"


def words(text: str) -> Iterator[str]:
    """Every word, one in braces with these. Raises ValueError where a brace is missing."""
    word = ""
    depth = 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            raise ValueError(f"there is a }} too many in {text!r}")
        if depth or character not in SEPARATORS:
            word += character
        elif word:
            yield word
            word = ""
    if depth:
        raise ValueError(f"there is a }} missing in {text!r}")
    if word:
        yield word


def inside(word: str) -> str | None:
    """What is in the braces of a word that is all in braces, or None."""
    if word.startswith("{") and word.endswith("}"):
        return word[1:-1].strip()
    return None
