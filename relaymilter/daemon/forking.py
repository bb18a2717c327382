"""Processes of ours that begin where the parent is: each does its work, and ends, whatever happens in it."""

import logging
import os
import sys
from collections.abc import Callable

from relaymilter.daemon.failures import CannotServe
from relaymilter.daemon.memory import give_back, keep_shared

log = logging.getLogger(__name__)


def forked(leave: Callable[[], None], live: Callable[[], None], name: str) -> int:
    """The process id of a new process, named so in the log; it calls `leave`, to drop what is the parent's, and lives.

    It ends with status 0, that of a CannotServe, or else EX_SOFTWARE.
    """
    keep_shared()
    pid = os.fork()
    if pid:
        return pid
    status = os.EX_SOFTWARE
    try:
        leave()
        give_back()
        live()
        status = os.EX_OK
    except CannotServe as error:
        log.error("%s", error)
        status = error.status
    except BaseException:
        log.exception("%s failed", name)
    finally:
        try:
            sys.stderr.flush()
            logging.shutdown()
        finally:
            os._exit(status)  # whatever else fails: two must not go on as the parent
