"""Logins for AUTH, in Cyrus SASL's own database, which both MTAs ask."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from .folders import lasting_folder
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
        shutil.copyfile(_database(tuple(sorted(logins.items()))), database)
        database.chmod(0o600)


@cache
def _database(logins: tuple[tuple[str, str], ...]) -> Path:
    """A database; it is removed when this process ends."""
    database = lasting_folder("logins") / "sasldb2"
    split = ((login.partition("@"), password) for login, password in logins)
    lines = "".join(f"{login}\t{realm or HOST_NAME}\t{password}\n" for (login, _, realm), password in split)
    command = private_command("sh", "-c", _MAKE, "sh", str(database))
    subprocess.run(command, input=lines, text=True, check=True)
    return database


def sasl_configuration(database: Path) -> str:
    """The file that tells Cyrus SASL where the logins are."""
    return (
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\n"
        "mech_list: PLAIN LOGIN CRAM-MD5\n"
    )
