"""Where the MTAs and the servers under test are: private trees that `contrib/test` unpacks.

They are never installed.  Their processes run in a mount namespace of their own, so a Postfix or Sendmail that the
machine has is not touched.  The servers, and the MTAs' tools (postmap, makemap), are of the machine's own release, and
their tree lies over its /usr.  The MTAs are of two releases of Debian, whichever the machine has: each release has a
tree with all that its MTAs need, down to the C library, which stands in place of /usr.
"""

from __future__ import annotations

import os
import shutil
from enum import StrEnum
from pathlib import Path

PRIVATE_TREE = Path("/var/cache/relaymilter-test")
PRIVATE_USR = PRIVATE_TREE / "usr"
"""Lies over the machine's."""


class Release(StrEnum):
    """A release of Debian, whose MTAs are under test."""

    DEBIAN_12 = "debian12"
    """Postfix 3.7 and Sendmail 8.17."""
    DEBIAN_13 = "debian13"
    """Postfix 3.10 and Sendmail 8.18."""

    @property
    def usr(self) -> Path:
        """Stands in place of the machine's."""
        return PRIVATE_TREE / self / "usr"


NEEDED_FILES = (
    PRIVATE_USR / "sbin/saslpasswd2",
    *(release.usr / name for release in Release for name in ("lib/postfix/sbin/master", "libexec/sendmail/sendmail")),
)
NEEDED_COMMANDS = ("ip", "nft", "nsenter", "unshare", "setpriv", "mount", "m4", "openssl")


def why_unusable() -> str:
    """Say in one line why no MTA can be started here; an empty string means that they can."""
    if os.geteuid() != 0:
        return "starting the test MTAs needs root: run contrib/test"
    for path in NEEDED_FILES:
        if not path.exists():
            return f"{path} is missing: run contrib/test"
    for command in NEEDED_COMMANDS:
        if shutil.which(command) is None:
            return f"the command {command} is missing: run contrib/test"
    return ""
