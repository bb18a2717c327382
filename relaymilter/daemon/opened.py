"""What the parent opens at the start and owns until the end: pid file, sockets to listen on, control socket."""

from dataclasses import dataclass

from relaymilter.config.account import Account
from relaymilter.config.listen import ListenSettings
from relaymilter.daemon import pidfile
from relaymilter.daemon.control import ControlSocket, open_control
from relaymilter.daemon.listener import Listener, open_listeners, open_metrics
from relaymilter.daemon.pidfile import PidFile


@dataclass(frozen=True, slots=True)
class Opened:
    """All of it is ours; another daemon's is never taken."""

    listeners: tuple[Listener, ...]
    pidfile: PidFile | None
    control: ControlSocket | None
    metrics: Listener | None = None

    def stop_taking(self) -> None:
        """Leave the names to another daemon, which may start while we serve the last sessions."""
        for listener in (*self.listeners, *filter(None, (self.metrics,))):
            listener.close()
        if self.control is not None:
            self.control.close()
        if self.pidfile is not None:
            self.pidfile.release()

    def remove(self) -> None:
        """Leave nothing behind."""
        if self.pidfile is not None:
            self.pidfile.remove()

    def forget(self) -> None:
        """In a worker: what is the parent's alone."""
        if self.control is not None:
            self.control.forget()
        if self.metrics is not None:
            self.metrics.socket.close()
        if self.pidfile is not None:
            self.pidfile.close()


def open_all(settings: ListenSettings, account: Account | None) -> Opened:
    """Everything, or nothing. Raises CannotServe."""
    claimed = pidfile.claim(settings.pidfile) if settings.pidfile else None
    listeners: tuple[Listener, ...] = ()
    metrics: Listener | None = None
    try:
        listeners = open_listeners(settings, account)
        metrics = open_metrics(settings, account)
        return Opened(listeners, claimed, open_control(settings), metrics)
    except BaseException:
        Opened(listeners, None, None, metrics).stop_taking()
        if claimed is not None:
            claimed.remove()
        raise
