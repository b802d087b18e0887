"""``fleethub vault setup`` where the keys of the hub's issuer may not be read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from fleet.cli.session import Session
from fleet.cli.vault import setup
from fleet.cli.vault.lines import UNKNOWN
from fleet.errors import Forbidden
from fleet.kube.request import Answer, Request


async def test_keys_that_may_not_be_read_are_said_with_who_can_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def send(_: Request) -> Answer:
        raise Forbidden("jane may not get /openid/v1/jwks", status=403)

    assert await setup._issuer(cast("Session", SimpleNamespace(send=send))) is UNKNOWN
    told = capsys.readouterr()
    assert not told.out
    assert "jane may not get /openid/v1/jwks" in told.err
    assert "kubectl get --raw /openid/v1/jwks" in told.err
    assert UNKNOWN.keys[0] in told.err
