"""What of a target that does not heal itself stays as it is, and when it is put back."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from fleet.model import Cause, Drift, Fault, Findings, Health, ObjectRef, Option, Outcome, Sync, Work
from fleet.worker import recover
from fleet.worker.held import Held
from tests.unit.worker.played import work

ONE, OTHER = (ObjectRef("", "ConfigMap", "shop", name) for name in ("one", "other"))


def shown() -> Work:
    """Work of a target that only shows what drifts."""
    given = work("app")
    policy = replace(given.target.policy, options=frozenset({Option.AUTOMATED}))
    return replace(given, target=replace(given.target, policy=policy))


def member(render: str) -> Any:
    record = SimpleNamespace(recorded=SimpleNamespace(render=render))
    return SimpleNamespace(parents={shown().target.key: record})


def held(*faults: ObjectRef, looked: tuple[Drift, ...] = ()) -> Held:
    """Both objects drifted; the last pass had these faults."""
    outcome = Outcome(
        shown().target.key,
        (),
        Sync.OUT_OF_SYNC,
        Health.HEALTHY,
        faults=tuple(Fault(ref, "Refused", "no") for ref in faults),
        findings=Findings(drifts=looked),
    )
    drifts = {ref: Drift(ref, Cause.DELETED) for ref in (ONE, OTHER)}
    return Held(work=shown(), outcome=outcome, drifts=drifts)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(work("app"), id="it heals itself"),
        pytest.param(replace(shown(), asked_by="me"), id="a person asks"),
        pytest.param(replace(shown(), only=frozenset({ONE})), id="these alone are meant"),
    ],
)
def test_all_is_put_back_where_that_is_meant(given: Work) -> None:
    assert recover.spares(given, held(), member(recover.render_digest(given))) is None


def test_a_commit_and_what_is_left_of_a_persons_sync_put_all_back() -> None:
    assert recover.spares(shown(), held(), member("another")) is None
    asked = held()
    asked.asked = "me"
    assert recover.spares(shown(), asked, member(recover.render_digest(shown()))) is None


def test_what_drifted_stays_but_for_what_the_last_pass_failed_with() -> None:
    there = member(recover.render_digest(shown()))
    assert (recover.spares(shown(), held(), there) or {}).keys() == {ONE, OTHER}
    assert (recover.spares(shown(), held(ONE), there) or {}).keys() == {OTHER}
    unlooked = held(ONE, looked=(Drift(ONE, Cause.MISSING),))
    assert (recover.spares(shown(), unlooked, there) or {}).keys() == {ONE, OTHER}, "it only could not look"
