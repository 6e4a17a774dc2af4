"""All small changes of a file that should change what it computes, found in its syntax tree.

Left alone are docstrings, type hints, sentences, raised errors' words, assertions, papers, `__repr__` and its kin, and decorators:
changing them changes nothing that is computed.
"""

import ast
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

_ARITHMETIC: dict[type[ast.operator], tuple[str, tuple[str, ...]]] = {
    ast.Add: ("+", ("-",)),
    ast.Sub: ("-", ("+",)),
    ast.Mult: ("*", ("/",)),
    ast.Div: ("/", ("*",)),
    ast.FloorDiv: ("//", ("*",)),
    ast.Mod: ("%", ("*",)),
    ast.Pow: ("**", ("*",)),
    ast.BitOr: ("|", ("&",)),
    ast.BitAnd: ("&", ("|",)),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
_NOT_COMPUTED = ("Paper", "MethodError", "FormatError", "TrainingError", "ConfigError", "DataError", "ModelError")
_SHOWN = re.compile(r"extra_repr|__repr__|__str__|say")


@dataclass(frozen=True)
class Mutant:
    """One change of one file: the bytes from `start` to `end` become `new`."""

    start: int
    end: int
    old: str
    new: str
    line: int
    kind: str
    in_class_body: bool
    """Whether it changes an option or a declaration rather than what a function does."""

    def apply(self, source: bytes) -> bytes:
        """The changed file. Raises ValueError when the file is another one."""
        if source[self.start : self.end] != self.old.encode():
            raise ValueError(f"line {self.line} is no longer {self.old!r}")
        return source[: self.start] + self.new.encode() + source[self.end :]


@cache
def mutants(source: bytes) -> tuple[Mutant, ...]:
    """Every mutant of a file, in the order of its lines; each is valid Python and differs from the file as a program."""
    found = sorted(set(_Finder(source).all()), key=lambda each: (each.start, each.end, each.new))
    same = ast.dump(ast.parse(source))
    return tuple(each for each in found if (tree := _parsed(each.apply(source))) and ast.dump(tree) != same)


def sample(files: Iterable[tuple[str, bytes]], count: int, seed: int) -> list[tuple[str, Mutant]]:
    """`count` mutants of all files (path, source), drawn without replacement; a larger count begins with the smaller one's."""
    everything = [(path, mutant) for path, source in files for mutant in mutants(source)]
    random.Random(seed).shuffle(everything)
    return everything[:count]


def _parsed(source: bytes) -> ast.Module | None:
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


class _Finder:
    """Walks a tree with the place in it."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.tree = ast.parse(source)
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def all(self) -> Iterator[Mutant]:
        """All changes, valid or not."""
        yield from self._walk(self.tree, in_class_body=False)

    def _walk(self, node: ast.AST, *, in_class_body: bool) -> Iterator[Mutant]:
        if isinstance(node, ast.ClassDef):
            in_class_body = True
        if isinstance(node, ast.FunctionDef):
            if _SHOWN.fullmatch(node.name):
                return
            in_class_body = False
        yield from self._at(node, in_class_body)
        for child in _computed(node):
            yield from self._walk(child, in_class_body=in_class_body)

    def _at(self, node: ast.AST, in_class_body: bool) -> Iterator[Mutant]:
        def change(start: int, end: int, new: str, kind: str) -> Mutant:
            return Mutant(start, end, self.source[start:end].decode(), new, node.lineno, kind, in_class_body)  # pyright: ignore[reportAttributeAccessIssue]

        match node:
            case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC and not _is_text(left) and not _is_text(right):
                token, others = _ARITHMETIC[type(op)]
                for other in others:
                    yield change(*self._between(left, right, token), other, "operator")
            case ast.AugAssign(target, op, value) if type(op) in _ARITHMETIC:
                token, others = _ARITHMETIC[type(op)]
                for other in others:
                    yield change(*self._between(target, value, token), other, "operator")
            case ast.Compare(left, [op], [right]):
                token, others = _COMPARISONS[type(op)]
                for other in others:
                    yield change(*self._between(left, right, token), other, "comparison")
            case ast.BoolOp(op, [left, right, *_]):
                token, other = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                if len(node.values) == 2:
                    yield change(*self._between(left, right, token), other, "boolean")
            case ast.UnaryOp(ast.Not() | ast.USub(), operand):
                yield change(*self._span(node), self._text(operand), "sign or negation")
            case ast.Constant(bool() as value):
                yield change(*self._span(node), str(not value), "constant")
            case ast.Constant(int() as value):
                yield change(*self._span(node), str(value + 1), "constant")
                yield change(*self._span(node), str(value - 1), "constant")
            case ast.Constant(float() as value):
                yield change(*self._span(node), repr(value * 2 if value else 0.5), "constant")
            case ast.Call(args=[first, second, *_]) if _in_order(node):
                start, end = self._span(first)[0], self._span(second)[1]
                gap = self.source[self._span(first)[1] : self._span(second)[0]].decode()
                yield change(start, end, f"{self._text(second)}{gap}{self._text(first)}", "arguments")
            case ast.IfExp(test) | ast.If(test) | ast.While(test):
                if not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)) and not _for_types(test):
                    yield change(*self._span(test), f"(not ({self._text(test)}))", "condition")
        if isinstance(node, ast.Expr | ast.AugAssign | ast.Raise | ast.Delete | ast.Continue | ast.Break) or (
            isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript)
        ):
            yield change(*self._span(node), "pass", "dropped")
        if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            yield change(*self._span(node), "return None", "dropped")

    def _span(self, node: ast.AST) -> tuple[int, int]:
        start = self.starts[node.lineno - 1] + node.col_offset  # pyright: ignore[reportAttributeAccessIssue]
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset  # pyright: ignore[reportAttributeAccessIssue]

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        text = self.source[start:end].decode()
        # What stood in brackets keeps its meaning where it is put.
        return (
            f"({text})" if isinstance(node, ast.BoolOp | ast.BinOp | ast.Compare | ast.IfExp | ast.NamedExpr) else text
        )

    def _between(self, left: ast.AST, right: ast.AST, token: str) -> tuple[int, int]:
        """Where the operator stands between its sides; brackets may stand there too."""
        first = self._span(left)[1]
        gap = self.source[first : self._span(right)[0]]
        found = re.search(r"\s+".join(map(re.escape, token.split())).encode(), gap)
        assert found is not None, (token, gap)
        return first + found.start(), first + found.end()


def _computed(node: ast.AST) -> Iterator[ast.AST]:
    """The children that decide what is computed."""
    if isinstance(node, ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return
    if isinstance(node, ast.Call) and _called(node) in _NOT_COMPUTED:
        return
    if isinstance(node, ast.If) and _for_types(node.test):
        return
    body = getattr(node, "body", None)
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in field if isinstance(field, list) else [field]:
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not (field is body and text):
                yield child


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _in_order(call: ast.Call) -> bool:
    """Whether the first two arguments mean different things; a swap in `isinstance` would only end the program."""
    starred = any(isinstance(each, ast.Starred) for each in call.args[:2])
    return not starred and _called(call) not in ("min", "max", "isinstance", "equal", *_NOT_COMPUTED)


def _for_types(test: ast.AST) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
