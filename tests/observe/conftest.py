"""The properties of this folder."""

from __future__ import annotations

import tests.policy.conftest  # noqa: F401  its profile of hypothesis is for this folder too
