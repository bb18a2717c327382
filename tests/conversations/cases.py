"""All conversations of this folder, and which of them a side plays."""

from __future__ import annotations

from pathlib import Path

import pytest

from .reader import read_file

FOLDER = Path(__file__).parent
CONVERSATIONS = [conversation for path in sorted(FOLDER.glob("*.txt")) for conversation in read_file(path)]


def played_by(runner: str) -> pytest.MarkDecorator:
    """Parametrise a test with the conversations that this runner can play; the others are not collected."""
    played = [conversation for conversation in CONVERSATIONS if runner in conversation.runners]
    return pytest.mark.parametrize("conversation", played, ids=str)
