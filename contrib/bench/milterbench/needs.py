# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmark needs: a compiler and libmilter's headers, the C programs, and a Python with pymilter.

Debian's packages are installed only where something is missing, and only as root with apt-get there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
TREE = HERE.parent.parent
BUILD = HERE / "build"
PROGRAMS = {"awake": (), "milterload": (), "refmilter": ("-lmilter", "-lpthread")}
PYTHON_PACKAGES = ("python3-milter", "python3-click", "python3-dnspython")


class Missing(Exception):
    """Something is needed and could not be had."""


def _quiet(command: list[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0


def install(*packages: str) -> None:
    """Install Debian packages, or say which are missing."""
    if os.geteuid() or not shutil.which("apt-get"):
        raise Missing(f"needed: {' '.join(packages)} (Debian's names)")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        subprocess.run(["apt-get", *command], check=True, stdout=sys.stderr, env=environment, timeout=300)


def compiler() -> str:
    """A C compiler with libmilter's headers."""
    include = ["-E", "-x", "c", "-include", "libmilter/mfapi.h", "/dev/null"]
    for attempt in range(2):
        cc = shutil.which("cc") or shutil.which("gcc")
        if cc and _quiet([cc, *include]):
            return cc
        if not attempt:
            install("gcc", "libc6-dev", "libmilter-dev")
    raise Missing("a C compiler with libmilter/mfapi.h")


def program(name: str) -> Path:
    """The C program, compiled if its source is newer."""
    source, binary = HERE / f"{name}.c", BUILD / name
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(exist_ok=True)
        command = [compiler(), "-O2", "-Wall", "-Wextra", "-o", str(binary), str(source), *PROGRAMS[name]]
        subprocess.run(command, check=True, timeout=120)
    return binary


def python(asked: str | None) -> str:
    """The interpreter asked for, or the first of this, the tree's and the system's that has pymilter."""
    candidates = [asked] if asked else [sys.executable, str(TREE / ".venv/bin/python"), "/usr/bin/python3"]
    for attempt in range(2):
        for candidate in candidates:
            if shutil.which(candidate) and _quiet([candidate, "-c", "import Milter, click"]):
                return candidate
        if asked:
            break
        if not attempt:
            install(*PYTHON_PACKAGES)
    raise Missing(f"no pymilter and click in {', '.join(candidates)}")
