# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine: what it is, what others took of it during a measurement, and how it is kept from dozing."""

import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .needs import TREE

VERSIONS = "import sys, Milter, relaymilter as r; print(sys.version.split()[0], Milter.__version__, r.__version__)"
AWAKE_LIMIT_SECONDS = "600"


def said(*command: str) -> str:
    """The first line a command prints in the tree, or "unknown"."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=TREE)
    except OSError:
        return "unknown"
    return done.stdout.partition("\n")[0].strip() or "unknown"


def cpu_model() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def system() -> str:
    """The distribution's name and the kernel."""
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        name = platform.system()
    return f"{name}, Linux {platform.release()}"


def circumstances(python: str) -> dict[str, str]:
    """Where, when and with what; the load is that of the last minute before."""
    versions = (said(python, "-c", VERSIONS).split() + ["unknown"] * 3)[:3]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{cpu_model()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}",
        "system": system(),
        **dict(zip(("python", "pymilter", "relaymilter"), versions, strict=True)),
        "libmilter": said("dpkg-query", "-W", "-f", "${Version}\n", "libmilter1.0.1"),
        "commit": said("git", "describe", "--always", "--dirty"),
    }


def stolen_ticks() -> tuple[int, int]:
    """Ticks that a hypervisor gave to others, and all ticks, since the start of the machine."""
    ticks = [int(text) for text in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return ticks[7], sum(ticks)


def stolen_since(before: tuple[int, int]) -> float:
    """The share of the machine that was given to others since then."""
    stolen, total = (now - then for now, then in zip(stolen_ticks(), before, strict=True))
    return stolen / max(total, 1)


@contextmanager
def kept_awake(program: Path | None) -> Iterator[None]:
    """No core halts meanwhile (awake.c); None leaves them alone."""
    if program is None:
        yield
        return
    spinner = subprocess.Popen([program, AWAKE_LIMIT_SECONDS], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        spinner.terminate()
        spinner.wait()
