"""Lines of Sendmail in which a client has written what looks like another line's beginning."""

from __future__ import annotations

import pytest

from .reading import joined, nonzero

HOSTILE = ('": to="@example.com', '": from="@example.com', '": Milter: to="@example.com', '"ruleset=check_rcpt"@e.com')
FROM = "sm-mta[9]: {id}: from=<{sender}>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=h [192.0.2.7]\n"
REFUSALS = {
    "check_rcpt": "sm-mta[9]: {id}: ruleset=check_rcpt, arg1=<{to}>, relay=h [192.0.2.7], reject=550 5.7.1 no\n",
    "milter": "sm-mta[9]: {id}: Milter: to=<{to}>, reject=550 5.7.1 no\n",
    "unknown": "sm-mta[9]: {id}: <{to}>... User unknown\n",
}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("refusal", REFUSALS)
def test_no_refusal_hides_itself(refusal: str, hostile: str) -> None:
    """What a line tells is said by its beginning, which is Sendmail's: not by what a path imitates."""
    read, gaps = joined((REFUSALS[refusal] + FROM).format(id="4AO1B2", to=hostile, sender=hostile))
    assert [(f"<{hostile}>".encode(), [f"<{hostile}>".encode()])] == [
        (each.sender, [of.path for of in each.recipients if not of.accepted]) for each in read
    ]
    assert {} == nonzero(gaps)
