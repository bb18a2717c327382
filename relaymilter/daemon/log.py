"""The parent's log, which it opens, and makes if it is a file that is not there, for all processes of the daemon."""

import logging
import os

from relaymilter.config.model import Settings
from relaymilter.daemon.failures import CannotServe, status_of
from relaymilter.observe.sink import log_to

log = logging.getLogger(__name__)


def open_log(settings: Settings) -> None:
    """From now on log there. Raises CannotServe."""
    ours, account = settings.log, settings.daemon.account
    try:
        log_to(ours.syslog, ours.verbose, ours.file, -1 if account is None else account.uid)
    except OSError as error:
        reason = f"--log-file: {ours.file}: {error.strerror}"
        raise CannotServe(reason, status_of(error, os.EX_CANTCREAT)) from None


def reopen_log(settings: Settings) -> None:
    """The same, where what is logged to goes on if that fails."""
    try:
        open_log(settings)
    except CannotServe as problem:
        log.error("%s", problem)
