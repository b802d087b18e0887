"""A Vault that does not answer takes nobody else's time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from fleet.clock import Clock
from fleet.secrets.vault.address import Login, Method
from fleet.secrets.vault.failure import VaultForbidden, VaultUnreachable, VaultUntrusted
from fleet.secrets.vault.gate import LAST_PAUSE, SHARE, Gate
from fleet.secrets.vault.question import Question, Verb

QUESTION = Question(Verb.METADATA)


def login(server: str = "https://dead.example") -> Login:
    return Login(server, "", Method.JWT, "jwt", "role")


class Played:
    """A door behind which servers answer, or hang until they are told to fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails: dict[str, Exception | None] = {}
        self.hangs: dict[str, asyncio.Event] = {}

    async def ask(self, login: Login, _token: str, _question: Question) -> Mapping[str, Any]:
        self.asked.append(login.server)
        if login.server in self.hangs:
            await self.hangs[login.server].wait()
        error = self.fails.get(login.server)
        if error is not None:
            raise error
        return {}

    async def close(self) -> None:
        return


async def missed(gate: Gate, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(VaultUnreachable):
            await gate.ask(login(), "", QUESTION)


async def test_after_two_without_an_answer_one_alone_asks_from_time_to_time() -> None:
    door, clock = Played(), Clock()
    gate = Gate(door, clock)
    door.fails["https://dead.example"] = VaultUnreachable("no answer in time")
    await missed(gate, 10)
    assert len(door.asked) == 2
    for pause in (5, 10, 20, 40, 60, 60):
        clock.advance(pause - 0.5)
        await missed(gate)
        asked = len(door.asked)
        clock.advance(1)
        await missed(gate, 3)
        assert len(door.asked) == asked + 1
    await gate.ask(login("https://other.example"), "", QUESTION)
    # It answers again: with the first that does, all may ask.
    door.fails.clear()
    clock.advance(LAST_PAUSE)
    for _ in range(3):
        await gate.ask(login(), "", QUESTION)


async def test_a_crowd_that_waits_for_a_server_which_hangs_is_told_at_once() -> None:
    door = Played()
    gate = Gate(door, Clock())
    door.fails["https://dead.example"] = VaultUnreachable("no answer in time")
    door.hangs["https://dead.example"] = asyncio.Event()
    crowd = [asyncio.ensure_future(gate.ask(login(), "", QUESTION)) for _ in range(200)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    door.hangs["https://dead.example"].set()
    found = await asyncio.gather(*crowd, return_exceptions=True)
    assert all(isinstance(one, VaultUnreachable) for one in found)
    assert len(door.asked) <= SHARE + 1


@pytest.mark.parametrize("answer", [VaultForbidden("no"), VaultUntrusted("not by this CA")])
async def test_a_refusal_is_an_answer(answer: Exception) -> None:
    door = Played()
    gate = Gate(door, Clock())
    door.fails["https://dead.example"] = answer
    for _ in range(5):
        with pytest.raises(type(answer)):
            await gate.ask(login(), "", QUESTION)
    assert len(door.asked) == 5


async def test_a_probe_that_is_called_off_leaves_its_place_to_the_next() -> None:
    door, clock = Played(), Clock()
    gate = Gate(door, clock)
    door.fails["https://dead.example"] = VaultUnreachable("no answer in time")
    await missed(gate, 2)
    clock.advance(LAST_PAUSE)
    door.hangs["https://dead.example"] = asyncio.Event()
    probe = asyncio.ensure_future(gate.ask(login(), "", QUESTION))
    await asyncio.sleep(0.01)
    await missed(gate)
    probe.cancel()
    await asyncio.wait({probe})
    door.hangs.clear()
    door.fails.clear()
    await gate.ask(login(), "", QUESTION)
