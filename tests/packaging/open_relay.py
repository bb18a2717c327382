"""The packaged Postfix of a machine, as Debian starts it, made to relay for anyone; and what it answers a client."""

from __future__ import annotations

import re

from tests.packaging.machine import Machine
from tests.rig import STRANGER, Smtp, wait_for

OPEN = ("mydestination=example.org", "local_recipient_maps=", "mynetworks=0.0.0.0/0", "smtpd_error_sleep_time=0")
"""Settings of a Postfix that relays for anyone."""


def answers(machine: Machine, *recipients: str, source: str = STRANGER) -> list[str]:
    """What the machine's Postfix answers a client for each recipient."""
    with Smtp(machine.network.connect(machine.address, 25, source)) as client:
        client.ehlo(), client.mail()
        return [str(client.rcpt(recipient)) for recipient in recipients]


def start_postfix(machine: Machine) -> None:
    """Start the packaged Postfix as Debian does, smtpd in its chroot, as an open relay."""
    assert re.search(r"^smtp +inet +n +- +y ", machine.path("/etc/postfix/master.cf").read_text(), re.MULTILINE)
    machine.run("postconf", "-e", "maillog_file=/var/log/postfix.log", *OPEN)
    # Debian 13's starts this by itself, and will have it no other way.
    machine.shell("/usr/lib/postfix/configure-instance.sh - || true; postfix start")
    wait_for(lambda: machine.network.listens(machine.address, 25), "Postfix listens")
