"""Hypothesis for this folder: no deadline, since the machine is shared, and the same examples each time in CI."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("relaymilter", deadline=None)
settings.register_profile("relaymilter-ci", settings.get_profile("relaymilter"), derandomize=True, database=None)
settings.load_profile("relaymilter-ci" if os.environ.get("CI") else "relaymilter")
