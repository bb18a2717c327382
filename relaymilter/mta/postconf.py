"""What Postfix's own postconf says: parameters of main.cf, and what services of master.cf have of their own."""

from relaymilter.tables import postmap


def parameters(directory: str | None, *asked: str) -> dict[str, str]:
    """Name and value of each that is printed; `asked` are options and names of postconf(1). Raises TableError."""
    lines = (line.partition("=") for line in printed(directory, *asked).splitlines())
    return {name.strip(): value.strip() for name, equals, value in lines if equals}


def printed(directory: str | None, *asked: str) -> str:
    """What it prints, of the Postfix with main.cf in this directory; None: of the usual one. Raises TableError."""
    return postmap.read("postconf", *(["-c", directory] if directory else []), *asked)
