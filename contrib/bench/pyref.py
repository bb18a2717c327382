# SPDX-License-Identifier: GPL-2.0-or-later
"""pyref: minimal pymilter milters with refmilter's rule, to compare a milter with.

    python pyref.py tuned|lowlevel SOCKET

tuned     asks for connect, mail and rcpt only, the first two without a reply, and for one macro.
lowlevel  the same on the C module alone, without the classes of package Milter.
"""

import sys

import Milter
import milter

NETWORKS = ((0x7F000000, 0xFF000000), (0x0A000000, 0xFF000000), (0xC0A80000, 0xFFFF0000))
DOMAIN = "example.org"


def address(ip):
    """The IPv4 address as an integer."""
    a, b, c, d = ip.split(".")
    return int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)


def permitted(ip, login, recipient):
    """The rule of refmilter.c."""
    if login or any(ip & mask == network for network, mask in NETWORKS):
        return True
    return recipient.strip("<>").rpartition("@")[2].lower() == DOMAIN


class Tuned(Milter.Base):
    """The rule on the class that pymilter's documentation recommends."""

    def setsymlist(self, stage, *macros):
        """With the str that pymilter 1.0.5's C half wants; its own bytes are a swallowed TypeError."""
        return self._ctx.setsymlist(stage, " ".join(macros))

    @Milter.noreply
    def connect(self, name, family, addr):
        """Keep the client's address."""
        self.ip = address(addr[0])
        return Milter.CONTINUE

    @Milter.noreply
    @Milter.symlist("{auth_authen}")
    def envfrom(self, sender, *params):
        """Keep the login."""
        self.login = self.getsymval("{auth_authen}")
        return Milter.CONTINUE

    def envrcpt(self, recipient, *params):
        """Decide."""
        if permitted(self.ip, self.login, recipient):
            return Milter.CONTINUE
        self.setreply("550", "5.7.1", "relaying denied")
        return Milter.REJECT


def low_negotiate(ctx, options):
    """Ask for what Tuned asks for."""
    options[0] = milter.SETSYMLIST
    options[1] &= (
        milter.P_NR_CONN
        | milter.P_NR_MAIL
        | milter.P_NOHELO
        | milter.P_NODATA
        | milter.P_NOHDRS
        | milter.P_NOEOH
        | milter.P_NOBODY
        | milter.P_NOUNKNOWN
    )
    options[2] = options[3] = 0
    ctx.setsymlist(milter.M_ENVFROM, "{auth_authen}")
    return milter.CONTINUE


def low_connect(ctx, name, family, addr):
    """Keep the client's address."""
    ctx.setpriv([address(addr[0]), None])
    return milter.NOREPLY


def low_mail(ctx, sender, *params):
    """Keep the login."""
    ctx.getpriv()[1] = ctx.getsymval("{auth_authen}")
    return milter.NOREPLY


def low_rcpt(ctx, recipient, *params):
    """Decide."""
    ip, login = ctx.getpriv()
    if permitted(ip, login, recipient.decode("utf-8", "surrogateescape")):
        return milter.CONTINUE
    ctx.setreply("550", "5.7.1", "relaying denied")
    return milter.REJECT


def low_close(ctx):
    """Let go of the session, or libmilter complains."""
    ctx.setpriv(None)
    return milter.CONTINUE


def serve_low(sock):
    """Serve with bare callbacks."""
    milter.set_connect_callback(low_connect)
    milter.set_envfrom_callback(low_mail)
    milter.set_envrcpt_callback(low_rcpt)
    milter.set_close_callback(low_close)
    milter.register("pyref", negotiate=low_negotiate)
    milter.opensocket(True)
    milter.main()


def main():
    """Serve the milter the command line names."""
    mode, sock = sys.argv[1:]
    milter.set_flags(milter.SETSYMLIST)
    milter.setbacklog(1024)
    milter.setconn(sock)
    if mode == "lowlevel":
        return serve_low(sock)
    Milter.factory = {"tuned": Tuned}[mode]
    return Milter.runmilter("pyref", sock, 0)


if __name__ == "__main__":
    main()
