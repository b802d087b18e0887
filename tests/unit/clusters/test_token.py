"""What a token says of itself."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from fleet.clusters import token

OURS = "system:serviceaccount:fleethub:fleethub"


def made(**claims: Any) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2ln"


def test_a_token_is_due_after_a_third_of_the_life_that_was_granted() -> None:
    found = token.read(made(sub=OURS, iat=1000, exp=1000 + 30 * 86400))
    assert found is not None
    assert found.ours
    assert found.place == "fleethub"
    assert (found.lifetime, found.due) == (30 * 86400, 10 * 86400)


def test_on_the_hubs_own_cluster_the_account_is_in_a_namespace_apart() -> None:
    found = token.read(made(sub="system:serviceaccount:fleethub-member:fleethub", iat=1, exp=2))
    assert found is not None
    assert found.ours
    assert found.place == "fleethub-member"


def test_a_token_without_an_end_is_never_due() -> None:
    found = token.read(made(sub=OURS))
    assert found is not None
    assert (found.lifetime, found.expires) == (0, 0)


@pytest.mark.parametrize("text", [None, "", "plain", "a.b", "a.!.c", "a.e30x.c", "a.W10.c", "k8s-aws-v1.a"])
def test_what_is_no_token_of_that_form_tells_nothing(text: str | None) -> None:
    assert token.read(text) is None


def test_somebody_elses_account_is_not_ours() -> None:
    found = token.read(made(sub="system:serviceaccount:kube-system:fleethub", iat=1, exp=2))
    assert found is not None
    assert not found.ours


@pytest.mark.parametrize("end", ["1" + "0" * 400, "1e400", "NaN", "1e20", "-1", "true", '"soon"'])
def test_an_end_that_is_no_date_is_none(end: str) -> None:
    part = (
        base64.urlsafe_b64encode(f'{{"sub": "{OURS}", "iat": 1, "exp": {end}}}'.encode()).decode().rstrip("=")
    )
    found = token.read(f"e30.{part}.x")
    assert found is not None
    assert (found.expires, found.lifetime) == (0, 0)


def test_a_token_of_any_depth_tells_nothing() -> None:
    part = base64.urlsafe_b64encode(b"[" * 200_000).decode().rstrip("=")
    assert token.read(f"e30.{part}.x") is None
