"""A probe of several sockets of a server: each by itself, and what was found of all of them."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from relaymilter.audit.hostile.corpus import corpus, names_of
from relaymilter.audit.hostile.envelopes import Envelope, Names
from relaymilter.audit.hostile.trial import Outcome, Trial
from relaymilter.audit.probe import delivery
from relaymilter.audit.probe.delivery import Courier, Find
from relaymilter.audit.probe.probing import Way, connected, own_name, probe
from relaymilter.audit.probe.smtp_client import SmtpFailed
from relaymilter.audit.probe.target import Target
from relaymilter.policy.networks import parse_address


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried."""

    victim: str = ""
    domain: str = ""
    """Of the server; made of what it calls itself if empty."""
    families: Collection[str] = ()
    deliver: bool = False
    """The victim is a mailbox of one's own: send marked messages to it."""
    find: Find | None = None
    """What finds those that came."""
    wait: float = 60.0
    """Seconds for them to come."""


@dataclass(slots=True)
class Survey:
    """What was found, by target."""

    found: dict[str, list[Trial]] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)
    """Why a target was not probed to the end."""
    remarks: list[str] = field(default_factory=list)
    """What makes a finding doubtful."""

    def has(self, outcome: Outcome) -> bool:
        """Something came to this."""
        return any(trial.outcome is outcome for trials in self.found.values() for trial in trials)


Step = Callable[[int, int], None]
"""What is told of the progress: envelopes done, and how many there are, of this target."""


def survey(targets: Iterable[Target], way: Way, plan: Plan, step: Step) -> Survey:
    """Probe one target after another. Raises ValueError for names that cannot be, OSError where none can be watched."""
    probed = Survey()
    if plan.find is not None:
        plan.find()  # a wrong password is to be known before anything is sent
    for target in targets:
        try:
            names = _names(target, way, plan, probed)
            trials = probed.found.setdefault(str(target), [])
            _try(target, way, plan, names, trials, step)
        except SmtpFailed as error:
            probed.unreachable[str(target)] = str(error)
    if plan.find is not None:
        for name, trials in probed.found.items():
            probed.found[name] = delivery.seen(trials, plan.find, plan.wait)
    return probed


def _names(target: Target, way: Way, plan: Plan, probed: Survey) -> Names:
    """Who is who there, by its banner. Raises SmtpFailed."""
    client = connected(target, way)
    try:
        host = own_name(client) or "localhost"
        if not way.xclient and not way.login:
            probed.remarks += _doubts(target, client.own_address)
    finally:
        client.close()
    domain = plan.domain or (host.partition(".")[2] if host.count(".") > 1 else host)
    return names_of(plan.victim, domain=domain, host=host, address=target.address)


def _doubts(target: Target, source: str) -> list[str]:
    """A client on the server itself is mostly a local one, to which everything is open by right."""
    address = parse_address(source)
    if address is not None and (address.is_loopback or source == target.address):
        return [f"{target}: it sees this client as {source}, and may trust it: see --bind and --xclient"]
    return []


def _try(target: Target, way: Way, plan: Plan, names: Names, trials: list[Trial], step: Step) -> None:
    envelopes: list[Envelope] = [each for each in corpus(names, plan.families) if not each.misread]
    if plan.deliver:
        envelopes = [*delivery.to_the_mailbox_alone(envelopes, names)]
    courier = Courier(names.victim) if plan.deliver else None
    for trial in probe(target, way, envelopes, courier):
        trials.append(trial)
        step(len(trials), len(envelopes))
