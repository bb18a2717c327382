"""Real MTAs, open relays on purpose, in a network without an outside, and relaymilter to close them.

`contrib/test` unpacks Postfix and Sendmail of two releases of Debian; nothing is installed.  Needs root, and takes
about 0.4 s an MTA.  What a test mostly wants are the fixtures of tests/conftest.py, all of which but `closed` and
`folder` are there for each release in turn (`--mtas debian13`: for that alone):

    release      the release of Debian (session)
    namespace    the network of its MTAs (session)
    closed       Relaymilter with `--local-domain example.org` that both MTAs below share (session)
    postfix, sendmail            closed by it (session); `mta` is each of them in turn
    open_postfix, open_sendmail  without a milter (session); `open_mta` is each of them in turn
    folder       an empty folder that an MTA's own user can enter (function)

    def test_stranger(mta):
        with mta.smtp("203.0.113.7") as client:          # any address of LOCAL_NETWORKS, ::1, 127.x
            client.ehlo(), client.mail("<a@example.net>")
            assert str(client.rcpt("<v@example.com>")).startswith("554 5.7.1 ")
        # Reply: .code .status .text .lines .ok, str() is what came over the wire
        # Smtp: command(line) write(bytes) read_reply() ehlo mail rcpt rset message quit close
        #       auth(login, password="secret", mechanism="PLAIN") starttls() xclient(address, NAME=..., LOGIN=...)

Logins (LOGINS, password "secret"): alice, bob, Alice, LOOK_ALIKE, bob+tag, and alice@other.example, of another realm
than the host's own.  PLAIN, LOGIN and CRAM-MD5.  To a milter Postfix calls them alice@mx.example.org and
alice@other.example, Sendmail alice and alice@other.example (and bob+2Btag, in xtext, which our session undoes).

Port 587 is open beside 25 for the same; a milter knows it by {daemon_name}: mx.example.org and submission on Postfix,
MTA (MTA6) and MSA (MSA6) on Sendmail.

    with mta.smtp("203.0.113.7", port=587) as client:
        client.ehlo(), client.starttls(*certificate("valid")), client.ehlo(), client.auth("bob", mechanism="CRAM-MD5")

Client certificates: certificate(name).  The names, and what each says, are in certificates.py: VERIFIED ("valid",
"second", "slash", ...) and UNVERIFIED ("self-signed", "expired", "impostor", "by-forged", ...).  No client needs one.
What a milter is told of all this, and what it is not, is in tests/mta/test_macros.py and test_auth.py.  Conversations
have it too: `client A to 587`, `login bob by CRAM-MD5`, `starttls with valid`.

Anything else is made by hand, in `with` statements:

    with Namespace(Release.DEBIAN_13) as network, running(Relaymilter(folder / "d", "--dry-run")) as daemon:
        settings = MtaSettings(milters=(daemon.milter,), when_down="tempfail", forwards={...}, extra="...")
        with running(Sendmail(network, folder / "s", settings)) as mta: ...

Mta: address, address6, smtp(source, port), run(command), sendmail(arguments), log(), delivered(),
wait_delivered(recipient).  Local users are alice and bob at example.org (and at mx.example.org, the
host's name).  Clients may use XCLIENT from 127.0.0.0/8.  203.0.113.9 is good.example.net, 203.0.113.10
has a forged name, others have none.
Recorder(folder, macros): a milter that refuses nothing; milter, told (the macros of each RCPT).
Relaymilter: milter, process, children(), log(), decisions(), wait_decision(recipient=...), end(signal).
Namespace: run(command), popen(command), connect(host, port, source), new_socket(family).
"""

from .certificates import KINDS, Certificate, certificate
from .daemon import Relaymilter
from .folders import lasting_folder, open_folder, remove_abandoned
from .mta import PORT, STRANGER, SUBMISSION_PORT, Mta
from .namespace import LOCAL_NETWORKS, Namespace
from .packages import Release, why_unusable
from .postfix import Postfix, inline_table
from .recorder import Recorder
from .running import running
from .sendmail import Sendmail
from .settings import HOST_NAME, LOGINS, LOOK_ALIKE, MtaSettings
from .smtp import Reply, Smtp
from .waiting import wait_for

__all__ = [
    "HOST_NAME",
    "KINDS",
    "LOCAL_NETWORKS",
    "LOGINS",
    "LOOK_ALIKE",
    "PORT",
    "STRANGER",
    "SUBMISSION_PORT",
    "Certificate",
    "Mta",
    "MtaSettings",
    "Namespace",
    "Postfix",
    "Recorder",
    "Relaymilter",
    "Release",
    "Reply",
    "Sendmail",
    "Smtp",
    "certificate",
    "inline_table",
    "lasting_folder",
    "open_folder",
    "remove_abandoned",
    "running",
    "wait_for",
    "why_unusable",
]
