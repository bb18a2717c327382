"""What relaymilter asks an MTA for: the stages it needs, where it wants to be waited for, and the macros it uses."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from relaymilter.milter import wire
from relaymilter.policy.envelope import Need

NONE = "{none}"
"""A macro that no MTA has: an empty list means the MTA's own default to Postfix, which has a login in it."""

NEEDED = {
    Need.MECHANISM: ("{auth_type}",),
    Need.LISTENER: ("{daemon_name}", "{daemon_addr}", "{daemon_port}"),
    # {verify} is Sendmail's alone; without it its certificates prove nothing.
    # {cert_fp} is, too, from 8.16 on.
    Need.CERTIFICATE: ("{verify}", "{cert_subject}", "{cert_issuer}", "{cert_fp}"),
    Need.HELO: (),
    Need.TLS: ("{tls_version}", "{cipher}"),
}
"""The macros for what only some rules need."""

SILENT = wire.SILENT_CONNECT | wire.SILENT_HELO | wire.SILENT_MAIL
"""The stages that we give no reply to: an MTA that grants this goes on without waiting."""

STEPS = SILENT | wire.NO_DATA | wire.NO_HEADERS | wire.NO_END_OF_HEADERS | wire.NO_BODY | wire.NO_UNKNOWN


def macros(needs: Iterable[Need] = ()) -> dict[int, str]:
    """The macros by stage. Sendmail takes no more than 50 in one."""
    wanted = {macro for need in needs for macro in NEEDED[need]}
    return {
        wire.STAGE_CONNECT: "v",
        wire.STAGE_HELO: NONE,
        wire.STAGE_MAIL: NONE,
        # The login with RCPT, not MAIL: libmilter keeps the macros of a MAIL until the next packet of them, so that the
        # login of one message would serve the next if an MTA sent none. {rcpt_addr} always comes, the login with it.
        # {client_addr} as a second witness: libmilter can miss that one connection carries a second client (QUIT_NC).
        wire.STAGE_RCPT: " ".join(("{auth_authen}", "{rcpt_addr}", "{client_addr}", *sorted(wanted))),
        wire.STAGE_DATA: NONE,
        wire.STAGE_END_OF_MESSAGE: NONE,
    }


def steps(helo: bool) -> int:
    """The steps to ask for; HELO is only needed for the log, and by who judges it."""
    return STEPS if helo else STEPS | wire.NO_HELO


class Quiet(NamedTuple):
    """What is said to connect, HELO and MAIL: nothing, where that was granted."""

    connect: bytes
    helo: bytes
    mail: bytes


@lru_cache(64)
def agreement(data: bytes, helo: bool, needs: frozenset[Need]) -> tuple[bytes, Quiet]:
    """The answer to the data of an offer, and what is said from then on. Raises ProtocolError."""
    offered = wire.offer(data)
    stages = wire.SILENT_CONNECT, wire.SILENT_HELO, wire.SILENT_MAIL
    quiet = Quiet(*(b"" if offered.steps & stage else wire.CONTINUE for stage in stages))
    return wire.acceptance(offered, steps(helo), macros(needs)), quiet
