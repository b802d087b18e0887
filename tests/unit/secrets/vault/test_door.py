"""The door to Vault: a hub that stops lets go of every connection, and makes none any more."""

from __future__ import annotations

import pytest

from fleet.secrets.vault.address import Login, Method
from fleet.secrets.vault.door import Door
from fleet.secrets.vault.failure import VaultUnreachable
from fleet.secrets.vault.question import Question, Verb


async def test_a_question_that_is_in_a_thread_while_the_hub_stops_opens_no_connection() -> None:
    login = Login("https://vault.example:8200", "", Method.JWT, "jwt", "role")
    question = Question(Verb.SEAL)
    door = Door()
    await door.close()
    with pytest.raises(VaultUnreachable, match="stops"):
        door._put(login, "token", question)
    assert door._sessions == {}
