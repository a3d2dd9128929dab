"""How little one destination is, and how much all of them share: `python -m bench.lines`.

Counted are lines that hold code: no blank lines, comments or docstrings, for those of settings are their manual. And
beside them all lines.
"""

import ast
import io
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def of_outputs(count: Callable[[Path], int]) -> dict[str, int]:
    """Lines of each destination's own file, by its name, from the least to the most."""
    found = {path.stem.replace("_", "."): count(path) for path in _files("outputs") if path.stem[0] != "_"}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def all_lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def code_lines(path: Path) -> int:
    text = path.read_text()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {line for token in tokens if token.type not in _NO_CODE for line in _span(token.start[0], token.end[0])}
    return len(lines - {line for node in ast.walk(ast.parse(text)) for line in _docstring(node)})


def _docstring(node: ast.AST) -> Iterator[int]:
    """The lines of a text that stands alone, be it of a module, a class, a function or an attribute."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        yield from _span(node.lineno, node.end_lineno or node.lineno)


def _span(first: int, last: int) -> range:
    return range(first, last + 1)


def _files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def main() -> None:
    each, whole_files = of_outputs(code_lines), of_outputs(all_lines)
    print(f"{'lines of':24}{'code':>6}{'all':>6}")
    for name, lines in each.items():
        print(f"{name:24}{lines:6}{whole_files[name]:6}")
    families = sum(code_lines(path) for path in _files("outputs") if path.stem[0] == "_")
    sdk = sum(code_lines(path) for path in _files("sidekick/sdk") if path.parent.name != "testing")
    whole = sum(each.values()) + families + sdk
    (*_, (worst, most)) = each.items()
    middle, middle_of_all = median(each.values()), median(whole_files.values())
    print(f"\n{len(each)} outputs: median {middle:g} lines of code ({middle_of_all:g} of all), worst {most} ({worst})")
    print(f"own files {sum(each.values())}, families' files {families}, SDK {sdk} lines", end=": ")
    print(f"{sdk / whole:.0%} of the code is the SDK's, {families / whole:.0%} a family's")


if __name__ == "__main__":
    main()
