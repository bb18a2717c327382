"""A private Sendmail that relays for anyone (promiscuous_relay), in the foreground as a child.

A mailer that is a shell script throws the mail away and notes the recipient.  Sendmail has no
XCLIENT: a client that needs an address connects from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .mta import PORT, Mta, domain_words, sasl_configuration
from .namespace import Namespace
from .settings import HOST_NAME, MtaSettings
from .syslog import Syslog

BINARY = "/usr/libexec/sendmail/sendmail"
CF = "/usr/share/sendmail/cf"

FLAGS = {"tempfail": ", F=T", "reject": ", F=R", "shutdown": ", F=4", "accept": ""}

# Sendmail mistrusts every folder below a world-writable one, /tmp too: hence TrustStickyBit.
# Listen: with the usual queue of 10 it drops the SYNs of many clients at once.
MC = """include(`{cf}/m4/cf.m4')
VERSIONID(`relaymilter test')
OSTYPE(`linux')
define(`confDOMAIN_NAME', `{host}')
define(`MAIL_SETTINGS_DIR', `{directory}/')
define(`ALIAS_FILE', `{directory}/aliases')
define(`STATUS_FILE', `{directory}/statistics')
define(`HELP_FILE', `{directory}/helpfile')
define(`QUEUE_DIR', `{directory}/queue')
define(`confPID_FILE', `{directory}/sendmail.pid')
define(`confSERVICE_SWITCH_FILE', `{directory}/service.switch')
define(`confHOSTS_FILE', `/etc/hosts')
define(`confDONT_BLAME_SENDMAIL', `TrustStickyBit,GroupWritableDirPathSafe')
define(`confDELIVERY_MODE', `background')
define(`confDONT_PROBE_INTERFACES', `True')
define(`confTO_IDENT', `0')
define(`confLOG_LEVEL', `14')
define(`confCONNECTION_RATE_THROTTLE', `0')
define(`confMAX_DAEMON_CHILDREN', `0')
define(`confREFUSE_LA', `0')
define(`confQUEUE_LA', `0')
define(`confDELAY_LA', `0')
define(`confPRIVACY_FLAGS', `')
define(`confBAD_RCPT_THROTTLE', `0')
define(`confCACERT_PATH', `{directory}/tls')
define(`confCACERT', `{directory}/tls/cert.pem')
define(`confSERVER_CERT', `{directory}/tls/cert.pem')
define(`confSERVER_KEY', `{directory}/tls/key.pem')
define(`confAUTH_OPTIONS', `A')
define(`confAUTH_REALM', `{host}')
define(`confAUTH_MECHANISMS', `PLAIN LOGIN')
TRUST_AUTH_MECH(`PLAIN LOGIN')
define(`LOCAL_MAILER_PATH', `{directory}/drop')
define(`LOCAL_MAILER_ARGS', `drop $u')
FEATURE(`no_default_msa')
FEATURE(`nocanonify')
FEATURE(`accept_unresolvable_domains')
FEATURE(`accept_unqualified_senders')
FEATURE(`promiscuous_relay')
FEATURE(`virtusertable', `hash {directory}/virtusertable')
DAEMON_OPTIONS(`Name=MTA, Listen=200, Family=inet, Addr={address}, Port={port}')
DAEMON_OPTIONS(`Name=MTA6, Listen=200, Family=inet6, Addr={address6}, Port={port}')
{milters}
{extra}
MAILER(`local')
MAILER(`smtp')
LOCAL_CONFIG
Cw{domains}
ESASL_CONF_PATH={directory}/sasl
LOCAL_NET_CONFIG
R$* <@ $+> $*	$#drop $@ $2 $: $1 <@ $2> $3
MAILER_DEFINITIONS
Mdrop, P={directory}/drop, F=lsDFMm, S=EnvFromSMTP, R=EnvToSMTP, T=DNS/RFC822/X-Unix, A=drop $u
"""

# The recipient is the last argument; a local mailer is given -f and the sender before it.
DROP = """#!/bin/sh
cat >/dev/null
for recipient; do :; done
echo "$recipient" >>{directory}/delivered
"""


def milter_socket(socket: str) -> str:
    """Turn Postfix's form of a milter socket into Sendmail's: inet:host:port -> inet:port@host."""
    if not socket.startswith("inet:"):
        return socket
    host, _, port = socket.removeprefix("inet:").rpartition(":")
    return f"inet:{port}@{host}"


class Sendmail(Mta):
    """Sendmail; `start()` returns when it accepts connections."""

    name = "sendmail"

    def __init__(self, namespace: Namespace, directory: Path, settings: MtaSettings) -> None:
        super().__init__(namespace, directory, settings)
        self._syslog = Syslog(directory / "log.socket")
        (directory / "dev" / "log").symlink_to(directory / "log.socket")
        self._config = ("-C", str(directory / "sendmail.cf"))

    def start(self) -> None:
        """Write the configuration and start it."""
        self._syslog.__enter__()
        self._write_files()
        self._make_logins(self.directory / "sasl" / "sasldb2")
        self._write_cf()
        self._make_table("virtusertable", self.settings.forwards)
        self._launch(BINARY, *self._config, "-bD", "-q1h")

    def stop(self) -> None:
        super().stop()
        self._syslog.__exit__()

    def sendmail(self, *arguments: str, stdin: str = "") -> str:
        """Run the sendmail program as a user's mail client would."""
        return self.run(BINARY, *self._config, *arguments, stdin=stdin)

    def log(self) -> str:
        return self._syslog.text()

    def delivered(self) -> list[str]:
        return (self.directory / "delivered").read_text().splitlines()

    def _write_files(self) -> None:
        directory = self.directory
        for name in ("queue", "sasl"):
            (directory / name).mkdir(mode=0o700, exist_ok=True)
        (directory / "service.switch").write_text("hosts files\n")
        (directory / "aliases").write_text("postmaster: root\nmailer-daemon: postmaster\n")
        (directory / "statistics").touch()
        (directory / "sasl" / "Sendmail.conf").write_text(sasl_configuration(directory / "sasl" / "sasldb2"))
        (directory / "sasl" / "Sendmail.conf").chmod(0o600)
        (directory / "delivered").touch()
        (directory / "delivered").chmod(0o666)
        (directory / "drop").write_text(DROP.format(directory=directory))
        (directory / "drop").chmod(0o755)

    def _make_table(self, name: str, entries: Mapping[str, str]) -> None:
        lines = "".join(f"{key}\t{value}\n" for key, value in entries.items())
        self.run("makemap", *self._config, "-s", "hash", str(self.directory / name), stdin=lines)

    def _write_cf(self) -> None:
        settings, source = self.settings, self.directory / "sendmail.mc"
        filters = "".join(
            f"INPUT_MAIL_FILTER(`m{number}', `S={milter_socket(socket)}{FLAGS[settings.when_down]}, "
            "T=C:5s;S:5s;R:5s;E:10s')\n"
            for number, socket in enumerate(settings.milters)
        )
        text = MC.format(
            cf=CF,
            host=HOST_NAME,
            directory=self.directory,
            address=self.address,
            address6=self.address6,
            port=PORT,
            milters=filters,
            extra=settings.extra,
            domains=" ".join(domain_words(settings)),
        )
        source.write_text(text)
        built = self.run("sh", "-c", f"m4 -D_CF_DIR_={CF}/ {source} 2>/dev/null")
        (self.directory / "sendmail.cf").write_text(built)
