"""A private Postfix that relays for anyone, started as a child process, without its start script.

Mail is thrown away by discard(8); what the log calls sent counts as delivered.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from .logins import make_logins, sasl_configuration
from .mta import PORT, POSTDROP_ID, POSTFIX_ID, SUBMISSION_PORT, Mta, domain_words, matches
from .settings import HOST_NAME

MASTER = "/usr/lib/postfix/sbin/master"

QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved")

# Without some reject_unauth_destination Postfix does not start; mynetworks opens it all the same.
# in_flow_delay and smtpd_error_sleep_time would make a test wait for a second at each refusal.
MAIN_CF = """compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/log/postfix.log
maillog_file_prefixes = {directory}
inet_interfaces = all
inet_protocols = all
myhostname = {host}
mydestination = {domains}
local_recipient_maps = {users}
local_transport = discard:
default_transport = discard:
alias_maps =
alias_database =
disable_dns_lookups = yes
notify_classes =
smtpd_error_sleep_time = 0
in_flow_delay = 0
smtpd_soft_error_limit = 10000
smtpd_hard_error_limit = 10000
smtpd_junk_command_limit = 10000
mynetworks = 0.0.0.0/0 [::]/0
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_authorized_xclient_hosts = {xclient}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {directory}/conf/sasl
smtpd_sasl_local_domain = {host}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {directory}/tls/cert.pem
smtpd_tls_key_file = {directory}/tls/key.pem
smtpd_tls_CAfile = {directory}/tls/authority.pem
smtpd_tls_ask_ccert = yes
smtpd_milters = {milters}
non_smtpd_milters = {milters}
milter_default_action = {when_down}
milter_connect_timeout = 5s
milter_command_timeout = 5s
milter_content_timeout = 10s
virtual_alias_maps = {forwards}
{extra}
"""

MASTER_CF = """{address}:{port} inet n - n - - smtpd
[{address6}]:{port} inet n - n - - smtpd
{address}:{submission} inet n - n - - smtpd -o milter_macro_daemon_name=submission
[{address6}]:{submission} inet n - n - - smtpd -o milter_macro_daemon_name=submission
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
anvil     unix - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


def inline_table(entries: Mapping[str, str]) -> str:
    """A look-up table inside main.cf; an empty one is an empty string."""
    if not entries:
        return ""
    return "inline:{ " + ", ".join(f"{{{key} = {value}}}" for key, value in entries.items()) + " }"


class Postfix(Mta):
    """Postfix; `start()` returns when it accepts connections."""

    name = "postfix"
    program = "/usr/sbin/sendmail"
    configured_in = "conf"

    def start(self) -> None:
        """Write the configuration and start it."""
        self._make_folders()
        conf = self.directory / "conf"
        database = self.directory / "data" / "sasldb2"
        make_logins(database, self.settings.logins)
        if database.exists():
            shutil.chown(database, POSTFIX_ID)
        (conf / "sasl" / "smtpd.conf").write_text(sasl_configuration(database))
        (conf / "main.cf").write_text(self._main_cf())
        # Postfix waits until main.cf has not changed for more than a second.
        os.utime(conf / "main.cf", (0, 0))
        listeners = {"address": self.address, "address6": self.address6, "port": PORT, "submission": SUBMISSION_PORT}
        (conf / "master.cf").write_text(MASTER_CF.format(**listeners))
        self._launch(MASTER, "-c", str(conf))

    def log(self) -> str:
        log = self.directory / "log" / "postfix.log"
        return log.read_text(errors="backslashreplace") if log.exists() else ""

    def delivered(self) -> list[str]:
        return matches(r"/discard\[.* to=<(.*?)>, .*status=sent", self.log())

    def _main_cf(self) -> str:
        settings = self.settings
        return MAIN_CF.format(
            directory=self.directory,
            host=HOST_NAME,
            domains=", ".join(domain_words(settings)),
            users=inline_table(dict.fromkeys([*settings.users, "root", "postmaster"], "1")),
            xclient=settings.xclient,
            milters=", ".join(settings.milters),
            when_down=settings.when_down,
            forwards=inline_table(settings.forwards),
            extra=settings.extra,
        )

    def _make_folders(self) -> None:
        queue = self.directory / "queue"
        for name in ("conf/sasl", "log", "queue/pid"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        for path in (self.directory / "data", self.directory / "log", *(queue / name for name in QUEUES)):
            owned_folder(path, 0o700)
        owned_folder(queue / "maildrop", 0o730, group=POSTDROP_ID)
        owned_folder(queue / "public", 0o710, group=POSTDROP_ID)


def owned_folder(path: Path, mode: int, group: int = -1) -> None:
    """Make a folder that belongs to the user postfix."""
    path.mkdir(exist_ok=True)
    shutil.chown(path, POSTFIX_ID, group if group >= 0 else POSTFIX_ID)
    path.chmod(mode)
