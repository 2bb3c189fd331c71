"""Print the numbers of the house: size, functions, cycles, type ignores, tests per line of code."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("balupi_site", "energy", "handshake", "nasctl", "pihole", "simhome")
LONG_FILE_LINES = 300
LONG_FUNCTION_LINES = 40
TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore")


@dataclass(frozen=True)
class Function:
    """A function, and how many lines it takes, its docstring included."""

    lines: int
    place: str


@dataclass(frozen=True)
class Source:
    """A Python file of the repository."""

    path: str
    text: str

    @property
    def lines(self) -> int:
        """Return its lines, empty ones and comments included."""
        return len(self.text.splitlines())

    @property
    def kind(self) -> str:
        """Return what it is for: code, tests, tools or migrations."""
        parts = Path(self.path).parts
        if "migrations" in parts:
            return "migrations"
        if "tests" in parts or parts[-1] == "conftest.py":
            return "tests"
        return "tools" if parts[0] in {"benchmarks", "deploy"} else "code"

    def functions(self) -> Iterator[Function]:
        """Yield its functions and methods, nested ones too."""
        for node in ast.walk(ast.parse(self.text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield Function(lines, f"{self.path}:{node.lineno} {node.name}")


def main() -> int:
    """Print a table, then each file and function that is longer than it should be; 1: there is a cycle."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    sources = [Source(path, (ROOT / path).read_text()) for path in listed if (ROOT / path).exists()]
    print(f"{'':12}{'files':>6}{'lines':>8}{'functions':>11}{'median':>8}{'p90':>5}{'longest':>9}")
    for kind in ("code", "tools", "tests", "migrations"):
        print(row(kind, [source for source in sources if source.kind == kind]))
    ours = [source for source in sources if source.kind in {"code", "tools"}]
    lines = {kind: sum(s.lines for s in sources if s.kind == kind) for kind in ("code", "tests")}
    ignores = sum(len(TYPE_IGNORE.findall(source.text)) for source in sources)
    print(f"test lines per line of code: {lines['tests'] / lines['code']:.2f}")
    print(f"type ignores: {ignores}")
    knotted = cycles()
    print_list("import cycles", knotted)
    print_list(
        f"files above {LONG_FILE_LINES} lines",
        [f"{source.lines} {source.path}" for source in ours if source.lines > LONG_FILE_LINES],
    )
    functions = [each for source in ours for each in source.functions()]
    print_list(
        f"functions above {LONG_FUNCTION_LINES} lines",
        [f"{each.lines} {each.place}" for each in functions if each.lines > LONG_FUNCTION_LINES],
    )
    return 1 if knotted else 0


def row(kind: str, sources: list[Source]) -> str:
    """Return the table's row of the files of one kind."""
    lengths = sorted(each.lines for source in sources for each in source.functions()) or [0]
    return (
        f"{kind:12}{len(sources):6}{sum(source.lines for source in sources):8,}{len(lengths):11,}"
        f"{statistics.median(lengths):8.0f}{lengths[len(lengths) * 9 // 10]:5}{lengths[-1]:9}"
    )


def cycles() -> list[str]:
    """Return the knots of modules that import each other, by whatever way, functions included."""
    sys.path.insert(0, str(ROOT))
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    tests = {module for module in graph.modules if ".tests" in module}
    imported = {
        module: {
            name for name in graph.find_modules_directly_imported_by(module) if name not in tests
        }
        for module in sorted(graph.modules - tests)
    }
    return [" <-> ".join(sorted(knot)) for knot in knots(imported)]


def knots(imported: dict[str, set[str]]) -> list[set[str]]:
    """Return each set of modules from every one of which every other is reached."""
    reached = {module: reachable(module, imported) for module in imported}
    found: list[set[str]] = []
    for module in imported:
        knot = {other for other in reached[module] if module in reached[other]}
        if len(knot) > 1 and knot not in found:
            found.append(knot)
    return found


def reachable(start: str, imported: dict[str, set[str]]) -> set[str]:
    """Return the modules that ``start`` imports, directly or not."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for module in imported.get(waiting.pop(), set()) - seen:
            seen.add(module)
            waiting.append(module)
    return seen


def print_list(title: str, lines: list[str]) -> None:
    """Print how many there are, and each."""
    print(f"{title}: {len(lines)}")
    for line in sorted(lines, key=lambda each: -int(each.split()[0]) if each[0].isdigit() else 0):
        print(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
