"""What stands in for systemd in a `Machine`: it opens sockets and runs a service as their units say.

The service is given what the unit gives it: its own ExecStart, the sockets, a root of the folders that it may see, its
user, and no network. The machine's `systemctl` asks us, so what the package's scripts ask for is what happens.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import socket
import subprocess
import threading
from pathlib import Path

from tests.packaging.machine import Machine
from tests.packaging.units import Unit, read_unit
from tests.rig import wait_for

FOLDER = "/run/manager"
UNITS = "/usr/lib/systemd/system"

# Each call has a pipe of its own for the answer: an exit status, and a word to print.
SYSTEMCTL = f"""#!/bin/sh
answer={FOLDER}/answer.$$
mkfifo "$answer"
echo "$answer $*" >{FOLDER}/requests
read -r status word <"$answer"
rm "$answer"
[ -z "$word" ] || echo "$word"
exit "$status"
"""

# RootDirectory=, BindReadOnlyPaths=, StateDirectory=, User=, and the sockets from descriptor 3 on.
SERVICE = f"""
root=/run/relaymilter-root
mkdir -p $root
mount -t tmpfs -o mode=0755 tmpfs $root
for path in $BIND_READ_ONLY_PATHS; do
    from=${{path#-}}
    [ "$from" = "$path" ] || [ -e "$from" ] || continue
    mkdir -p "$root$from"
    mount --bind "$from" "$root$from"
    mount -o remount,bind,ro "$root$from"
done
mkdir -p $root/proc $root/dev $root/tmp "$root/var/lib/$STATE"
mount -t proc proc $root/proc
mount --rbind /dev $root/dev
mount -t tmpfs tmpfs $root/tmp
mkdir -p "/var/lib/$STATE"
chown "$USER:$GROUP" "/var/lib/$STATE"
chmod "$MODE" "/var/lib/$STATE"
mount --bind "/var/lib/$STATE" "$root/var/lib/$STATE"
touch $root/notify
mount --bind {FOLDER}/notify $root/notify
mount -o remount,ro $root
echo $$ >{FOLDER}/main
ids=$(id -u "$USER"):$(getent group "$GROUP" | cut -d: -f3)
exec setpriv --no-new-privs chroot --userspec="$ids" --groups= $root \\
    /usr/bin/sh -c 'LISTEN_PID=$$ exec "$@"' sh "$@"
"""


class Manager:
    """Use it by `running`, in a machine that runs."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.refused: list[str] = []
        """What `systemctl` was asked that we cannot do."""
        self._sockets: dict[str, socket.socket] = {}
        self._service: subprocess.Popen[str] | None = None
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Be there for the machine's systemctl."""
        for folder in (FOLDER, "/run/systemd/system"):
            self.machine.path(folder).mkdir(parents=True)
        program = self.machine.path("/usr/bin/systemctl")
        program.write_text(SYSTEMCTL)
        program.chmod(0o755)
        os.mkfifo(self.machine.path(f"{FOLDER}/requests"))
        notify = self.machine.path(f"{FOLDER}/notify")
        self._ready.bind(str(notify))
        notify.chmod(0o666)
        self._thread.start()

    def stop(self) -> None:
        """Stop every unit."""
        with self.machine.path(f"{FOLDER}/requests").open("w") as requests:
            requests.write("end\n")
        self._thread.join(60)
        self._stop("relaymilter.service")
        for name in [*self._sockets]:
            self._stop(name)
        self._ready.close()

    def _serve(self) -> None:
        requests = os.open(self.machine.path(f"{FOLDER}/requests"), os.O_RDWR)
        with os.fdopen(requests) as lines:
            for line in lines:
                answer, *words = line.split()
                if answer == "end":
                    return
                said = self._asked([word for word in words if not word.startswith("-")])
                self.machine.path(answer).write_text(f"{said}\n")

    def _asked(self, words: list[str]) -> str:
        try:
            return self._do(words[0], words[1:])
        except Exception as error:
            self.refused.append(f"systemctl {shlex.join(words)}: {error!r}")
            return "1"

    def _do(self, verb: str, names: list[str]) -> str:
        match verb:
            case "start" | "stop" | "restart":
                for name in names:
                    {"start": self._start, "stop": self._stop, "restart": self._restart}[verb](name)
                return "0"
            case "is-active":
                return "0" if all(map(self.active, names)) else "3"
            case "is-enabled":
                return "0 enabled" if all(map(self._enabled, names)) else "1 disabled"
            case "preset":
                for name in names:
                    self._enable(name)
                return "0"
            case "daemon-reload":
                return "0"
        raise ValueError("this is no command that a package's script needs")

    def active(self, name: str) -> bool:
        """Does the unit run, or listen?"""
        if name.endswith(".socket"):
            return name in self._sockets
        return self._service is not None and self._service.poll() is None

    def _enabled(self, name: str) -> bool:
        links = self.machine.path("/etc/systemd/system")
        return any((folder / name).is_symlink() for folder in links.glob("*.wants"))

    def _enable(self, name: str) -> None:
        for target in self.unit(name).words("WantedBy"):
            link = self.machine.path(f"/etc/systemd/system/{target}.wants/{name}")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(f"{UNITS}/{name}")

    def unit(self, name: str) -> Unit:
        """What is installed under this name."""
        return read_unit(self.machine.path(f"{UNITS}/{name}"))

    def _restart(self, name: str) -> None:
        self._stop(name)
        self._start(name)

    def _start(self, name: str) -> None:
        if self.active(name):
            return
        if name.endswith(".socket"):
            self._sockets[name] = self._listen(self.unit(name))
        else:
            self._run(self.unit(name))

    def _stop(self, name: str) -> None:
        if name in self._sockets:
            path = self._sockets[name].getsockname()
            self._sockets.pop(name).close()
            Path(path).unlink()
        elif self._service and name.endswith(".service"):
            if self.active(name):
                self.machine.shell(f"kill -TERM {self.main}")
            self._service.wait(40)
            self._service = None

    @property
    def main(self) -> str:
        """The number of the service's first process, for the machine."""
        return self.machine.path(f"{FOLDER}/main").read_text().strip()

    def _listen(self, unit: Unit) -> socket.socket:
        path = self.machine.path(unit.one("ListenStream"))
        path.parent.mkdir(parents=True, exist_ok=True, mode=int(unit.one("DirectoryMode", "0755"), 8))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        path.chmod(int(unit.one("SocketMode", "0666"), 8))
        os.chown(path, 0, self._group(unit.one("SocketGroup", "root")))
        listener.listen(int(unit.one("Backlog", "4096")))
        return listener

    def _group(self, name: str) -> int:
        return int(self.machine.run("getent", "group", name).split(":")[2])

    def _run(self, unit: Unit) -> None:
        names = unit.words("Sockets")
        for name in names:
            self._start(name)
        # High numbers first, so that none is in another's place.
        listeners = [fcntl.fcntl(self._sockets[name], fcntl.F_DUPFD_CLOEXEC, 100) for name in names]
        environment = {
            **dict(word.split("=", 1) for word in unit.words("Environment")),
            "BIND_READ_ONLY_PATHS": " ".join(unit.words("BindReadOnlyPaths")),
            "USER": unit.one("User"),
            "GROUP": unit.one("Group"),
            "STATE": unit.one("StateDirectory"),
            "MODE": unit.one("StateDirectoryMode"),
            "NOTIFY_SOCKET": "/notify",
            "LISTEN_FDS": str(len(names)),
            "LISTEN_FDNAMES": ":".join(self.unit(name).one("FileDescriptorName") for name in names),
        }
        words = [f"{key}={value}" for key, value in environment.items()]
        passed = " ".join(f"{place}<&{number} {number}<&-" for place, number in enumerate(listeners, 3))
        network = ["--net"] if unit.one("PrivateNetwork") == "yes" else []
        log = self.machine.path(f"{FOLDER}/log").open("a")
        with log:
            self._service = self.machine.popen(
                *words,
                "unshare",
                "--mount",
                *network,
                "bash",
                "-ec",
                f"exec {passed}\n{SERVICE}",
                "service",
                *shlex.split(unit.one("ExecStart")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=listeners,
            )
        for number in listeners:
            os.close(number)
        self._wait_ready()

    def _wait_ready(self) -> None:
        self._ready.settimeout(0.05)

        def ready() -> bool:
            assert self._service is not None
            assert self._service.poll() is None, self.log()
            try:
                return b"READY=1" in self._ready.recv(4096)
            except TimeoutError:
                return False

        wait_for(ready, "the service says that it is ready")

    def log(self) -> str:
        """All that the service has said."""
        return self.machine.path(f"{FOLDER}/log").read_text()
