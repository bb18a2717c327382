"""`relaymilter doctor`: what it prints, for people and programs, its exit status, and the line at a daemon's start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.checks.examined import Sound, postfix_folder, sound_daemon
from tests.cli.conftest import Run
from tests.daemon.process import Daemon
from tests.rig import Release, open_folder, running, wait_for, why_unusable
from tests.rig.daemon import ROOT
from tests.rig.postmap import postfix_commands


@pytest.fixture(scope="module")
def sound() -> Iterator[Sound]:
    """A daemon that runs."""
    with open_folder() as folder:
        found = sound_daemon(folder)
        with running(found.daemon):
            yield found


@pytest.fixture(autouse=True)
def _commands(tmp_path: Path) -> Iterator[None]:
    if reason := why_unusable():
        pytest.skip(reason)
    with postfix_commands(tmp_path / "commands", Release.DEBIAN_13):
        yield


def conf_with(folder: Path, sound: Sound, main_cf: str = "") -> Path:
    """The sound Postfix with these lines."""
    return postfix_folder(folder / "conf", Release.DEBIAN_13, sound, main_cf)


def test_sound(relaymilter: Run, sound: Sound, tmp_path: Path) -> None:
    """Of a sound set-up it says so, in one line, and exits with 0; a note is none to exit otherwise for."""
    conf = conf_with(tmp_path, sound)
    done = relaymilter("doctor", *sound.words, f"postfix:{conf}")
    assert (done.status, done.out, done.err) == (0, f"postfix:{conf}: nothing found\n", "")
    conf_with(tmp_path, sound, "milter_mail_macros = i")
    done = relaymilter("doctor", *sound.words, f"postfix:{conf}")
    assert (done.status, done.out.splitlines()[-1]) == (0, f"postfix:{conf}: 1 note")


def test_warning(relaymilter: Run, sound: Sound, tmp_path: Path) -> None:
    """A warning is exit status 1, and stands there with its reason and the line to write."""
    conf = conf_with(tmp_path, sound, "smtpd_forbid_bare_newline = no")
    done = relaymilter("doctor", *sound.words, f"postfix:{conf}")
    assert (done.status, done.err) == (1, "")
    assert done.out.splitlines() == [
        "WARNING: smuggling: postfix: smtpd_forbid_bare_newline",
        "    no: what stands behind a bare LF, a dot and a bare LF is taken for another message (smuggling)",
        "    > main.cf: smtpd_forbid_bare_newline = yes",
        f"postfix:{conf}: 1 warning",
    ]


def test_open(relaymilter: Run, sound: Sound, tmp_path: Path) -> None:
    """An open relay is exit status 2, and comes first."""
    conf = conf_with(tmp_path, sound, "smtpd_forbid_bare_newline = no\nmilter_default_action = accept")
    done = relaymilter("doctor", *sound.words, f"postfix:{conf}")
    assert done.status == 2
    assert done.out.startswith("OPEN: default-action: postfix: milter_default_action\n")
    assert done.out.endswith(": 1 by which the relay is open or not protected, 1 warning\n")


def test_readme(relaymilter: Run, sound: Sound, tmp_path: Path) -> None:
    """What docs/howto/check.rst shows is what it prints."""
    conf = conf_with(tmp_path, sound, "milter_default_action = accept")
    done = relaymilter("doctor", *sound.words, f"postfix:{conf}")
    shown = "".join(f"    {line}\n" for line in done.out.replace(f"postfix:{conf}", "postfix").splitlines())
    assert shown in (ROOT / "docs" / "howto" / "check.rst").read_text()


def test_json(relaymilter: Run, sound: Sound, tmp_path: Path) -> None:
    """The same for programs."""
    conf = conf_with(tmp_path, sound, "milter_default_action = accept")
    done = relaymilter("doctor", "--json", *sound.words, f"postfix:{conf}")
    assert done.status == 2
    said = json.loads(done.out)
    assert said["status"] == 2
    assert said["findings"] == [
        {
            "mta": f"postfix:{conf}",
            "name": "default-action",
            "severity": "open",
            "place": "postfix: milter_default_action",
            "reason": "accept: whenever relaymilter is down, Postfix takes every recipient unasked",
            "change": "main.cf: milter_default_action = tempfail",
        }
    ]


def test_mta_of_the_settings(relaymilter: Run, sound: Sound, tmp_path: Path) -> None:
    """Without an argument it is the MTA of --mta, or of the configuration file."""
    conf = conf_with(tmp_path, sound)
    assert relaymilter("doctor", *sound.words, "--mta", f"postfix:{conf}").out == f"postfix:{conf}: nothing found\n"
    (tmp_path / "x.toml").write_text(f'mta = "postfix:{conf}"\n')
    assert relaymilter("doctor", *sound.words, "-c", str(tmp_path / "x.toml")).status == 0


def test_not_running(relaymilter: Run, sound: Sound, tmp_path: Path) -> None:
    """That no daemon runs with these flags is a warning."""
    conf = conf_with(tmp_path, sound)
    done = relaymilter("doctor", *sound.words, "--control", f"unix:{tmp_path}/none", f"postfix:{conf}")
    assert done.status == 1
    assert f"relaymilter does not run, or not with these flags: {tmp_path}/none: no relaymilter runs" in done.out


def test_daemon_without_a_control_socket(relaymilter: Run, sound: Sound, tmp_path: Path) -> None:
    """A daemon that runs and cannot be asked is a note."""
    conf, at = conf_with(tmp_path, sound), sound.words.index("--control")
    done = relaymilter("doctor", *sound.words[:at], *sound.words[at + 2 :], f"postfix:{conf}")
    assert (done.status, done.out.splitlines()[0]) == (0, "NOTE: not-asked: relaymilter")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["exim"], 64, "'exim' is no MTA: give postfix or sendmail"),
        ([], 64, "no MTA is configured here: name it"),
        (["--local-network", "1"], 64, "'1' is no network"),
        (["-c", "none.toml"], 78, "none.toml"),
        (["postfix:/none"], 1, ""),
    ],
)
def test_wrong(relaymilter: Run, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int, said: str) -> None:
    """Wrong flags and a wrong configuration are told as ever; an MTA that is not there is a warning."""
    monkeypatch.setattr("relaymilter.audit.mtas_here.USUAL", {})
    done = relaymilter("doctor", *words)
    assert (done.status, said in done.err) == (status, True), done


def test_gateways_of_this_host(sound: Sound, tmp_path: Path) -> None:
    """The gateway and a container bridge of a real network are found in the local networks."""
    conf = conf_with(tmp_path, sound, "mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.0/24 172.17.0.0/16")
    network = (
        "mount -t sysfs sysfs /sys && ip link set lo up && ip link add br0 type bridge && "
        "ip address add 172.17.0.1/16 dev br0 && ip link set br0 up && ip link add eth9 type veth peer name eth8 && "
        "ip address add 192.0.2.25/24 dev eth9 && ip link set eth9 up && ip link set eth8 up && "
        "ip route add default via 192.0.2.1 && "
    )
    command = [sys.executable, "-m", "relaymilter", "doctor", "--json", *sound.words, f"postfix:{conf}"]
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", f'{network} exec "$@"', "sh", *command],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    found = {(each["name"], each["reason"].partition(",")[0]) for each in json.loads(done.stdout)["findings"]}
    assert found == {
        ("network-holds-gateway", "192.0.2.0/24 holds 192.0.2.1"),
        ("network-holds-gateway", "172.17.0.0/16 holds 172.17.0.1"),
    }


def started(folder: Path, conf: Path) -> Daemon:
    """A daemon that is told of this Postfix."""
    return Daemon(folder, "--mta", f"postfix:{conf}", environment={"PATH": os.environ["PATH"]})


def test_line_at_the_start(sound: Sound, tmp_path: Path) -> None:
    """A daemon that has started says in one line of its log that there is something to see."""
    conf = conf_with(tmp_path, sound)  # which asks another relaymilter
    with started(tmp_path, conf) as daemon:
        wait_for(lambda: "WARNING: doctor: " in daemon.log, "the line is there")
        lines = [line for line in daemon.log.splitlines() if "doctor" in line]
        assert len(lines) == 1
        assert lines[0].startswith(f"WARNING: doctor: postfix:{conf}: 1 by which the relay is open or not protected")
        assert lines[0].endswith("; see relaymilter doctor, with the same flags")
