"""Mutants: a module with one place broken, such as a programmer might break it.

Comparisons and conditions are turned round, arguments and members are dropped, statements are left out, numbers and
switches change, handlers catch nothing. Words (docstrings, reasons, what is logged) and types stay as they are, and so
does zip()'s `strict`, which only says what must hold anyway.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Mutant(NamedTuple):
    """One place broken."""

    where: str
    """The function that it is in, `Class.method`, or the module."""
    lines: range
    """Of the statement that it is in, or of its head: it does nothing where none of them is run."""
    line: int
    old: str
    new: str
    source: str
    """Of the whole module."""

    @property
    def change(self) -> str:
        """In words that stay the same when lines move."""
        return f"{self.where}: {self.old} -> {self.new}"


SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
"""Operators, and what is taken for them."""

_NOT_RUN = {"annotation", "returns", "decorator_list", "bases", "type_params", "ctx"}
"""Fields of a node in which nothing runs when the function does."""


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    for place in sorted(_places(tree, (), range(0)), key=lambda place: place.node.lineno):
        for broken in _broken(place):
            with place.holding(broken):
                changed = ast.unparse(tree)
            yield Mutant(place.where, place.lines, place.node.lineno, _shown(place.node), _shown(broken), changed)


class _Place(NamedTuple):
    """A node, and where it hangs."""

    where: str
    lines: range
    parent: Any
    field: str
    at: int | None
    """Where the field is a list."""
    node: Any

    @contextmanager
    def holding(self, node: ast.AST | None) -> Iterator[None]:
        """Meanwhile another node is in its place; None: it is left out."""
        before = getattr(self.parent, self.field)
        if self.at is None:
            setattr(self.parent, self.field, node)
        else:
            there = () if node is None else (node,)
            setattr(self.parent, self.field, [*before[: self.at], *there, *before[self.at + 1 :]])
        yield
        setattr(self.parent, self.field, before)


def _places(parent: ast.AST, names: tuple[str, ...], lines: range) -> Iterator[_Place]:
    """Everything below a node that could be broken; names of classes and functions lead to it."""
    lines = _lines(parent) or lines
    if isinstance(parent, ast.FunctionDef | ast.ClassDef):
        names = (*names, parent.name)
    for field, value in ast.iter_fields(parent):
        if field in _NOT_RUN:
            continue
        for at, node in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(node, ast.AST) and not _is_said(node):
                if hasattr(node, "lineno"):
                    yield _Place(".".join(names) or "module", _lines(node) or lines, parent, field, at, node)
                yield from _places(node, names, lines)


def _lines(node: ast.AST) -> range | None:
    """Of a statement, a handler or a case, without the statements in it."""
    if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
        return None
    first: int = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
    inner = next((found for name in ("body", "cases") if (found := getattr(node, name, None))), None)
    if not inner:
        return range(first, (getattr(node, "end_lineno", None) or first) + 1)
    head: int = inner[0].pattern.lineno if isinstance(inner[0], ast.match_case) else inner[0].lineno
    return range(first, max(head, first + 1))


def _is_said(node: ast.AST) -> bool:
    """Words, or types: a docstring, a message for the log or for an exception, an alias, __slots__."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).startswith("log.")
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == "__slots__"
    if isinstance(node, ast.AnnAssign):
        return "TypeAlias" in ast.unparse(node.annotation) or node.value is None
    return isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Raise)


def _broken(place: _Place) -> Iterator[ast.AST | None]:
    node, parent = place.node, place.parent
    match node:
        case ast.Compare(left, [operator], others):
            yield ast.Compare(left, [SWAPPED[type(operator)]()], others)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(SWAPPED[type(operator)](), values)
            yield from (values[0], values[-1])
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.BinOp(left, ast.Add() | ast.Sub() as operator, right):
            yield ast.BinOp(left, SWAPPED[type(operator)](), right)
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Constant(bool(value)) if not (isinstance(parent, ast.keyword) and parent.arg == "strict"):
            yield ast.Constant(not value)
        case ast.Constant(int(value)) if not isinstance(value, bool):
            yield ast.Constant(value + 1)
        case ast.For(target, several, body, orelse):
            turned = ast.Call(ast.Name("reversed"), [ast.Call(ast.Name("list"), [several], [])], [])
            yield ast.For(target, turned, body, orelse, lineno=node.lineno)
        case ast.If(test, body, orelse):
            yield ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.Return(value) if value is not None and ast.unparse(value) not in ("None", "False"):
            yield ast.Return(ast.Constant(None))
        case ast.Expr() | ast.Assign() | ast.AugAssign() | ast.Continue() | ast.Break() if place.where != "module":
            yield ast.Pass()
        case ast.ExceptHandler(kind, name, _):
            yield ast.ExceptHandler(kind, name, [ast.Raise()])
        case ast.keyword(name) if name != "strict":
            yield None
    if isinstance(parent, ast.Call) and place.field == "args" and 0 < (place.at or 0) == len(parent.args) - 1:
        yield None
    if isinstance(parent, ast.Tuple | ast.List | ast.Set) and place.field == "elts" and _is_read(parent):
        yield None


def _is_read(node: ast.Tuple | ast.List | ast.Set) -> bool:
    """Not what something is assigned to."""
    return not isinstance(getattr(node, "ctx", None), ast.Store)


def _shown(node: ast.AST | None) -> str:
    text = "nothing" if node is None else " ".join(ast.unparse(node).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


_LONGEST = 90
