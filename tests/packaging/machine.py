"""A small Debian for a test: its own files over a cached root, its own processes, and the network of a `Namespace`."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.rig import Namespace, Release, wait_for
from tests.rig.packages import PRIVATE_TREE
from tests.rig.processes import children, finish

ROOTS = PRIVATE_TREE / "roots"
READY = "run/machine-is-ready"
ENVIRONMENT = (
    *("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"),
    *("LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"),
)

# What is written is in memory: dpkg waits for the disk often. The first process takes care of orphans, as init does.
BOOT = f"""
set -e
base=$1
mount -t tmpfs tmpfs "$2"
cd "$2"
mkdir over work root
mount -t overlay overlay -o "lowerdir=$base,upperdir=over,workdir=work" root
mount -t proc proc root/proc
mount --rbind /dev root/dev
mount -t tmpfs -o mode=0755 tmpfs root/run
shift 2
while [ $# -gt 0 ]; do
    mkdir -p "root$1"
    mount --bind "$2" "root$1"
    shift 2
done
touch root/{READY}
exec chroot root sh -c 'while :; do sleep 3600 & wait $!; done'
"""


class Machine:
    """Use it in a `with` statement, by `running`; needs root. All that runs in it ends with it.

    `kind` is which root: "machine", with Postfix, or "builder". Folders of ours are `mounted` in
    its root, by these names.
    """

    def __init__(self, network: Namespace, folder: Path, kind: str = "machine", **mounted: Path) -> None:
        self.network = network
        self.address, _ = network.new_server_addresses()
        self._folder = folder
        self._base = root_of(network.release, kind)
        self._mounts = [word for name, path in mounted.items() for word in (f"/{name}", str(path))]
        self._holder: subprocess.Popen[str] | None = None
        self._init = 0

    def start(self) -> None:
        """Mount everything, and return when commands can be run."""
        self._folder.mkdir(exist_ok=True)
        words = [BOOT, "sh", str(self._base), str(self._folder), *self._mounts]
        # Whatever becomes of us, nothing stays; TERM unshare would keep from itself.
        unshare = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child")
        self._holder = self.network.popen(*unshare, "sh", "-c", *words)
        wait_for(self._booted, "the machine has its file systems")

    def stop(self) -> None:
        """End all of its processes; its files go with them."""
        if self._holder:
            self._holder.kill()
            self._holder.wait(20)

    def _booted(self) -> bool:
        assert self._holder is not None
        assert self._holder.poll() is None
        self._init = next(iter(children(self._holder.pid)), 0)
        return self._init != 0 and self.path(READY).exists()

    def path(self, name: str) -> Path:
        """Where a file of the machine is for us, while it runs."""
        return Path(f"/proc/{self._init}/root", name.lstrip("/"))

    def command(self, *command: str) -> list[str]:
        """The argument vector that runs a command there, as root."""
        enter = ("nsenter", f"--target={self._init}", "--mount", "--pid", "--net", "--root")
        return [*enter, "env", "--chdir=/", "-i", *ENVIRONMENT, *command]

    def popen(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command there; it ends with the machine at the latest."""
        return subprocess.Popen(self.command(*command), text=True, **options)

    def end(self, process: subprocess.Popen[str]) -> int:
        """TERM to what was started by `popen`; the exit status."""
        for pid in children(process.pid):  # nsenter itself passes no signal on
            os.kill(pid, signal.SIGTERM)
        return process.wait(20)

    def run(self, *command: str, stdin: str = "", timeout: float = 120) -> str:
        """Run a command there and return what it printed; raise if it fails."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return finish(self.popen(*command, **pipes), command, stdin, timeout)

    def shell(self, script: str, timeout: float = 120) -> str:
        """Run a script of bash there, which ends at the first failure."""
        return self.run("bash", "-euc", script, timeout=timeout)

    def status(self, *command: str) -> int:
        """The exit status of a command there."""
        return self.popen(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait(60)

    def install(self, *packages: str) -> str:
        """Install packages, or archives by their path, with what they need and not what they recommend."""
        return self.run("apt-get", "-q", "-y", "--no-install-recommends", "install", *packages)


def root_of(release: Release, kind: str) -> Path:
    """The cached root; nobody writes there."""
    found = ROOTS / release / kind
    if not (ROOTS / release / "stamp").exists():
        raise FileNotFoundError(f"{found} is missing: run contrib/test")
    return found
