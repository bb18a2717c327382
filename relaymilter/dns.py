"""What the DNS says: mail exchangers, addresses, names, lists, each kind of question with its cache and its breaker.

No such name, no such record, a null MX (RFC 7505) are sure answers. Whatever else, and more records than a sane domain
has, is none. A domain whose own name servers fail must not close the DNS for all others, so who fails is told apart: a
name server that knows localhost (RFC 6761 6.3) is well. Each list (RFC 5782) has a breaker of its own: it fails alone.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver

from relaymilter.dns_lists import SECONDS, DnsLists
from relaymilter.lookups.crowd import Crowd
from relaymilter.lookups.deadline import begin
from relaymilter.lookups.guard import Guard, KeyFailed, Lasting, Limits
from relaymilter.policy.networks import Address, parse_address
from relaymilter.policy.ports import LookupFailed, MailExchanger

T = TypeVar("T")

LIFETIME = 1.8
"""Seconds for a question, all name servers and repetitions together; dnspython takes 0.2 more;"""
PROBE = 0.9
"""and for finding out afterwards whether it was the name servers' fault."""
MOST = 32
"""Records of one kind."""


SHORTEST, LONGEST = 5.0, 3600.0
"""Seconds for which an answer is kept at least and at most, whatever its TTL: who owns a domain cannot make us
ask for it all the time, and no mistake is kept for days. RFC 2308 5 advises one to three hours for a no."""


class _Found(NamedTuple):
    records: list[Any]
    ttl: float
    """Seconds: the least of all records on the way; of a no as RFC 2308 5 has it, 0 for one that does not say."""


class Resolver:
    """A stub resolver. Made without any name server it has those of /etc/resolv.conf, as of now."""

    def __init__(self, servers: Sequence[tuple[str, int]], limits: Limits, lifetime: float = LIFETIME) -> None:
        """`servers`: address and port of each; `limits`: how many answers are kept, by their TTL, and whether any."""
        self._stub = _stub(servers, lifetime)
        self._lifetime = lifetime
        self._exchangers: Guard[tuple[MailExchanger, ...]] = Guard("DNS", self._ask_exchangers, limits)
        self._addresses: Guard[tuple[Address, ...]] = Guard("DNS", self._ask_addresses, limits)
        self._names: Guard[tuple[str, ...]] = Guard("DNS", self._ask_names, limits)
        self._strangers = Crowd("DNS")
        lists = DnsLists(self._ask_list, limits, self._strangers)
        self.listed, self.together = lists.listed, lists.together

    def exchangers(self, domain: str, /) -> tuple[MailExchanger, ...]:
        """The MX records of a domain, the best first, but for a null MX. Raises LookupFailed and MustWait."""
        found = self._find(self._exchangers, domain) or ()
        return () if _is_null(found) else found

    def refuses_mail(self, domain: str, /) -> bool:
        """It has a null MX and no other: the same question, and mostly the same answer from the cache."""
        return _is_null(self._find(self._exchangers, domain) or ())

    def addresses(self, host: str, /) -> tuple[Address, ...]:
        """The addresses of a host, of both families. Raises LookupFailed and MustWait."""
        return self._find(self._addresses, host) or ()

    def names(self, address: Address, /) -> tuple[str, ...]:
        """The PTR records of an address. Raises LookupFailed and MustWait."""
        return self._find(self._names, address.reverse_pointer) or ()

    def _find(self, guard: Guard[T], key: str) -> T | None:
        with self._strangers.joined():
            return guard.find(key)

    def _ask_exchangers(self, domain: str) -> Lasting[tuple[MailExchanger, ...]]:
        found, ttl = self._records(domain, "MX", self._deadline())
        exchangers = (MailExchanger(record.preference, _text(record.exchange)) for record in found)
        return _lasting(tuple(sorted(exchangers)), ttl)

    def _ask_addresses(self, host: str) -> Lasting[tuple[Address, ...]]:
        until = self._deadline()
        four, six = self._records(host, "A", until), self._records(host, "AAAA", until)
        return _lasting(_addresses([*four.records, *six.records]), min(four.ttl, six.ttl))

    def _ask_names(self, pointer: str) -> Lasting[tuple[str, ...]]:
        found, ttl = self._records(pointer, "PTR", self._deadline())
        return _lasting(tuple(sorted(_text(record.target) for record in found)), ttl)

    def _ask_list(self, name: str) -> Lasting[tuple[Address, ...]]:
        """What fails for one client fails for all, as a list is one zone."""
        try:
            found, ttl = self._records(name, "A", begin(min(SECONDS, self._lifetime)), proves=False)
        except KeyFailed as failure:
            raise LookupFailed(str(failure)) from failure
        return _lasting(_addresses(found), ttl)

    def _deadline(self) -> float:
        return begin(self._lifetime)

    def _records(self, name: str, kind: str, until: float, proves: bool = True) -> _Found:
        """All records of a kind, at the end of a chain of CNAMEs; empty where there surely is none.

        `proves`: find out whether a failure is one of the name servers, or of this name alone.
        """
        try:
            absolute = dns.name.from_text(f"{name}.")
            found = self._stub.resolve(absolute, kind, lifetime=max(0.001, until - time.monotonic()))
        except dns.resolver.NXDOMAIN as error:
            return _Found([], _ttl(error.kwargs["responses"][absolute]))
        except dns.resolver.NoAnswer as error:
            if odd := _why_no_answer(error.kwargs["response"]):
                raise KeyFailed(f"{name} {kind}: {odd}") from error
            return _Found([], _ttl(error.kwargs["response"]))
        except (dns.name.NameTooLong, dns.name.LabelTooLong, dns.name.EmptyLabel):  # nobody can have it
            return _Found([], LONGEST)
        except Exception as error:  # dnspython lets some of a broken packet's pass
            reason = f"{name} {kind}: {_words(error)}"
            if proves and (_answered(error) or self._is_well()):
                raise KeyFailed(reason) from error
            raise LookupFailed(reason) from error
        records = list(found)
        if len(records) > MOST:
            raise KeyFailed(f"{name} {kind}: more than {MOST} records")
        return _Found(records, _ttl(found.response))

    def _is_well(self) -> bool:
        """Does a name server say anything about what each must know?"""
        try:
            self._stub.resolve("localhost.", "A", lifetime=PROBE, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return True
        except Exception as error:
            return _answered(error)
        return True


def _lasting(answer: T, ttl: float) -> Lasting[T]:
    return Lasting(answer, min(max(ttl, SHORTEST), LONGEST))


def _ttl(response: dns.message.QueryMessage) -> float:
    """Of a no the SOA's own TTL or its minimum, whichever is less; RFC 2308 5: without an SOA it is not to be kept."""
    try:
        chain = response.resolve_chaining()
    except dns.exception.DNSException:
        return 0.0
    says = chain.answer is not None or any(
        rrset.rdtype == dns.rdatatype.SOA and chain.canonical_name.is_subdomain(rrset.name)
        for rrset in response.authority
    )
    return float(chain.minimum_ttl) if says else 0.0


def _text(name: dns.name.Name) -> str:
    return name.canonicalize().to_text(omit_final_dot=True)


def _addresses(records: Iterable[Any]) -> tuple[Address, ...]:
    return tuple(filter(None, (parse_address(record.address) for record in records)))


def _is_null(exchangers: tuple[MailExchanger, ...]) -> bool:
    return bool(exchangers) and all(exchanger.host == "." for exchanger in exchangers)


def _stub(servers: Sequence[tuple[str, int]], lifetime: float) -> dns.resolver.Resolver:
    stub = dns.resolver.Resolver(configure=False)
    stub.nameservers = [address for address, _ in servers]
    stub.nameserver_ports = dict(servers)
    if not servers:
        try:
            stub.read_resolv_conf("/etc/resolv.conf")
        except (dns.resolver.NoResolverConfiguration, OSError, ValueError):
            stub.nameservers = ["127.0.0.1"]  # as resolv.conf(5) has it
    stub.timeout = lifetime / max(2, len(stub.nameservers))
    return stub


def _why_no_answer(response: Any) -> str | None:
    """What is wrong with a response that has none of the records asked for, or None: there are none (RFC 2308 2.2)."""
    kinds = [
        {dns.rdatatype.to_text(rrset.rdtype) for rrset in section} for section in (response.answer, response.authority)
    ]
    if kinds[0] - {"CNAME", "DNAME", "RRSIG"}:
        return "an answer to another question"
    if "NS" in kinds[1] and "SOA" not in kinds[1]:
        return "a referral: the name server does not resolve"
    return None


def _errors(error: Exception) -> list[tuple[Any, ...]]:
    """What each name server made of it: server, by TCP?, port, exception or code, response."""
    errors: list[tuple[Any, ...]] = getattr(error, "kwargs", {}).get("errors", [])
    return errors


def _answered(error: Exception) -> bool:
    """Did a name server answer, although it was no answer to us?"""
    return isinstance(error, dns.resolver.YXDOMAIN) or any(each[4] is not None for each in _errors(error))


def _words(error: Exception) -> str:
    said = sorted({each[3] if isinstance(each[3], str) else type(each[3]).__name__ for each in _errors(error)})
    if isinstance(error, dns.exception.Timeout):
        return ", ".join(["no answer in time", *(word for word in said if word != "Timeout")])
    return ", ".join(said) or type(error).__name__
