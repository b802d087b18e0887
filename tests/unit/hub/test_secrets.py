"""What could not be opened is looked at again once a key has come, whenever that was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fleet.hub.secrets import Secrets
from fleet.model import ApplicationKey, TargetKey
from fleet.secrets.unseal import SealClosed

TARGET = TargetKey(ApplicationKey("fleethub", "app"), "eu")


def shut(comes: Any, again: list[TargetKey]) -> tuple[Secrets, Any]:
    """The hub's secrets with no outcome on the board yet; ``comes`` happens while something is tried to be opened."""
    found: Any = Secrets.__new__(Secrets)
    found._closed, found._moves = set(), 0
    found._board = SimpleNamespace(snapshot=lambda: SimpleNamespace(outcomes={}))
    found.roster = SimpleNamespace(
        get=lambda _: SimpleNamespace(again=again.append), offered=lambda _: object()
    )
    found.sealing = SimpleNamespace(complete=True)
    found._place = lambda _: None

    async def clear(*_: object) -> bytes:
        comes(found)
        raise SealClosed("no key of its rings opens it")

    found._resolving = SimpleNamespace(clear=clear)
    return found, SimpleNamespace(manifest=None, target=TARGET)


async def test_a_key_that_comes_while_it_is_tried_has_the_target_looked_at_again() -> None:
    again: list[TargetKey] = []
    secrets, asked = shut(lambda found: found._again(), again)
    with pytest.raises(SealClosed):
        await secrets.clear(asked)
    assert again == [TARGET]


async def test_a_key_that_comes_before_the_pass_has_ended_has_the_target_looked_at_again_once() -> None:
    again: list[TargetKey] = []
    secrets, asked = shut(lambda _: None, again)
    with pytest.raises(SealClosed):
        await secrets.clear(asked)
    assert again == []
    secrets._again()
    secrets._again()
    assert again == [TARGET]
