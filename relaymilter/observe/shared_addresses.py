"""What is said of an address that looks shared: the evidence, and what to do about it."""

import logging

from relaymilter.policy.shared_addresses import Alarm

log = logging.getLogger(__name__)

_REMEDY = (
    "let the MTA see the clients' addresses: behind a load balancer by the PROXY protocol (Postfix: "
    "postscreen_upstream_proxy_protocol = haproxy, smtpd_upstream_proxy_protocol = haproxy), with Docker by "
    '"userland-proxy": false or the host\'s network, behind a gateway without source NAT; '
    "or add never-local {address}, or, if all who are behind it are yours, known-shared {address}"
)


def evidence(alarm: Alarm) -> str:
    """What the address has shown, in words."""
    shown = alarm.evidence
    return (
        f"in two days HELO names of {shown.exchangers} domains of others, senders of {shown.senders}, "
        f"{shown.names} HELO names in all, {shown.logins} logins"
    )


def warn(alarm: Alarm) -> None:
    """One line in the log."""
    log.warning(
        "shared address: %s is in a local network and looks like many hosts: %s; %s; %s",
        alarm.address,
        evidence(alarm),
        "it is local no more, until relaymilter trust or a restart" if alarm.distrusted else "all of them may relay",
        _REMEDY.format(address=alarm.address),
    )
