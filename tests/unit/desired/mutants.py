"""Small sabotage of a module: each mutant is the module with one thing wrong, mostly in the direction of allowing more.

Nothing is written to disk, and no process is started: a mutant is a syntax tree, compiled into a namespace of its own.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from typing_extensions import override

_COMPARISONS: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Gt: (ast.GtE, ast.LtE, ast.Eq),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_SUMS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
_QUANTIFIERS: Final = {"any": "all", "all": "any"}
_OF_DATACLASSES: Final = {"frozen", "slots", "kw_only"}
"""How a value is made, not what it says: tested by name elsewhere."""

Variant = tuple[str, ast.AST]
"""What is wrong, and the node that has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A module with one thing wrong."""

    name: str  # the line, what was done there, and how it was
    tree: ast.Module

    def load(self, module: str) -> dict[str, Any]:
        """Run it as if it were the module of that name; returns its names."""
        namespace: dict[str, Any] = {"__name__": module}
        exec(compile(self.tree, f"<{self.name}>", "exec"), namespace)  # noqa: S102 - our own source, sabotaged by us
        return namespace


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    for index, node in enumerate(ast.walk(ast.parse(source))):
        for choice, (what, _) in enumerate(_variants(node)):
            tree = ast.parse(source)
            target = list(ast.walk(tree))[index]
            _, replacement = list(_variants(target))[choice]
            name = f"line {getattr(node, 'lineno', 0)}: {what}: {ast.unparse(node).splitlines()[0]}"
            yield Mutant(name=name, tree=ast.fix_missing_locations(_Exchange(target, replacement).visit(tree)))


class _Exchange(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old = old
        self._new = new

    @override
    def visit(self, node: ast.AST) -> Any:
        return self._new if node is self._old else self.generic_visit(node)


def _variants(node: ast.AST) -> Iterator[Variant]:
    """What can go wrong at a node."""
    match node:
        case ast.expr():
            yield from _reckoned(node)
        case ast.Expr(value=ast.Yield()):
            yield "yields nothing", ast.Expr(value=ast.YieldFrom(value=ast.Tuple(elts=[], ctx=ast.Load())))
        case ast.Return(value=None):
            yield "goes on", ast.Pass()
        case ast.Return(value=ast.JoinedStr() | ast.Constant(value=str())):
            yield "returns None", ast.Return(value=ast.Constant(value=None))
        case ast.Return(value=ast.Constant(value=bool() as value)):
            yield f"returns {not value}", ast.Return(value=ast.Constant(value=not value))
        case ast.Return(value=ast.Call()):
            yield "returns nothing", ast.Return(value=ast.Constant(value=None))
        case ast.keyword(arg=name, value=ast.Constant(value=bool() as value)) if name not in _OF_DATACLASSES:
            yield f"{not value}", ast.keyword(arg=name, value=ast.Constant(value=not value))
        case ast.If():
            for truth in (False, True):
                yield f"if {truth}", ast.If(test=ast.Constant(value=truth), body=node.body, orelse=node.orelse)
        case _:
            return


def _reckoned(node: ast.expr) -> Iterator[Variant]:
    match node:
        case ast.Compare():
            for other in _COMPARISONS[type(node.ops[0])]:
                yield other.__name__, ast.Compare(left=node.left, ops=[other()], comparators=node.comparators)
        case ast.BoolOp():
            yield "and/or", ast.BoolOp(op=ast.Or() if isinstance(node.op, ast.And) else ast.And(), values=node.values)
            for number, value in enumerate(node.values):
                yield f"without {ast.unparse(value)}", _without(node, number)
        case ast.UnaryOp(op=ast.Not()):
            yield "without not", node.operand
        case ast.BinOp() if type(node.op) in _SUMS:
            yield "arithmetic", ast.BinOp(left=node.left, op=_SUMS[type(node.op)](), right=node.right)
        case ast.IfExp():
            yield "if/else", ast.IfExp(test=node.test, body=node.orelse, orelse=node.body)
        case ast.Name() if node.id in _QUANTIFIERS:
            yield "any/all", ast.Name(id=_QUANTIFIERS[node.id], ctx=node.ctx)
        case _:
            return


def _without(node: ast.BoolOp, number: int) -> ast.expr:
    left = [value for place, value in enumerate(node.values) if place != number]
    return left[0] if len(left) == 1 else ast.BoolOp(op=node.op, values=left)
