"""Asking the daemon that runs, on its control socket: the side of `relaymilter status` and `relaymilter reload`."""

import json
import socket
from pathlib import Path
from typing import Any, TypeAlias

from relaymilter.config.endpoint import UnixEndpoint, parse_control
from relaymilter.config.problems import Problems
from relaymilter.config.toml import read_toml
from relaymilter.daemon.control import USUAL_PATH, default_control

Answer: TypeAlias = dict[str, Any]
"""A JSON object."""


class NoAnswer(Exception):
    """The daemon does not run, or cannot be asked; the text says why."""


def control_path(config: Path | None, control: str | None, pidfile: str | None) -> str:
    """Where the daemon with these options has its control socket. Raises NoAnswer.

    Of the configuration file only these two keys count, so that what else is wrong with it does not matter.
    """
    values = read_toml(config, Problems()) if config else {}
    given = {key: texts[-1].text for key, texts in values.items() if texts}
    control = control or given.get("control")
    endpoint = None
    try:
        endpoint = parse_control(control) if control else default_control(pidfile or given.get("pidfile"))
    except ValueError as error:
        raise NoAnswer(f"control: {error}") from None
    # One that was handed down is where the systemd unit has it.
    return endpoint.path if isinstance(endpoint, UnixEndpoint) else USUAL_PATH


def ask(path: str, word: str, seconds: float) -> Answer:
    """The answer to this request. Raises NoAnswer."""
    try:
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.settimeout(seconds)
            daemon.connect(path)
            daemon.sendall(f"{word}\n".encode())
            with daemon.makefile("rb") as stream:
                return _parsed(path, stream.readline())
    except TimeoutError:
        raise NoAnswer(f"{path}: no answer within {seconds:g} s") from None
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoAnswer(f"{path}: no relaymilter runs with this control socket: {error.strerror}") from None
    except OSError as error:
        raise NoAnswer(f"{path}: {error.strerror or error}") from None


def _parsed(path: str, line: bytes) -> Answer:
    try:
        answer = json.loads(line)
    except ValueError:
        raise NoAnswer(f"{path}: the answer breaks off") from None
    if not isinstance(answer, dict):
        raise NoAnswer(f"{path}: this is no answer of a relaymilter")
    return answer
