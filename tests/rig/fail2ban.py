"""fail2ban's own programs, with its own filters and ours."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .daemon import ROOT
from .packages import PRIVATE_TREE
from .private import private_command


class Fail2ban:
    """Its configuration in `folder`, with ours from contrib/ added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "fail2ban"
        shutil.copytree(PRIVATE_TREE / "etc/fail2ban", self._folder)
        shutil.copytree(ROOT / "contrib/fail2ban", self._folder, dirs_exist_ok=True)

    def failures(self, log: Path, name: str) -> list[str]:
        """The addresses that this filter finds in the log, one for each line that counts against it, in their order."""
        command = private_command("fail2ban-regex", "-c", str(self._folder), "-r", "-o", "failure <ip>", str(log), name)
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        return [line.removeprefix("failure ") for line in done.stdout.splitlines() if line.startswith("failure ")]

    def jails(self, log: Path) -> str:
        """What fail2ban says of all jails, with the log of ours there: whether they are sound."""
        jail = self._folder / "jail.d/relaymilter.conf"
        jail.write_text(jail.read_text().replace("/var/log/mail.log", str(log)))
        (self._folder / "jail.d/defaults-debian.conf").unlink(missing_ok=True)
        command = private_command("fail2ban-client", "-c", str(self._folder), "-d")
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
