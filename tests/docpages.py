"""The pages for people, and what stands in them: headings, links, code, commands, messages."""

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)
TROUBLESHOOTING: Final = ROOT / "docs" / "troubleshooting.md"
GAP: Final = "…"
"""What differs, in a message as people read it and in the text of the program."""

_FENCE: Final = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND: Final = re.compile(r"(?:^|[\s/(`])sync-worker +(?=[a-z-])([^|>&;)\n]*)")
_CONTINUED: Final = re.compile(r"\\\n *")


def relative(page: Path) -> str:
    """The path within the repository, for the names of tests."""
    return str(page.relative_to(ROOT))


# --- Links ----------------------------------------------------------------------------------------------


def links(page: Path) -> list[str]:
    """The targets of all links that do not lead out of the repository."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return sorted({link for link in _LINK.findall(text) if not re.match(r"[a-z]+:", link)})


@cache
def anchors(page: Path) -> frozenset[str]:
    """What may stand behind # in a link to this page: its headings, as GitHub names them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return frozenset(_slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE))


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def leads_nowhere(page: Path, link: str) -> bool:
    """Whether file or heading is not there."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


# --- Code -----------------------------------------------------------------------------------------------


def blocks(page: Path, *languages: str) -> list[str]:
    """The code in fences; of these languages alone, if any is named."""
    found = _FENCE.findall(page.read_text(encoding="utf-8"))
    return [body for _, language, body in found if not languages or language in languages]


def commands(page: Path) -> list[tuple[str, ...]]:
    """The arguments of every `sync-worker …`: lines in fences and whole pieces of code in sentences."""
    text = page.read_text(encoding="utf-8")
    pieces = [line for body in blocks(page) for line in _CONTINUED.sub(" ", body).splitlines()]
    pieces += re.findall(r"`(sync-worker [^`]+)`", _FENCE.sub("", text).replace("\n", " "))
    found = (command for piece in pieces for command in _COMMAND.findall(piece))
    return sorted({words for command in found if (words := _words(command))})


def _words(command: str) -> tuple[str, ...]:
    """Without the comment beside it; for a name in capitals, a number."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:  # a quotation that goes on behind a sign of the shell, as in psql -c '\! …'
        words = shlex.split(command.replace("'", "").replace('"', ""))
    return tuple("1" if re.fullmatch(r"[A-Z]{3,}", word) else word for word in words)


# --- Messages -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Raised:
    """An error that the program raises with words of its own."""

    error: str  # the name of its class
    words: str  # with `GAP` for what differs
    place: str


def documented() -> list[str]:
    """The messages of the page: what stands in backticks in the first column of its tables."""
    return re.findall(r"^\| `([^`]+)` \|", TROUBLESHOOTING.read_text(encoding="utf-8"), re.MULTILINE)


def pattern(message: str) -> re.Pattern[str]:
    """Finds the words of a message in a text of the program; a gap at an end stands for anything."""
    pieces = [re.escape(piece) for piece in message.strip(f"{GAP} ").split(GAP)]
    return re.compile(rf"(?:{GAP} ?)+".join(pieces))


@cache
def texts() -> tuple[str, ...]:
    """Every text of the program, with `GAP` for what differs."""
    return tuple(sorted({text for _, tree in _modules() for text in _texts(tree)}))


@cache
def raised() -> tuple[Raised, ...]:
    """Every call that makes an error out of words."""
    return tuple(found for place, tree in _modules() for found in _errors(tree, place))


@cache
def _modules() -> tuple[tuple[str, ast.Module], ...]:
    files = sorted((ROOT / "sync_worker").rglob("*.py"))
    return tuple((relative(file), ast.parse(file.read_text(encoding="utf-8"))) for file in files)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield _words_of(node)
    for child in ast.iter_child_nodes(node):
        is_docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
        if not is_docstring:
            yield from _texts(child)


def _words_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_words_of(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else GAP


def _errors(tree: ast.Module, place: str) -> Iterator[Raised]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            first = node.args[0]
            if isinstance(first, ast.JoinedStr | ast.Constant):
                yield Raised(node.func.id, _words_of(first), f"{place}:{node.lineno}")
