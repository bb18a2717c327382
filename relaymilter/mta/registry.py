"""The MTAs whose configuration can be read, each by the module of its name."""

import importlib
import os
from typing import Protocol, cast

from relaymilter.mta.settings import MtaSettings

MTAS = ("postfix", "sendmail")


class _Module(Protocol):
    def read(self, directory: str | None) -> MtaSettings: ...


def read_mta(text: str) -> MtaSettings:
    """The settings of `postfix`, `sendmail`, or of one in a folder, `postfix:/DIR`. Raises ValueError, in words."""
    name, colon, directory = text.partition(":")
    if name not in MTAS:
        raise ValueError(f"{name!r} is no MTA that is known: give {' or '.join(MTAS)}, and perhaps :/DIR")
    if colon and not directory:
        raise ValueError(f"{text} names no folder: give {name}, or {name}:/DIR")
    module = cast(_Module, importlib.import_module(f"relaymilter.mta.{name}"))
    try:
        return module.read(os.path.abspath(directory) if directory else None)
    except OSError as error:
        raise ValueError(f"{error.filename or name}: {error.strerror}") from None
