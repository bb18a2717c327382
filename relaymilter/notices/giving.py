"""In a worker: each step is logged, and handed to the process that sends notices, if there is one; without waiting."""

import logging
import socket
import time

from relaymilter.notices.step import packet, step_of
from relaymilter.observe import standing
from relaymilter.policy.guard.standing import Judgement

log = logging.getLogger(__name__)


def give_notice(courier: socket.socket | None, host: str, subject: str, judgement: Judgement) -> None:
    """Of this judgement of a subject; `host` is ours."""
    standing.report(subject, judgement)
    if courier is None:
        return
    try:
        courier.send(packet(step_of(subject, judgement, int(time.time()), host)))
    except OSError as error:  # nobody has emptied it for long
        log.error("no notice of this will be sent: %s", error.strerror)
