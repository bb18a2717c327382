"""The laws of the house, read from the source of every module: who imports whom, where a Permit is made.

The laws are functions of a list of modules, so that each is seen to fail on a module that breaks it.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "relaymilter"

RANKS = {
    "": 0,
    "policy": 1,
    "files": 2,
    "lookups": 2,
    "tables": 3,
    "ledger": 3,
    "dns": 3,
    "dns_lists": 3,
    "mta": 3,
    "maillog": 3,
    "config": 4,
    "config.wiring": 5,
    "milter": 5,
    "observe": 5,
    "notices": 5,
    "audit": 6,
    "daemon": 6,
    "report": 7,
    "cli": 8,
    "__main__": 9,
}
"""The parts of the package, from the bottom up. Nothing imports upward; parts of one rank import in one direction."""

POLICY_ALONE = ("config.sets", "config.endpoint")
"""Of config these may import policy and nothing else of the package."""

NO_SUBJECT = {"config.options", "config.model", "config.reader", "config.wiring"}
"""Of config these may import the modules of subjects; a subject imports none of another, nor any of these."""

PURE = {
    *("__future__", "abc", "bisect", "collections", "collections.abc", "dataclasses", "enum", "functools", "ipaddress"),
    *("array", "itertools", "math", "operator", "re", "types", "typing"),
    *("hashlib", "struct"),  # records of a ledger, and addresses in it as keyed hashes: bytes in, bytes out
}
"""What policy/ may import of the standard library: no I/O, no clock, no thread, no log, no chance."""

IMPURE_BUILTINS = {"open", "print", "input", "exec", "eval", "compile", "__import__", "globals", "breakpoint"}

SAME_PROJECT = {"Milter": "pymilter", "milter": "pymilter"}
"""Top-level names that one project installs."""

VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "manager", "core", "misc"}


@dataclass(frozen=True)
class Module:
    """A module of the package: its name below the package, and its source as a tree."""

    name: str
    tree: ast.Module
    is_package: bool = False

    @property
    def part(self) -> str:
        """The part of the package that it belongs to."""
        return part_of(self.name)


def part_of(name: str) -> str:
    """The part to which a module of this name belongs, RANKS or not."""
    return name if name in RANKS else name.partition(".")[0]


def modules() -> list[Module]:
    """Every module of the package."""
    found = []
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        names = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        is_package = names[-1] == "__init__"
        name = ".".join(names[:-1] if is_package else names)
        found.append(Module(name, ast.parse(path.read_bytes(), str(path)), is_package))
    return found


MODULES = modules()
KNOWN = {module.name for module in MODULES}


def imports(module: Module) -> Iterator[str]:
    """Every module that is imported anywhere in this one, in functions and under conditions too, by its full name."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(module, node)
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner.removeprefix(PACKAGE + ".") in KNOWN | set(RANKS) else origin


def _origin(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    here = [PACKAGE, *filter(None, module.name.split("."))]
    above = here[: len(here) - node.level + module.is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def own_imports(module: Module) -> Iterator[str]:
    """The modules of the package that this one imports, by their names below it."""
    for name in imports(module):
        if name == PACKAGE or name.startswith(PACKAGE + "."):
            yield name.removeprefix(PACKAGE).removeprefix(".")


def foreign_imports(module: Module) -> Iterator[str]:
    """What this module imports from elsewhere, by full name."""
    return (name for name in imports(module) if name.partition(".")[0] != PACKAGE)


# The laws. Each gives the violations that it finds, in words.


def every_part_is_known(found: list[Module]) -> Iterator[str]:
    """Every folder and every module beside them has its rank."""
    yield from (f"{module.name}: what part is this?" for module in found if module.part not in RANKS)


def nothing_imports_upward(found: list[Module]) -> Iterator[str]:
    """An import goes to the same part or further down; some modules of config import policy alone."""
    for module in found:
        for name in own_imports(module):
            part = part_of(name)
            if RANKS.get(part, 99) > RANKS.get(module.part, -1):
                yield f"{module.name} imports {name}, which is above it"
            if module.name in POLICY_ALONE and part not in ("", "config", "policy"):
                yield f"{module.name} imports {name}, which is not policy"


def subjects_stand_alone(found: list[Module]) -> Iterator[str]:
    """A subject of config, which is whatever has OPTIONS, is imported by its sums alone: all of it is in one file."""
    subjects = {module.name for module in found if module.name.startswith("config.") and _has_options(module)}
    for module in found:
        if module.name.startswith("config.") and module.name not in NO_SUBJECT:
            for name in subjects.union(NO_SUBJECT).intersection(own_imports(module)) - {"config.options"}:
                yield f"{module.name} imports {name}"
            if module.name in subjects and "config.options" in set(own_imports(module)):
                yield f"{module.name} imports config.options"


def _has_options(module: Module) -> bool:
    names = (node.targets for node in module.tree.body if isinstance(node, ast.Assign))
    return any(isinstance(target, ast.Name) and target.id == "OPTIONS" for targets in names for target in targets)


def parts_import_one_way(found: list[Module]) -> Iterator[str]:
    """No part imports, by way of however many others, a part that imports it."""
    below: dict[str, set[str]] = {}
    for module in found:
        below.setdefault(module.part, set()).update(part_of(name) for name in own_imports(module))
    for part in below:
        seen: set[str] = set()
        todo = below[part] - {part}
        while todo:
            other = todo.pop()
            seen.add(other)
            todo |= below.get(other, set()) - {other} - seen
        if part in seen:
            yield f"{part} imports itself by way of others"


def policy_is_pure(found: list[Module]) -> Iterator[str]:
    """policy/ imports only itself and the pure part of the standard library, and calls no builtin that does I/O."""
    for module in found:
        if module.part != "policy":
            continue
        yield from (f"{module.name} imports {name}" for name in foreign_imports(module) if name not in PURE)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id in IMPURE_BUILTINS:
                yield f"{module.name}:{node.lineno} uses {node.id}"


def permits_are_made_in_one_place(found: list[Module]) -> Iterator[str]:
    """Permit is called in policy/relay.py alone; elsewhere it is only looked for, under its own name."""
    for module in found:
        if module.name == "policy.relay":
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.alias) and _last(node.name) == "Permit" and node.asname not in (None, "Permit"):
                yield f"{module.name}:{node.lineno} renames Permit"
            if isinstance(node, ast.Assign | ast.NamedExpr) and _names_permit(node.value):
                yield f"{module.name}:{node.lineno} renames Permit"
            if isinstance(node, ast.Call):
                yield from _permit_in_call(module, node)


def _permit_in_call(module: Module, call: ast.Call) -> Iterator[str]:
    if _names_permit(call.func):
        yield f"{module.name}:{call.lineno} makes a Permit"
    asks_only = isinstance(call.func, ast.Name) and call.func.id in ("isinstance", "issubclass")
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if not asks_only and any(map(_names_permit, given)):
        yield f"{module.name}:{call.lineno} hands Permit on"


def _names_permit(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "Permit") or (
        isinstance(node, ast.Attribute) and node.attr == "Permit"
    )


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def accept_is_nowhere(found: list[Module]) -> Iterator[str]:
    """No name, attribute, import, parameter or string is ACCEPT: permit is CONTINUE."""
    for module in found:
        for node in ast.walk(module.tree):
            if any(word == "ACCEPT" or word.endswith("_ACCEPT") for word in _words(node)):
                yield f"{module.name}:{getattr(node, 'lineno', 0)} says ACCEPT"


def _words(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
            return [word]
        case ast.alias(name=word, asname=other):
            return [_last(word), other or ""]
        case ast.keyword(arg=str(word)) | ast.Constant(value=str(word)):
            return [word]
        case ast.FunctionDef(name=word) | ast.ClassDef(name=word):
            return [word]
    return []


def third_parties_are_imported_once(found: list[Module]) -> Iterator[str]:
    """What another project gives is imported in one module; click in those of cli/, and nowhere else."""
    importers: dict[str, set[str]] = {}
    for module in found:
        for name in foreign_imports(module):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names:
                importers.setdefault(SAME_PROJECT.get(top, top), set()).add(module.name)
    for project, names in importers.items():
        if project == "click":
            yield from (f"{name} imports click" for name in sorted(names) if part_of(name) != "cli")
        elif len(names) > 1:
            yield f"{project} is imported in {', '.join(sorted(names))}"


def names_say_something(found: list[Module]) -> Iterator[str]:
    """No module or folder has a name that could hold anything."""
    yield from (f"{module.name} says nothing" for module in found if VAGUE & set(module.name.split(".")))


LAWS = [
    every_part_is_known,
    nothing_imports_upward,
    subjects_stand_alone,
    parts_import_one_way,
    policy_is_pure,
    permits_are_made_in_one_place,
    accept_is_nowhere,
    third_parties_are_imported_once,
    names_say_something,
]
Law = Callable[[list[Module]], Iterator[str]]


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__ for law in LAWS])
def test_law(law: Law) -> None:
    """The package keeps this law."""
    assert [] == list(law(MODULES))


def test_the_walk_finds_the_package() -> None:
    """The laws are asked of something: every folder of the decision and its modules are walked, with their imports."""
    assert {"", "policy", "policy.relay", "policy.address", "config.wiring", "milter.session", "cli"} <= KNOWN
    wiring = next(module for module in MODULES if module.name == "config.wiring")
    assert {"policy.relay", "policy.ruleset", "config.model"} <= set(own_imports(wiring))
    assert [module.name for module in MODULES if "Permit" in ast.dump(module.tree) and module.name == "policy.relay"]


def breaking(name: str, source: str) -> list[Module]:
    """The package with one more module, or another one in the place of one of its own."""
    return [module for module in MODULES if module.name != name] + [Module(name, ast.parse(source))]


@pytest.mark.parametrize(
    ("law", "name", "source"),
    [
        pytest.param(every_part_is_known, "plugins.x", "", id="a folder without a rank"),
        pytest.param(nothing_imports_upward, "policy.x", "import relaymilter.milter.session", id="policy of milter"),
        pytest.param(nothing_imports_upward, "policy.x", "from relaymilter import config", id="policy of config"),
        pytest.param(nothing_imports_upward, "policy.x", "from ..config import model", id="relative import"),
        pytest.param(nothing_imports_upward, "tables.x", "def f():\n from relaymilter.config import x", id="hidden"),
        pytest.param(nothing_imports_upward, "config.x", "from relaymilter.config import wiring", id="wiring"),
        pytest.param(nothing_imports_upward, "milter.x", "if 0:\n import relaymilter.daemon.worker", id="of daemon"),
        pytest.param(nothing_imports_upward, "daemon.x", "from relaymilter.cli import run", id="daemon of cli"),
        pytest.param(nothing_imports_upward, "config.sets", "from relaymilter.tables import text", id="of tables"),
        pytest.param(subjects_stand_alone, "config.x", "from relaymilter.config import logins", id="of a subject"),
        pytest.param(subjects_stand_alone, "config.x", "OPTIONS = ()\nfrom . import options", id="of options"),
        pytest.param(parts_import_one_way, "observe.x", "from relaymilter.milter import replies", id="both ways"),
        pytest.param(policy_is_pure, "policy.x", "import socket", id="socket"),
        pytest.param(policy_is_pure, "policy.x", "import time", id="time"),
        pytest.param(policy_is_pure, "policy.x", "def f():\n from os import path", id="os, hidden"),
        pytest.param(policy_is_pure, "policy.x", "import logging", id="logging"),
        pytest.param(policy_is_pure, "policy.x", "import dns.resolver", id="third party"),
        pytest.param(policy_is_pure, "policy.x", "open('x')", id="open"),
        pytest.param(policy_is_pure, "policy.x", "f = print", id="print"),
        pytest.param(permits_are_made_in_one_place, "policy.x", "Permit('x')", id="made"),
        pytest.param(permits_are_made_in_one_place, "milter.x", "verdict.Permit('x')", id="made, qualified"),
        pytest.param(permits_are_made_in_one_place, "policy.x", "from y import Permit as P", id="renamed by import"),
        pytest.param(permits_are_made_in_one_place, "policy.x", "P = Permit", id="renamed"),
        pytest.param(permits_are_made_in_one_place, "policy.x", "f(p := verdict.Permit)", id="renamed on the way"),
        pytest.param(permits_are_made_in_one_place, "policy.x", "list(map(Permit, reasons))", id="handed on"),
        pytest.param(permits_are_made_in_one_place, "policy.x", "f(make=Permit)", id="handed on by name"),
        pytest.param(accept_is_nowhere, "milter.x", "return_ = milter.ACCEPT", id="attribute"),
        pytest.param(accept_is_nowhere, "milter.x", "from milter import ACCEPT", id="imported"),
        pytest.param(accept_is_nowhere, "milter.x", "from milter import x as ACCEPT", id="renamed"),
        pytest.param(accept_is_nowhere, "milter.x", "SMFIR_ACCEPT = b'a'", id="constant"),
        pytest.param(accept_is_nowhere, "milter.x", "getattr(milter, 'ACCEPT')", id="string"),
        pytest.param(accept_is_nowhere, "milter.x", "f(ACCEPT=1)", id="keyword"),
        pytest.param(third_parties_are_imported_once, "observe.x", "import click", id="click outside cli"),
        pytest.param(third_parties_are_imported_once, "daemon.x", "import Milter", id="pymilter by its other name"),
        pytest.param(names_say_something, "policy.utils", "", id="utils"),
        pytest.param(names_say_something, "core.x", "", id="folder core"),
    ],
)  # fmt: skip
def test_law_sees_what_breaks_it(law: Law, name: str, source: str) -> None:
    """A module that breaks a law is one violation more."""
    assert set(law(breaking(name, source))) - set(law(MODULES))


def test_looking_for_a_permit_is_no_making() -> None:
    """A Permit may be recognised anywhere: in isinstance, a match, an annotation and a union."""
    source = (
        "from relaymilter.policy.verdict import Permit\n"
        "def f(x: Permit | None) -> Permit | None:\n"
        "    match x:\n"
        "        case Permit(reason=r):\n"
        "            return x\n"
        "    return x if isinstance(x, Permit) else None\n"
    )
    assert [] == list(permits_are_made_in_one_place(breaking("milter.x", source)))


def test_the_names_are_right() -> None:
    """The builtins that policy/ may not use exist, so that none is misspelt."""
    assert all(hasattr(builtins, name) for name in IMPURE_BUILTINS)


# What the types refuse. mypy runs on a module outside the tree.

MODULE = """\
from relaymilter.policy.envelope import Request
from relaymilter.policy.rules import RelayRule, Restriction
from relaymilter.policy.verdict import Defer, NoOpinion, Permit, Reject, Reply, refuse


def ask(request: Request) -> {returns}:
    return {value}


made = {kind}("name", ask)
"""


def mypy_on(folder: Path, source: str) -> tuple[int, str]:
    """The status and the words of mypy --strict on this module; a skip where there is no mypy."""
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed for this Python")
    path = folder / "restriction.py"
    path.write_text(source)
    cache = folder.parent / "mypy_cache"
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}", path.name],
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


REJECT = 'Reject(Reply(550, "5.7.1", "No"), "no")'
PERMIT = 'Permit("yes")'
NO_OPINION = 'NoOpinion("none")'


@pytest.mark.parametrize(
    ("kind", "returns", "value"),
    [
        ("Restriction", "Reject | Defer | NoOpinion", REJECT),
        ("Restriction", "Reject", REJECT),
        ("RelayRule", "Permit | NoOpinion", PERMIT),
        ("RelayRule", "NoOpinion", NO_OPINION),
    ],
)
def test_types_take(tmp_path: Path, kind: str, returns: str, value: str) -> None:
    """A restriction that refuses and a rule that permits have the right types."""
    assert (0, "Success: no issues found in 1 source file\n") == mypy_on(
        tmp_path, MODULE.format(kind=kind, returns=returns, value=value)
    )


@pytest.mark.parametrize(
    ("kind", "returns", "value", "line", "error"),
    [
        ("Restriction", "Permit", PERMIT, 10, "arg-type"),
        ("Restriction", "Permit | NoOpinion", PERMIT, 10, "arg-type"),
        ("Restriction", "Reject | Defer | NoOpinion | Permit", NO_OPINION, 10, "arg-type"),
        ("Restriction", "Reject | Defer | NoOpinion", PERMIT, 7, "return-value"),
        ("Restriction", "None", "None", 10, "arg-type"),
        ("RelayRule", "Permit | Reject", REJECT, 10, "arg-type"),
        ("RelayRule", "Permit | NoOpinion", 'refuse(Reply(550, "5.7.1", "No"), "no")', 7, "return-value"),
    ],
)
def test_types_refuse(tmp_path: Path, kind: str, returns: str, value: str, line: int, error: str) -> None:
    """mypy --strict refuses a restriction that may permit, one that gives no answer, and a rule that refuses."""
    status, said = mypy_on(tmp_path, MODULE.format(kind=kind, returns=returns, value=value))
    assert 1 == status
    assert f"restriction.py:{line}: error: " in said
    assert f"[{error}]" in said
