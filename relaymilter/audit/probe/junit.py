"""What a probe found, as JUnit's XML, which CI systems read: a suite for each target, a case for each family."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from relaymilter.audit.hostile.trial import Outcome, Trial, rows

_FAILURES = (Outcome.OPENED, Outcome.UNSEEN)


def junit(by_target: Mapping[str, Sequence[Trial]], unreachable: Mapping[str, str]) -> str:
    """By target: the trials, or why there are none."""
    suites = ElementTree.Element("testsuites", name="relaymilter probe")
    for target, trials in by_target.items():
        _suite(suites, target, trials)
    for target, why in unreachable.items():
        suite = ElementTree.SubElement(suites, "testsuite", name=target, tests="1", failures="0", errors="1")
        case = ElementTree.SubElement(suite, "testcase", classname=target, name="connection")
        ElementTree.SubElement(case, "error", message=why)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode")


def _suite(suites: ElementTree.Element, target: str, trials: Sequence[Trial]) -> None:
    families = [row for row in rows(trials) if row.family != "all"]
    failures = sum(row.held < row.tried for row in families)
    tests = str(len(families))
    suite = ElementTree.SubElement(suites, "testsuite", name=target, tests=tests, failures=str(failures), errors="0")
    for row in families:
        case = ElementTree.SubElement(suite, "testcase", classname=target, name=row.family)
        if row.held < row.tried:
            taken = [t for t in trials if t.envelope.family == row.family and t.outcome in _FAILURES]
            message = f"{row.tried - row.held} of {row.tried} got through"
            ElementTree.SubElement(case, "failure", message=message).text = "\n".join(
                f"{trial.envelope}: {trial.said}" for trial in taken
            )
