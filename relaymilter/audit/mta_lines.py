"""The lines that attach an MTA to our socket: what contrib/start prints, and what `doctor` says to write."""

from relaymilter.config.endpoint import InetEndpoint, UnixEndpoint

QUEUE = "/var/spool/postfix"
"""Where Debian's Postfix runs chrooted; a relative path is taken from here, chrooted or not."""
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def main_cf(socket: UnixEndpoint | InetEndpoint) -> list[str]:
    """The lines for Postfix's main.cf."""
    return [f"smtpd_milters = {postfix_form(socket)}", "milter_default_action = tempfail"]


def sendmail_mc(socket: UnixEndpoint | InetEndpoint) -> list[str]:
    """The line for Sendmail's sendmail.mc. F=T is what closes it while the milter is down."""
    return [f"INPUT_MAIL_FILTER(`relaymilter', `S={sendmail_form(socket)}, F=T, T=C:30s;S:10s;R:10s;E:5m')dnl"]


def postfix_form(socket: UnixEndpoint | InetEndpoint, queue: str = QUEUE) -> str:
    """The socket as smtpd_milters has it."""
    if isinstance(socket, UnixEndpoint):
        return f"unix:{socket.path.removeprefix(f'{queue}/')}"
    host = ANYWHERE.get(socket.host, socket.host)
    return f"inet:[{host}]:{socket.port}" if ":" in host else f"inet:{host}:{socket.port}"


def sendmail_form(socket: UnixEndpoint | InetEndpoint) -> str:
    """The socket as INPUT_MAIL_FILTER has it: an IPv6 address in brackets is an invalid argument to Sendmail."""
    if isinstance(socket, UnixEndpoint):
        return f"unix:{socket.path}"
    host = ANYWHERE.get(socket.host, socket.host)
    return f"{'inet6' if ':' in host else 'inet'}:{socket.port}@{host}"
