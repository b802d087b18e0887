"""The page of hazards and their tests: each test says its number and its rule, and the page leads to all of them."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "safety.md").read_text()
FILES = sorted((ROOT / "tests" / "hazards").glob("test_h*.py"))
RULE = re.compile(r"(?<![\w/.])((?:fleet|controllers)(?:\.\w+)+)(?!\w)")
LATER = {11, 13}


def docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """Each test of a file with what it says."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


def exists(name: str) -> bool:
    """Whether a dotted name is a module's function, or a class's."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return callable(found) or isinstance(found, property)
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_hazard_test_says_its_number_and_names_a_rule_that_is_there(path: Path) -> None:
    number = int(path.stem[len("test_h") :].partition("_")[0])
    found = dict(docstrings(path))
    assert found
    for name, text in found.items():
        assert re.match(rf"H{number}(?: \([a-z]\))?: ", text), name
        rules = RULE.findall(text)
        assert rules, name
        assert [rule for rule in rules if not exists(rule)] == [], name


def test_the_page_has_every_hazard_and_leads_to_every_test() -> None:
    assert sorted(map(int, re.findall(r"^### H(\d+)\. ", PAGE, re.MULTILINE))) == list(range(1, 26))
    named = re.findall(r"`tests/hazards/(test_h\d\d_\*\.py)`", PAGE)
    assert [path.name for path in FILES if not any(fnmatch(path.name, pattern) for pattern in named)] == []
    numbers = {int(pattern[len("test_h") :][:2]) for pattern in named}
    assert numbers == set(range(1, 26)) - LATER


def test_every_rule_of_the_page_is_there() -> None:
    rules = RULE.findall(PAGE)
    assert rules
    assert [rule for rule in rules if not exists(rule)] == []
