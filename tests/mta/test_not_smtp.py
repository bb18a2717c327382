"""Mail that did not come over the network is the machine's own: it is never refused."""

import subprocess

import pytest

from tests.rig import Mta, Postfix, Sendmail

MESSAGE = "Subject: test\n\nhello\n"


def test_sendmail_command_of_postfix(postfix: Postfix) -> None:
    """What sendmail(1) submits passes non_smtpd_milters and goes out."""
    postfix.sendmail("-f", "a@example.org", "command@example.com", stdin=MESSAGE)
    postfix.wait_delivered("command@example.com")


def test_null_sender_of_postfix(postfix: Postfix) -> None:
    """So does a message with the null sender, as a bounce has it."""
    postfix.sendmail("-f", "<>", "bounce@example.com", stdin=MESSAGE)
    postfix.wait_delivered("bounce@example.com")


@pytest.mark.parametrize("arguments", [("-Am",), ()], ids=["straight", "by submission"])
def test_sendmail_command_of_sendmail(sendmail: Sendmail, arguments: tuple[str, ...]) -> None:
    """So it is where Sendmail delivers straight, which milters never see, and where it submits to the daemon."""
    recipient = f"command{len(arguments)}@example.com"
    configuration = sendmail.configuration if arguments else sendmail.submission
    sendmail.run(*(sendmail.program, *configuration, *arguments, "-f", "a@example.org", recipient), stdin=MESSAGE)
    sendmail.wait_delivered(recipient)


def converse(mta: Mta, configuration: tuple[str, ...]) -> list[str]:
    """Speak SMTP with `sendmail -bs`, on standard input and output; return the codes of the replies."""
    lines = ["EHLO client", "MAIL FROM:<a@example.org>", "RCPT TO:<stdio@example.com>", "DATA", "x\r\n.", "QUIT"]
    codes = []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with mta.popen(mta.program, *configuration, "-bs", **pipes) as process:
        assert process.stdin
        assert process.stdout
        for line in ["", *lines]:
            if line:
                process.stdin.write(line + "\r\n")
                process.stdin.flush()
            while (reply := process.stdout.readline())[3:4] == "-":
                pass
            codes.append(reply[:3])
    return codes


ACCEPTED = ["220", "250", "250", "250", "354", "250", "221"]


def test_standard_input_of_postfix(postfix: Postfix) -> None:
    """`sendmail -bs`, as mail readers use it, is the machine's own mail."""
    assert converse(postfix, postfix.configuration) == ACCEPTED
    postfix.wait_delivered("stdio@example.com")


def test_standard_input_of_sendmail(sendmail: Sendmail) -> None:
    """So it is with Sendmail, which submits to the daemon from loopback."""
    assert converse(sendmail, sendmail.submission) == ACCEPTED
    sendmail.wait_delivered("stdio@example.com")


def test_standard_input_of_the_daemon(sendmail: Sendmail) -> None:
    """With the daemon's own configuration, as inetd would start it, it tells no address: a stranger's."""
    assert converse(sendmail, sendmail.configuration)[3] == "554"
