"""What a test can say about the MTA it wants, in one vocabulary for Postfix and Sendmail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HOST_NAME = "mx.example.org"

LOOK_ALIKE = "\u0430lice"
"""The first letter is Cyrillic."""
LOGINS = dict.fromkeys(("alice", "bob", "alice@other.example", "Alice", LOOK_ALIKE, "bob+tag"), "secret")


@dataclass(frozen=True, slots=True)
class MtaSettings:
    """An MTA that relays for anyone: only a milter, if it has one, closes it.

    milters        sockets in Postfix's form: unix:/path, or inet:127.0.0.1:8894 or inet:[::1]:8894 (in the namespace)
    when_down      what it does without its milter: tempfail, reject, shutdown or accept
    local_domains  domains it delivers itself, to `users` alone; its host name is always one
    logins         name -> password for AUTH; one without a realm (alice@realm) is in the host's own
    forwards       address -> address, by virtual_alias_maps or virtusertable
    xclient        clients that may use XCLIENT (Postfix)
    extra          lines for main.cf, or for the .mc file before MAILER()
    greets         a client that has connected is greeted in plain text, which is waited for at the start
    """

    milters: tuple[str, ...] = ()
    when_down: str = "tempfail"
    local_domains: tuple[str, ...] = ("example.org",)
    users: tuple[str, ...] = ("alice", "bob")
    logins: Mapping[str, str] = field(default_factory=lambda: LOGINS)
    forwards: Mapping[str, str] = field(default_factory=dict)
    xclient: str = "127.0.0.0/8 [::1]/128"
    extra: str = ""
    greets: bool = True
