"""Logins for AUTH, in Cyrus SASL's own database, which both MTAs ask."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from .private import private_command
from .settings import HOST_NAME

# saslpasswd2 asks for one login at a time, and entering the private tree takes longer than it does.
_MAKE = """
tab=$(printf '\\t')
while IFS=$tab read -r login realm password; do
    printf %s "$password" | saslpasswd2 -p -c -f "$1" -u "$realm" "$login" || exit
done
"""


def make_logins(database: Path, logins: Mapping[str, str]) -> None:
    """Write `database` for these logins and passwords; `login@realm` is one of another realm.  None: no database."""
    if logins:
        shutil.copyfile(Path(_database(tuple(sorted(logins.items()))).name) / "sasldb2", database)
        database.chmod(0o600)


@cache
def _database(logins: tuple[tuple[str, str], ...]) -> TemporaryDirectory[str]:
    """The folder of a database; it is removed when this process ends."""
    folder = TemporaryDirectory(prefix="relaymilter-logins-")
    split = ((login.partition("@"), password) for login, password in logins)
    lines = "".join(f"{login}\t{realm or HOST_NAME}\t{password}\n" for (login, _, realm), password in split)
    command = private_command("sh", "-c", _MAKE, "sh", f"{folder.name}/sasldb2")
    subprocess.run(command, input=lines, text=True, check=True)
    return folder


def sasl_configuration(database: Path) -> str:
    """The file that tells Cyrus SASL where the logins are."""
    return (
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\n"
        "mech_list: PLAIN LOGIN CRAM-MD5\n"
    )
