"""Requests on somebody's behalf."""

from __future__ import annotations

import pytest

from fleet.errors import Forbidden
from fleet.kube.acting import Acting, acting, both
from fleet.kube.request import Answer, Request

WRITE, READ = Request("PATCH", "/x"), Request("GET", "/x")


async def sent(request: Request, account: str | None = "team/deployer") -> Request:
    seen: list[Request] = []

    async def send(one: Request) -> Answer:
        seen.append(one)
        return Answer(200, b"")

    await acting(send, account)(request)
    return seen[0]


async def test_a_write_and_a_dry_run_act_as_the_account_and_a_read_does_not() -> None:
    write = await sent(WRITE)
    assert isinstance(write, Acting)
    assert write.user == "system:serviceaccount:team:deployer"
    assert isinstance(await sent(Request("PATCH", "/x", query=(("dryRun", "All"),))), Acting)
    assert await sent(READ) is READ
    assert await sent(WRITE, None) is WRITE


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("the credential may not patch secrets", "ServiceAccount team/deployer may not patch secrets"),
        (
            "the credential may not impersonate serviceaccounts",
            "the hub may not act as ServiceAccount team/deployer on the cluster",
        ),
        ("the webhook w denies it", "the webhook w denies it, to ServiceAccount team/deployer"),
    ],
)
async def test_a_refusal_names_the_account(text: str, told: str) -> None:
    async def send(_: Request) -> Answer:
        raise Forbidden(text, status=403)

    with pytest.raises(Forbidden, match=told):
        await acting(send, "team/deployer")(WRITE)


def test_two_permits_are_one_that_needs_both() -> None:
    assert both(None, None) is None
    for first in (True, False):
        for second in (True, False):
            found = both(lambda value=first: value, lambda value=second: value)  # type: ignore[misc]
            assert found is not None
            assert found() is (first and second)
