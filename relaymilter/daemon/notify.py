"""sd_notify(3): tell systemd how we are, where it asked."""

import os
import socket


def notify(state: str) -> None:
    """Send `READY=1`, `RELOADING=1`, `STOPPING=1`; nothing happens outside systemd."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
            datagram.connect("\0" + address[1:] if address.startswith("@") else address)
            datagram.send(state.encode())
    except OSError:
        pass
