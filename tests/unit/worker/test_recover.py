"""What of a target that does not heal itself stays as it is, and when it is put back."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from fleet.model import (
    Cause,
    Drift,
    Entry,
    Fault,
    Findings,
    Health,
    Kept,
    Manifest,
    ObjectRef,
    Option,
    Origin,
    Outcome,
    Resource,
    Sighting,
    Sync,
    Work,
)
from fleet.sync import shape
from fleet.sync.scope import Placed
from fleet.sync.sets import set_id
from fleet.sync.shape import Marks
from fleet.worker import recover
from fleet.worker.held import Held
from fleet.worker.sightings import Sightings
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


@pytest.mark.parametrize(("stamp", "moved"), [("1", False), ("2", True)])
def test_a_secret_that_moved_where_it_is_kept_is_no_drift(stamp: str, *, moved: bool) -> None:
    """After a start all is only compared where self-heal is off, and yet what moved meanwhile is delivered."""
    ref = ObjectRef("", "Secret", "shop", "db")
    resource = Resource("", "v1", "Secret", "secrets", True, frozenset())

    def placed(version: str) -> Placed:
        kept = Kept((), version)
        return Placed(Manifest(ref, "v1", b"{}", Origin("x"), form="ExternalSecret", kept=kept), resource)

    there: Any = SimpleNamespace(
        identity=SimpleNamespace(namespace="fleethub", digest_key=b"k" * 32), sightings=Sightings()
    )
    marks = Marks(set_id(shown().target.key, "fleethub"), b"k" * 32)
    live = shape.body(placed("1"), marks).digest
    there.sightings.put(ref, Sighting("u", "7", Entry(b"d", "t"), None, marks.set_id, live))
    known = held()
    known.scoped = SimpleNamespace(manifests=(placed(stamp),))  # type: ignore[assignment]
    known.drifts[ref] = Drift(ref, Cause.DIFFERS)
    assert recover.rotated(known, there) is moved
