"""Servers by name, with name servers that never answer: the question ends with the decision, not with getaddrinfo."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.rig import why_unusable

DEAF = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
"""In a network and with a resolv.conf of its own."""
ASK = """
import socket, sys, threading, time
from relaymilter.lookups import waiting
from relaymilter.policy.ports import LookupFailed
from relaymilter.tables.registry import open_table

with socket.socket(type=socket.SOCK_DGRAM) as silent:
    silent.bind(("127.0.0.1", 53))
    table = open_table(sys.argv[1])
    for _ in range(3):
        with waiting.allowing(time.monotonic() + 0.3):
            began = time.monotonic()
            try:
                print(table.find("alice"))
            except LookupFailed as failure:
                print(failure)
            assert time.monotonic() - began < 2.5, "it waited for the name servers"
    print(sum(thread.name == "resolve" for thread in threading.enumerate()))
"""
SQL = 'host = "db.example.org"\ndbname = "x"\nuser = "x"\nquery = "SELECT 1 FROM t WHERE a = :key"\n'
DESCRIBED = {
    "ldap": 'url = "ldap://db.example.org"\nbase = "dc=example"\nfilter = "(uid={key})"\n',
    "postgresql": SQL,
    "mysql": SQL,
    "redis": 'url = "rediss://db.example.org"\nset = "x"\n',
}


@pytest.mark.parametrize("kind", DESCRIBED)
def test_name_servers_that_never_answer(tmp_path: Path, kind: str) -> None:
    """There is no answer within the decision's time, and one thread for the name, however often it is asked for."""
    if reason := why_unusable():
        pytest.skip(reason)
    (tmp_path / "table").write_text(DESCRIBED[kind])
    (tmp_path / "table").chmod(0o600)
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    command = ("unshare", "--net", "--mount", "sh", "-c", DEAF, "sh", f"{tmp_path}/resolv.conf")
    asking = (sys.executable, "-c", ASK, f"{kind}:{tmp_path}/table")
    done = subprocess.run([*command, *asking], capture_output=True, text=True, timeout=60, check=False)
    *failures, threads = done.stdout.splitlines()
    assert (done.stderr, done.returncode) == ("", 0)
    assert len(failures) == 3
    assert all("db.example.org: no address in time" in failure for failure in failures)
    assert "1" == threads
