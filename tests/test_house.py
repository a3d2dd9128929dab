"""The rules of the house that no linter knows: sizes, names, what an output may do, what no file may hold."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULE_LINES, FUNCTION_LINES = 400, 40
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"}
# What an output may import as its module is loaded; its vendor's library comes in `connect`, so that the settings
# of every output load where no extra is installed.
ALLOWED = sys.stdlib_module_names | {"pydantic", "msgspec", "jinja2"}
# Split, so that this file passes its own test.
ADDRESSES = [
    "/" + "work/",
    "/root" + r"/\.(pyenv|cache|m2|npm|local|cargo)\b",
    *(rf"\b{host}\b" for host in ("pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs\.org")),
    *(rf"\b{host}\b" for host in ("repo1?" + r"\.maven", "proxy" + r"\.golang\.org", "deb" + r"\.debian\.org")),
]


def _listed(*patterns: str) -> list[str]:
    """Files that git tracks, and those that it would."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n")
    return sorted(name for name in set(names) if name and (ROOT / name).is_file())


MODULES = _listed("*.py")
OUTPUTS = [name for name in MODULES if name.startswith("outputs/") and name != "outputs/__init__.py"]


def _tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text())


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _imported(nodes: list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_small_and_so_are_its_functions(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= MODULE_LINES
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in _functions(_tree(name))}
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_a_module_is_named_for_what_it_is() -> None:
    assert [name for name in MODULES if VAGUE & {Path(name).stem, *Path(name).parent.parts}] == []


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_imports_the_sdk_and_no_vendor_as_it_loads(name: str) -> None:
    allowed = {"bpf.client"} if name in ("outputs/xdp.py", "outputs/_xdp_source.py") else set[str]()
    foreign = {
        module
        for module in _imported(_tree(name).body)
        if module.partition(".")[0] not in ALLOWED
        and not f"{module}.".startswith(("sidekick.sdk.", "outputs._", "sidekick.store."))
    }
    assert foreign - allowed == set()


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_leaves_retries_waits_and_logs_to_the_delivery(name: str) -> None:
    tree = _tree(name)
    broad = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
    ]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    imported = {module for node in ast.walk(tree) if isinstance(node, ast.stmt) for module in _imported([node])}
    assert broad == []
    assert called & {"print", "sleep", "asyncio.sleep", "time.sleep"} == set()
    assert imported & {"logging", "warnings"} == set()


@pytest.mark.parametrize("name", _listed())
def test_a_file_holds_no_address_of_the_machine_it_was_made_on(name: str) -> None:
    text = (ROOT / name).read_bytes().decode(errors="replace")
    assert [found[0] for pattern in ADDRESSES for found in re.finditer(pattern, text)] == []
