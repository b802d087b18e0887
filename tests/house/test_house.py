"""The limits of the house: what no linter holds and every reader relies on (see docs/architecture.md)."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from fleet import model, shipped
from fleet.documents import read
from fleet.setting_rows import ROWS

ROOT = Path(__file__).parents[2]
LONGEST = 400
# Longer than they should be, each with a lid: the lid only ever goes down, and a module that fits leaves.
LIDS: dict[str, int] = {}
FORBIDDEN_NAMES = frozenset(
    {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}
)
FIELDS = 9
HEAVY = ("aiohttp", "kopf", "kubernetes", "pydantic", "rich")
IGNORED = frozenset(
    {".git", ".venv", ".mypy_cache", ".ruff_cache", ".hypothesis", "__pycache__", "build", "dist"}
)
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)))
SOMEBODYS_HOME = re.compile(r"(?<![\w.])/(?:home|Users)/(?!you\b|me\b)[a-z]\w*")
LINK = re.compile(r"\]\(([^)#\s]+?)(?:#[^)\s]*)?\)")


def modules() -> list[Path]:
    return sorted(
        path for room in ("fleet", "controllers", "bootstrap") for path in (ROOT / room).rglob("*.py")
    )


def files() -> Iterator[Path]:
    """Every file of the project that people write."""
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            if path.name in IGNORED or path.name.endswith(".egg-info") or path.is_symlink():
                continue
            if path.is_dir():
                folders.append(path)
            else:
                yield path


def texts() -> Iterator[tuple[str, str]]:
    for path in files():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in modules()}
    too_long = {name: lines for name, lines in lengths.items() if lines > LIDS.get(name, LONGEST)}
    assert not too_long
    fit = [name for name in LIDS if lengths.get(name, 0) <= LONGEST]
    assert not fit, "these fit by now: take them out of the list"


def test_no_module_is_named_after_nothing() -> None:
    assert [path for path in modules() if path.stem in FORBIDDEN_NAMES] == []
    assert [path for path in modules() if path.parent.name in FORBIDDEN_NAMES] == []


def test_every_package_and_module_says_its_contract() -> None:
    silent = [str(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent


def test_a_value_has_at_most_nine_fields_and_is_frozen() -> None:
    values = [one for one in vars(model).values() if isinstance(one, type) and is_dataclass(one)]
    assert values
    for one in values:
        assert one.__dataclass_params__.frozen, one  # type: ignore[attr-defined]
        assert "__slots__" in vars(one), one
        assert len(fields(one)) <= FIELDS, one


def test_nothing_is_left_for_later_in_a_comment() -> None:
    assert [name for name, text in texts() if UNFINISHED.search(text)] == []


def test_no_file_knows_the_machine_that_it_was_written_on() -> None:
    here = [re.escape(str(place)) for place in (ROOT, Path.home()) if len(place.parts) > 1]
    pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(here)})/")
    assert [name for name, text in texts() if pattern.search(text) or SOMEBODYS_HOME.search(text)] == []


def test_help_loads_nothing_heavy() -> None:
    code = "import json, sys; from fleet.cli import main; main.execute(['--help']); print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded.isdisjoint(HEAVY)


def test_the_settings_page_lists_every_setting() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    missing = [row.name for row in ROWS if f"| `{row.flag}` | `{row.variable}` |" not in page]
    assert not missing


def test_the_page_of_the_kinds_names_every_field() -> None:
    page = "".join((ROOT / "docs" / name).read_text() for name in ("applications.md", "sources.md"))
    missing = sorted({name for crd in shipped.crds() for name in _fields(_schema(crd))} - _named(page))
    assert not missing


def test_links_between_pages_lead_somewhere() -> None:
    pages = [path for path in files() if path.suffix == ".md"]
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in LINK.findall(page.read_text())
        if ":" not in link and not (page.parent / link).exists()
    ]
    assert not dead


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/secrets.md"])
def test_what_a_page_calls_a_file_is_one(page: str) -> None:
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`((?:fleet|controllers|bootstrap|tests|docs|crds)/[\w/.-]*)`", text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def _schema(crd: bytes) -> object:
    body = read.value(crd, path="crd")
    return body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]


def _fields(schema: object) -> Iterator[str]:
    """Names of all fields below spec and status."""
    if not isinstance(schema, dict):
        return
    for name, value in schema.items():
        if name in ("apiVersion", "kind", "metadata") or not isinstance(value, dict):
            continue
        if name not in ("spec", "status"):
            yield name
        yield from _fields(value.get("properties"))
        items = value.get("items")
        if isinstance(items, dict):
            yield from _fields(items.get("properties"))


def _named(page: str) -> set[str]:
    """Every word of a page's code spans."""
    return {word for span in re.findall(r"`([^`\n]+)`", page) for word in re.findall(r"[A-Za-z]+", span)}
