"""What a client is told: presets, their parts, and the combinations that are refused at the start."""

from __future__ import annotations

import pytest

from relaymilter.policy.verdict import Reply

from .written import problems, settings

DENIED = "{recipient}: Relay access denied"


SENDMAIL = "{recipient}... Relaying denied. Proper authentication required."


@pytest.mark.parametrize(
    ("given", "reply"),
    [
        ({}, Reply(554, "5.7.1", DENIED)),
        ({"reply": "postfix"}, Reply(554, "5.7.1", DENIED)),
        ({"reply": "sendmail"}, Reply(550, "5.7.1", SENDMAIL)),
        ({"reply": "defer"}, Reply(454, "4.7.1", DENIED)),
        ({"reply_code": "550"}, Reply(550, "5.7.1", DENIED)),
        ({"reply_code": "450"}, Reply(450, "4.7.1", DENIED)),
        ({"reply_code": "450", "reply": "sendmail"}, Reply(450, "4.7.1", SENDMAIL)),
        ({"reply_code": "450", "reply": "defer"}, Reply(450, "4.7.1", DENIED)),
        ({"reply_status": "5.7.0"}, Reply(554, "5.7.0", DENIED)),
        ({"reply_status": "4.7.0", "reply": "defer"}, Reply(454, "4.7.0", DENIED)),
        ({"reply_status": "4.7.0", "reply_code": "451"}, Reply(451, "4.7.0", DENIED)),
        ({"reply_status": "5.999.999"}, Reply(554, "5.999.999", DENIED)),
        ({"reply_text": "No."}, Reply(554, "5.7.1", "No.")),
        ({"reply_text": "No, {recipient}, 100 %"}, Reply(554, "5.7.1", "No, {recipient}, 100 %")),
        ({"reply_text": "x" * 178 + "{recipient}"}, Reply(554, "5.7.1", "x" * 178 + "{recipient}")),
        ({"reply_text": "%" * 89}, Reply(554, "5.7.1", "%" * 89)),
    ],
    ids=str,
)
def test_reply(given: dict[str, str], reply: Reply) -> None:
    """A part replaces that part of the preset; a code alone brings its class to the status."""
    assert reply == settings(**given).policy.refusals.relay_denied


@pytest.mark.parametrize("code", ["250", "354", "421", "600", "55", "5540", "", " 554", "554 ", "-54", "5٥4", "４50"])
def test_bad_code(code: str) -> None:
    """A code refuses one recipient: 2xx would permit, 421 ends the session, and digits are ASCII."""
    message = f"{code!r} is no code that refuses a recipient: give one of 4xx or 5xx, but not 421"
    assert [f"--reply-code: {message}"] == problems(reply_code=code)


@pytest.mark.parametrize("status", ["2.7.1", "3.0.0", "5.7", "5.7.1.1", "5.7.1000", "5..1", "", " 5.7.1", "5.٧.1"])
def test_bad_status(status: str) -> None:
    """An enhanced status is of class 4 or 5, in ASCII digits."""
    message = f"{status!r} is no enhanced status that refuses: give 5.7.1, or 4.7.1"
    assert [f"--reply-status: {message}"] == problems(reply_status=status)


@pytest.mark.parametrize(
    "text",
    ["", "x" * 179, "%" * 90, "caf\xe9", "No\r\n250 Yes", "No\n", "No\r", "a\tb", "a\0b", "\x1b[mNo", "\x7f", "\u2028"],
    ids=["empty", "long", "percent", "8 bit", "CR LF", "LF", "CR", "tab", "NUL", "escape", "DEL", "LINE SEPARATOR"],
)
def test_bad_text(text: str) -> None:
    """A reply's text is one line of printable ASCII: none can be two replies."""
    message = "a reply's text is one line of 1 to 178 printable ASCII characters; % counts twice"
    assert [f"--reply-text: {message}"] == problems(reply_text=text)


@pytest.mark.parametrize(
    "text", ["{who}", "{}", "{", "{recipient", "{{recipient}}", "{Recipient}", "{recipient}{recipient}"]
)
def test_unknown_braces(text: str) -> None:
    """Only {recipient} is filled in, and once, so nothing else may look as if it were."""
    assert problems(reply_text=text) == ["--reply-text: only {recipient} may stand in braces, and once"]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"reply_status": "4.7.1"},
            "--reply-status: the code 554 and the enhanced status 4.7.1 are of different classes",
        ),
        (
            {"reply": "defer", "reply_status": "5.7.1"},
            "--reply-status: the code 454 and the enhanced status 5.7.1 are of different classes",
        ),
        (
            {"reply_code": "451", "reply_status": "5.7.1"},
            "--reply-code: the code 451 and the enhanced status 5.7.1 are of different classes",
        ),
        ({"reply": "defer", "reply_code": "554"}, "--reply-code: the code 554 rejects, but the reply is to defer"),
        (
            {"reply": "defer", "reply_code": "554", "reply_status": "5.7.1"},
            "--reply-code: the code 554 rejects, but the reply is to defer",
        ),
    ],
    ids=["4 with 554", "5 with defer", "5 with 451", "554 with defer", "554 and 5 with defer"],
)
def test_bad_combination(given: dict[str, str], problem: str) -> None:
    """A code and a status of different classes, and a rejection where deferral was asked for, are refused."""
    assert [problem] == problems(**given)


def test_parts_and_not_their_combination() -> None:
    """Where a part is wrong, the combination with the rest is not complained of as well."""
    assert problems(reply_code="999", reply_status="4.7.1") == [
        "--reply-code: '999' is no code that refuses a recipient: give one of 4xx or 5xx, but not 421"
    ]


def test_combination_with_a_wrong_type() -> None:
    """A combination is judged, at the right key, also beside a key of the wrong type."""
    toml = 'reply = "defer"\nreply-status = []\nreply-code = 554\n'
    assert problems(toml) == [
        "relaymilter.toml:2: reply-status: wants one string",
        "relaymilter.toml:3: reply-code: the code 554 rejects, but the reply is to defer",
    ]


@pytest.mark.parametrize(
    ("on_error", "reply"),
    [
        ("defer", Reply(451, "4.7.1", "Cannot decide on this recipient now, try again later")),
        ("reject", Reply(554, "5.7.1", "Cannot decide on this recipient")),
    ],
)
def test_on_error(on_error: str, reply: Reply) -> None:
    """What could not be decided on is told so, for now or for good."""
    assert reply == settings(on_error=on_error).policy.refusals.uncertain


@pytest.mark.parametrize("on_error", ["permit", "accept", "continue", "Defer", ""])
def test_on_error_never_permits(on_error: str) -> None:
    """There is no way to make an error a permit."""
    assert [f"--on-error: {on_error!r} is none of defer, reject"] == problems(on_error=on_error)


def test_preset_does_not_change_errors() -> None:
    """--reply and its parts are of the refusal alone."""
    refusals = settings(reply="sendmail", reply_code="551", reply_text="No").policy.refusals
    assert (refusals.uncertain.code, refusals.bad_path.code) == (451, 501)
