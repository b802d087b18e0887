"""What leaves its clusters when an Application is deleted: how, and for whom it waits."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import orjson
import pytest

from fleet import names
from fleet.clock import Clock
from fleet.hub.finalizer import Finalizer
from fleet.hub.record import Record
from fleet.hub.withdraw import Withdrawals
from fleet.kube.request import Answer, Request
from fleet.model import ApplicationKey, TargetKey, Withdrawal
from fleet.worker.work import Leave
from fleet.world.objects import World

KEY = ApplicationKey("team", "web")
SLIP = {"kustomize": {"patches": [{"target": {"kind": "Deployment"}}]}}  # neither patch nor path
HEIRS = ("team/other",)


class Roster:
    """Keeps what is to be taken off, and how."""

    def __init__(self) -> None:
        self.left: dict[str, Withdrawal] = {}

    def withdraw(self, leave: Leave) -> None:
        self.left[leave.target.cluster] = leave.mode

    def forget(self, target: TargetKey) -> None:
        self.left.pop(target.cluster, None)

    def parent_of(self, _key: ApplicationKey) -> None:
        return None

    def get(self, _name: str) -> None:
        return None


class Stage:
    """An Application that is placed on ``a`` and ``b``, as the hub knows it, and what it is to do about it."""

    def __init__(self) -> None:
        self.world, self.roster, self.record = World(), Roster(), Record(uid="u", begun=True)
        self.version = 0
        self.placed = "a,b"
        for name in ("a", "b"):
            self.saw(names.CLUSTER, name, names.HUB_NAMESPACE, {"server": f"https://{name}.example"})
        for kind in names.HUB_KINDS:
            self.world.listed(kind)
        self.finalizer = Finalizer(self.send, self.world)
        guard, board = MagicMock(), MagicMock()
        guard.departing.return_value = board.reach_of.return_value = None
        roster: Any = self.roster
        self.withdrawals = Withdrawals(self.world, roster, self.finalizer, guard, board, Clock())
        self.withdrawals.grace = 0.0
        self.withdrawals.records = {KEY: self.record}

    async def send(self, request: Request) -> Answer:
        metadata = orjson.loads(request.body or b"")["metadata"]
        self.placed = metadata.get("annotations", {}).get(names.PLACED, "")
        self.version += 1
        return Answer(200, orjson.dumps({"metadata": {"resourceVersion": str(self.version)}}))

    def saw(self, kind: str, name: str, namespace: str, spec: dict[str, object], **metadata: object) -> None:
        self.version += 1
        seen = {"name": name, "namespace": namespace, "uid": "u", "generation": self.version, **metadata}
        seen["resourceVersion"] = str(self.version)
        self.world.saw(kind, {"apiVersion": names.API_VERSION, "kind": kind, "metadata": seen, "spec": spec})

    def application(
        self, *, deleting: bool = False, leaving: str = "", slip: bool = False, **spec: object
    ) -> None:
        """A new version of it."""
        marks = {names.PLACED: self.placed, names.LEAVING: leaving}
        source = {"repoURL": "https://git.test/a", "path": "x", **(SLIP if slip else {})}
        self.saw(
            names.APPLICATION,
            KEY.name,
            KEY.namespace,
            {"source": source, "placement": {"clusters": ["a", "b"]}, **spec},
            annotations={name: text for name, text in marks.items() if text},
            finalizers=[names.FINALIZER],
            **({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleting else {}),
        )

    async def deleted(self, heirs: tuple[str, ...] = ()) -> dict[str, Withdrawal]:
        """Look at it as it is deleted; what is taken off, and how."""
        known = self.world.applications[KEY]
        await self.withdrawals.deleted(KEY, known, self.record, heirs)
        return self.roster.left

    async def selects(self, *clusters: str) -> tuple[str, ...]:
        """Look at it as it selects these clusters; those that are served."""
        model = self.world.applications[KEY].model
        assert model is not None
        self.record.served = await self.withdrawals.unselected(KEY, model, self.record, clusters)
        return self.record.served

    @property
    def told(self) -> str:
        """What keeps it."""
        return "; ".join(held.text for held in self.record.holds)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_an_orphan_whose_spec_was_never_valid_leaves_its_objects(stage: Stage) -> None:
    stage.application(deleting=True, slip=True, deletionPolicy="Orphan")
    assert stage.world.applications[KEY].model is None
    assert await stage.deleted() == {"a": Withdrawal.ORPHAN, "b": Withdrawal.ORPHAN}


async def test_an_orphan_by_an_edit_with_a_slip_beside_it_leaves_its_objects(stage: Stage) -> None:
    stage.application()
    stage.application(slip=True, deletionPolicy="Orphan")
    stage.application(slip=True, deletionPolicy="Orphan", deleting=True)
    assert await stage.deleted() == {"a": Withdrawal.ORPHAN, "b": Withdrawal.ORPHAN}


async def test_a_cluster_that_is_left_by_an_edit_with_a_slip_beside_it_keeps_its_objects(
    stage: Stage,
) -> None:
    stage.application()
    stage.application(slip=True, deletionPolicy="Orphan")
    assert await stage.selects("b") == ("b",)
    assert stage.roster.left == {"a": Withdrawal.ORPHAN}


async def test_nothing_is_withdrawn_while_it_is_not_said_what_becomes_of_the_objects(stage: Stage) -> None:
    stage.application()
    stage.application(deletionPolicy="Keep")
    assert await stage.selects("b") == ("a", "b")
    assert not stage.roster.left
    stage.record.look.holds = ()
    stage.application(deletionPolicy="Keep", deleting=True)
    assert not await stage.deleted()
    assert "spec.deletionPolicy is neither Delete nor Orphan" in stage.told
    assert stage.finalizer.placed(KEY) == {"a", "b"}
    stage.application(deletionPolicy="Orphan", deleting=True)
    assert await stage.deleted() == {"a": Withdrawal.ORPHAN, "b": Withdrawal.ORPHAN}
    assert not stage.told


async def test_one_that_left_a_cluster_once_waits_for_its_heirs_as_any_other(stage: Stage) -> None:
    stage.application()
    assert await stage.selects("b") == ("b",)
    assert set(stage.roster.left) == {"a"}
    await stage.withdrawals.done(TargetKey(KEY, "a"))
    assert not stage.record.leaving
    stage.application(deleting=True)
    assert not await stage.deleted(HEIRS)
    assert stage.told.startswith("nothing is removed: waiting for team/other")
    assert set(await stage.deleted()) == {"b"}


async def test_one_that_is_leaving_a_cluster_goes_on_there_and_waits_elsewhere(stage: Stage) -> None:
    stage.application()
    await stage.selects("b")
    stage.application(deleting=True)
    assert set(await stage.deleted(HEIRS)) == {"a"}
    assert stage.told.startswith("nothing more is removed: waiting for team/other")
    await stage.withdrawals.done(TargetKey(KEY, "a"))
    assert not await stage.deleted(HEIRS)
    assert stage.finalizer.placed(KEY) == {"b"}


async def test_a_deletion_that_has_begun_waits_for_nobody_who_comes_later(stage: Stage) -> None:
    stage.application(deleting=True)
    await stage.deleted()
    await stage.withdrawals.done(TargetKey(KEY, "a"))
    assert set(await stage.deleted(HEIRS)) == {"b"}
    assert not stage.told


@pytest.mark.parametrize("unlooked", [True, False])
async def test_a_cluster_that_was_being_left_before_a_start_is_left_when_all_have_been_looked_at(
    stage: Stage, *, unlooked: bool
) -> None:
    stage.withdrawals.unlooked = lambda _: unlooked
    stage.application(deleting=True, leaving="a")
    assert set(await stage.deleted(HEIRS)) == (set() if unlooked else {"a"})


async def test_a_cluster_that_was_let_go_of_is_left_no_more(stage: Stage) -> None:
    stage.application()
    await stage.selects("b")
    stage.world.gone(names.CLUSTER, ApplicationKey(names.HUB_NAMESPACE, "a"))
    assert await stage.selects("b") == ("b",)
    assert not stage.record.leaving
    assert stage.finalizer.placed(KEY) == {"b"}
