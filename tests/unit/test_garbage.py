"""When everything is looked through for cycles."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys

import pytest

from controllers import garbage


@pytest.mark.parametrize(
    ("since", "busy", "looks"),
    [
        (garbage.DUE - 1, False, False),
        (garbage.DUE, False, True),
        (garbage.DUE, True, False),
        (garbage.OVERDUE, True, True),
    ],
)
async def test_all_is_looked_through_when_it_is_due_and_nothing_else_is_to_be_done(
    monkeypatch: pytest.MonkeyPatch, since: int, *, busy: bool, looks: bool
) -> None:
    looked = []
    monkeypatch.setattr(garbage, "LOOK", 0.0)
    monkeypatch.setattr(gc, "get_count", lambda: (0, 0, since))
    monkeypatch.setattr(gc, "collect", lambda: looked.append(True))
    keeping = asyncio.ensure_future(garbage.keep(lambda: busy))
    for _ in range(5):
        await asyncio.sleep(0)
    keeping.cancel()
    assert bool(looked) is looks


def test_what_was_loaded_is_left_out_and_a_cycle_that_nobody_holds_still_goes() -> None:
    code = """
import gc, weakref
from controllers import garbage
garbage.begin()
class Node: pass
node = Node(); node.itself = node; gone = weakref.ref(node)
del node
before = gc.get_freeze_count() > 10_000, gone() is not None
gc.collect()
print(*before, gone() is None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"] * 3
