"""Each runtime in turn, and each family of sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from .process import free_port


@pytest.fixture(params=["libmilter", "loop"])
def runtime(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The flags that choose a runtime."""
    return "--runtime", request.param


@pytest.fixture(params=["unix", "inet"])
def where(request: pytest.FixtureRequest, folder: Path) -> str:
    """A socket that nothing listens on."""
    return f"unix:{folder}/s" if request.param == "unix" else f"inet:127.0.0.1:{free_port()}"
