"""Where the MTAs under test are: a private tree that `contrib/test` unpacks.

They are never installed.  Their processes run in a mount namespace of their own, in which the
tree lies over the machine's /usr, so a Postfix or Sendmail that the machine has is not touched.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PRIVATE_USR = Path("/var/cache/relaymilter-test/usr")

NEEDED_FILES = ("lib/postfix/sbin/master", "libexec/sendmail/sendmail", "sbin/saslpasswd2")
NEEDED_COMMANDS = ("ip", "nsenter", "unshare", "setpriv", "mount", "m4", "openssl")


def why_unusable() -> str:
    """Say in one line why no MTA can be started here; an empty string means that they can."""
    if os.geteuid() != 0:
        return "starting the test MTAs needs root: run contrib/test"
    for name in NEEDED_FILES:
        if not (PRIVATE_USR / name).exists():
            return f"{PRIVATE_USR / name} is missing: run contrib/test"
    for command in NEEDED_COMMANDS:
        if shutil.which(command) is None:
            return f"the command {command} is missing: run contrib/test"
    return ""
