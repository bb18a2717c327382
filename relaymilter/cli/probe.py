"""relaymilter probe: hostile envelopes against an SMTP server of one's own."""

import ipaddress
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from relaymilter.audit.hostile import trial
from relaymilter.audit.hostile.corpus import FAMILIES
from relaymilter.audit.hostile.trial import Outcome
from relaymilter.audit.probe.delivery import Find, in_folder
from relaymilter.audit.probe.imap import in_imap
from relaymilter.audit.probe.junit import junit
from relaymilter.audit.probe.probing import Tls, Way
from relaymilter.audit.probe.smtp_client import tls_context
from relaymilter.audit.probe.survey import Plan, Step, Survey, survey
from relaymilter.audit.probe.target import Target, targets
from relaymilter.cli.usage import one_line

_SECONDS = click.FloatRange(min=0, max=86400)


def _address(context: click.Context, parameter: click.Parameter, given: Any) -> Any:
    texts: tuple[str, ...] = (given,) if isinstance(given, str) else given
    for text in filter(None, texts):
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise click.UsageError(f"--{parameter.name}: {text!r} is no IPv4 or IPv6 address", context) from None
    return given


_OPTIONS = (
    click.option("--port", type=click.IntRange(1, 65535), metavar="PORT", multiple=True, default=(25,),
                 help="Where a target names none.  Repeatable.  [default: 25]"),
    click.option("--ipv4", is_flag=True, help="The IPv4 addresses of a name alone."),
    click.option("--ipv6", is_flag=True, help="The IPv6 addresses of a name alone."),
    click.option("--own-host", is_flag=True, help="The target is one's own, though no address of this machine."),
    click.option("--starttls", is_flag=True, help="Begin with STARTTLS."),
    click.option("--implicit-tls", is_flag=True, help="Begin with TLS."),
    click.option("--no-verify", is_flag=True, help="Take any certificate."),
    click.option("--login", metavar="LOGIN", default="", help="Log in first; the password is asked for."),
    click.option("--password-file", type=click.Path(path_type=Path), metavar="PATH", help="It is in this file."),
    click.option("--bind", metavar="IP", multiple=True, callback=_address, help="Come from here.  Repeatable."),
    click.option("--xclient", metavar="IP", default="", callback=_address, help="Pose as this address (Postfix)."),
    click.option("--domain", metavar="DOMAIN", default="", help="One of the server's.  [default: by its banner]"),
    click.option("--victim", metavar="MAILBOX", default="", help="Of a third party.  [default: victim@example.com]"),
    click.option("--family", type=click.Choice([*FAMILIES]), metavar="FAMILY", multiple=True,
                 help="Try this family alone.  Repeatable."),
    click.option("--deliver", metavar="MAILBOX", default="", help="Send messages to this mailbox of one's own."),
    click.option("--watch", metavar="DIR|IMAP", default="", help="Say which came: a maildir, or imaps://USER@HOST[/FOLDER]."),
    click.option("--watch-password-file", type=click.Path(path_type=Path), metavar="PATH", help="Of IMAP."),
    click.option("--wait", type=_SECONDS, metavar="SECONDS", default=60, help="For them to come.  [default: 60]"),
    click.option("--pause", type=_SECONDS, metavar="SECONDS", default=0.1, help="Between envelopes.  [default: 0.1]"),
    click.option("--timeout", type=_SECONDS, metavar="SECONDS", default=30, help="For a reply.  [default: 30]"),
    click.option("--limit", type=_SECONDS, metavar="SECONDS", default=900, help="For all of it.  [default: 900]"),
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option("--junit", "as_junit", is_flag=True, help="Print JUnit's XML."),
)  # fmt: skip


def _options(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("where", nargs=-1, required=True, metavar="HOST[:PORT]...")
@_options
def probe(where: tuple[str, ...], as_json: bool, as_junit: bool, **given: Any) -> int:
    """Try hostile envelopes on an SMTP server of one's own, up to RCPT.

    Exit status: 0 held, 1 open, 69 not reached, 75 nothing opened, but some was only deferred or has not come.
    """
    if as_json and as_junit:
        _wrong("--json or --junit, not both")
    aims = _targets(where, **given)
    way, plan = _way(aims, **given), _plan(**given)
    try:
        with _progress(len(aims)) as step:
            probed = survey(aims, way, plan, step)
    except ValueError as error:
        _wrong(str(error))
    except OSError as error:
        click.echo(one_line(f"relaymilter: --watch: {error.filename or ''} {error.strerror or error}"), err=True)
        return os.EX_UNAVAILABLE
    for remark in probed.remarks:
        click.echo(one_line(f"relaymilter: warning: {remark}"), err=True)
    click.echo(_json(probed) if as_json else junit(probed.found, probed.unreachable) if as_junit else _table(probed))
    return _status(probed)


def _status(probed: Survey) -> int:
    if probed.has(Outcome.OPENED):
        return 1
    if probed.unreachable:
        return os.EX_UNAVAILABLE
    return os.EX_TEMPFAIL if probed.has(Outcome.DEFERRED) or probed.has(Outcome.UNSEEN) else os.EX_OK


def _targets(
    where: tuple[str, ...], port: tuple[int, ...], ipv4: bool, ipv6: bool, own_host: bool, **_: Any
) -> list[Target]:
    versions = [version for version, chosen in ((4, ipv4), (6, ipv6)) if chosen] or [4, 6]
    try:
        aims = [target for text in where for target in targets(text, port, versions)]
    except ValueError as error:
        _wrong(str(error))
    for target in aims:
        if not (own_host or target.is_own):
            _wrong(f"{target} is no address of this machine: probe your own servers alone, and say --own-host of one")
    return aims


def _way(aims: list[Target], bind: tuple[str, ...], starttls: bool, implicit_tls: bool, **given: Any) -> Way:
    if starttls and implicit_tls:
        _wrong("--starttls or --implicit-tls, not both")
    tls = Tls.STARTTLS if starttls else Tls.IMPLICIT if implicit_tls else Tls.NEVER
    if given["login"] and tls is Tls.NEVER and not all(target.is_own for target in aims):
        _wrong("--login needs --starttls or --implicit-tls: the password would cross the network as it is")
    way = Way(
        tls=tls, verify=not given["no_verify"], login=given["login"], sources=bind, xclient=given["xclient"],
        password=_password(given["password_file"], f"Password of {given['login']}") if given["login"] else "",
        pause=given["pause"], timeout=max(given["timeout"], 0.1), deadline=time.monotonic() + given["limit"],
    )  # fmt: skip
    if bind and not all(way.source(target) for target in aims):
        _wrong("--bind: there are targets of both versions of IP: give an address of each, or --ipv4 or --ipv6")
    return way


def _plan(victim: str, deliver: str, watch: str, **given: Any) -> Plan:
    if watch and not deliver:
        _wrong("--watch needs --deliver")
    if deliver and victim:
        _wrong("--deliver or --victim, not both")
    find = _find(watch, given["watch_password_file"], given["no_verify"]) if watch else None
    return Plan(deliver or victim, given["domain"], given["family"], bool(deliver), find, given["wait"])


def _find(watch: str, password_file: Path | None, no_verify: bool) -> Find:
    if "://" not in watch:
        if not Path(watch).is_dir():
            _wrong(f"--watch: {watch} is no folder")
        return in_folder(Path(watch))
    try:
        return in_imap(watch, _password(password_file, f"Password for {watch}"), tls_context(not no_verify))
    except ValueError as error:
        _wrong(f"--watch: {error}")


def _password(path: Path | None, words: str) -> str:
    if path is None:
        return str(click.prompt(words, hide_input=True, err=True))
    try:
        return path.read_text().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        _wrong(f"{path}: {getattr(error, 'strerror', '') or error}")


@contextmanager
def _progress(count: int) -> Iterator[Step]:
    """A bar on standard error, where that is a terminal; each target is a part of the same length."""
    if not sys.stderr.isatty():
        yield lambda done, of: None
        return
    with click.progressbar(length=count * 1000, label="probing", file=sys.stderr) as bar:
        yield lambda done, of: bar.update(done * 1000 // of - (done - 1) * 1000 // of)


def _json(probed: Survey) -> str:
    reached = [{"target": name, **trial.as_dict(trials)} for name, trials in probed.found.items()]
    unreachable = [{"target": name, "error": why} for name, why in probed.unreachable.items()]
    words = {
        "open": probed.has(Outcome.OPENED),
        "targets": reached,
        "unreachable": unreachable,
        "remarks": probed.remarks,
    }
    return json.dumps(words, indent=2)


def _table(probed: Survey) -> str:
    parts = [[name, *trial.table(trials), *trial.open_lines(trials)] for name, trials in probed.found.items() if trials]
    parts += [[f"{name}: {why}"] for name, why in probed.unreachable.items()]
    return "\n\n".join("\n".join(lines) for lines in parts)


def _wrong(message: str) -> NoReturn:
    raise click.UsageError(message, click.get_current_context())
