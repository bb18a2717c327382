"""MTAs with a milter that only listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.rig import MtaSettings, Namespace, Postfix, Recorder, Release, Sendmail, running

from .telling import ALL, Telling


@contextmanager
def _telling(kind: type[Postfix] | type[Sendmail], namespace: Namespace, folder: Path) -> Iterator[Telling]:
    recorder = Recorder(folder / f"recorder-{kind.name}", " ".join(ALL))
    mta = kind(namespace, folder / f"telling-{kind.name}", MtaSettings((recorder.milter,)))
    with running(recorder), running(mta):
        yield Telling(mta, recorder)


@pytest.fixture(scope="session")
def telling_postfix(namespace: Namespace, release_folder: Path) -> Iterator[Telling]:
    """Postfix, telling."""
    with _telling(Postfix, namespace, release_folder) as telling:
        yield telling


@pytest.fixture(scope="session")
def telling_sendmail(namespace: Namespace, release_folder: Path) -> Iterator[Telling]:
    """Sendmail, telling."""
    with _telling(Sendmail, namespace, release_folder) as telling:
        yield telling


@pytest.fixture(params=["postfix", "sendmail"])
def telling(release: Release, request: pytest.FixtureRequest) -> Telling:
    """Each of them in turn."""
    found: Telling = request.getfixturevalue(f"telling_{request.param}")
    return found
