"""Who stands for which version, and when that is looked at again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import Clock
from fleet.errors import FleetError
from fleet.hub.refresh import AGAIN, SPARE, Refresh
from fleet.model import ApplicationKey, Manifest, ObjectRef, Origin, TargetKey
from fleet.secrets.version import Stamped
from fleet.worker.resolver import Asked

APP = ApplicationKey("fleethub", "app")
DB = ObjectRef("", "Secret", "shop", "db")


def asked(cluster: str, ref: ObjectRef = DB) -> Asked:
    return Asked(Manifest(ref, "v1", b"{}", Origin("a")), TargetKey(APP, cluster))


class Stage:
    """A store of which a test says what it holds, and whoever is touched."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.version = "1"
        self.error: Exception | None = None
        self.looks = 0
        self.touched: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.refresh = Refresh(self._stamp, self._touch, self.clock)

    def _touch(self, target: TargetKey) -> None:
        self.touched.append(target.cluster)
        self.meanwhile()

    async def _stamp(self, asked: Asked, fresh: bool) -> Stamped:  # noqa: ARG002, FBT001
        self.looks += 1
        if self.error is not None:
            raise self.error
        return self.stamped()

    def stamped(self) -> Stamped:
        return Stamped(self.version, interval=100.0, sources=(("secret/db", self.version),))

    def told(self, *clusters: str) -> None:
        for cluster in clusters:
            self.refresh.told(asked(cluster), self.stamped())

    async def after(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    found = Stage()
    task = asyncio.ensure_future(found.refresh.run())
    await asyncio.sleep(0)
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_nobody_is_touched_while_the_version_stands(stage: Stage) -> None:
    stage.told("eu")
    await stage.after(99)
    assert stage.looks == 0
    await stage.after(2)
    assert (stage.looks, stage.touched) == (1, [])
    await stage.after(101)
    assert (stage.looks, stage.touched) == (2, [])


async def test_whoever_shares_what_moved_is_looked_at_then(stage: Stage) -> None:
    stage.told("eu")
    await stage.after(60)
    stage.told("us")
    stage.version = "2"
    await stage.after(41)
    assert sorted(stage.touched) == ["eu", "us"]


async def test_what_cannot_be_told_is_told_once_and_asked_again(stage: Stage) -> None:
    stage.told("eu")
    stage.error = FleetError("sealed")
    await stage.after(101)
    assert stage.touched == ["eu"]
    await stage.after(AGAIN * 1.3)
    assert (stage.looks, stage.touched) == (2, ["eu"])
    stage.error = None
    await stage.after(AGAIN * 1.3)
    assert stage.touched == ["eu", "eu"]


async def test_what_nobody_foresaw_of_one_secret_ends_no_look_at_others(stage: Stage) -> None:
    stage.told("eu")
    stage.error = RecursionError("cn4ry-s3cr3t")
    await stage.after(101)
    assert stage.touched == ["eu"]
    (one,) = stage.refresh.of_target(TargetKey(APP, "eu"))
    assert one.error is not None
    assert one.error.text == "it is nested too deep (RecursionError)"
    stage.error = None
    await stage.after(AGAIN * 1.3)
    assert (stage.looks, stage.touched) == (2, ["eu", "eu"])


async def test_what_a_target_has_no_more_is_followed_no_more(stage: Stage) -> None:
    stage.told("eu", "us")
    stage.refresh.retain(TargetKey(APP, "eu"), frozenset())
    assert len(stage.refresh) == 1
    await stage.after(101)
    assert stage.looks == 1


async def test_a_word_has_them_looked_at_now(stage: Stage) -> None:
    stage.told("eu")
    stage.refresh.look(lambda target: target.application == APP, fresh=True)
    await stage.after(0)
    assert stage.looks == 1


async def test_a_word_is_heard_though_a_pass_tells_what_it_learned_before(stage: Stage) -> None:
    stage.told("eu")
    stage.refresh.look(lambda _: True)
    stage.told("eu")
    await stage.after(0)
    assert stage.looks == 1
    await stage.after(101)
    assert stage.looks == 2


async def test_what_is_let_go_while_others_are_looked_at_stops_nothing(stage: Stage) -> None:
    other = ObjectRef("", "Secret", "shop", "other")
    stage.told("eu", "us")
    stage.refresh.told(asked("eu", other), stage.stamped())
    stage.meanwhile = lambda: stage.refresh.retain(TargetKey(APP, "eu"), frozenset())
    stage.version = "2"
    await stage.after(101)
    assert (sorted(set(stage.touched)), len(stage.refresh)) == (["eu", "us"], 1)
    stage.touched.clear()
    stage.version = "3"
    await stage.after(101)
    assert stage.touched == ["us"]


async def test_looks_that_were_put_off_do_not_pile_up(stage: Stage) -> None:
    for _ in range(3 * SPARE):
        stage.told("eu", "us")
    assert len(stage.refresh._due) <= 2 * SPARE
    await stage.after(101)
    assert stage.looks == 2


CLUSTERS = st.sampled_from(["eu", "us", "ap"])
REFS = st.sampled_from([ObjectRef("", "Secret", "shop", name) for name in "abcd"])
SOURCES = st.frozensets(st.sampled_from(["x", "y"]), max_size=2)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("told"), CLUSTERS, REFS, SOURCES),
        st.tuples(st.just("failed"), CLUSTERS, REFS),
        st.tuples(st.just("retain"), CLUSTERS, st.frozensets(REFS)),
        st.tuples(st.just("look"), CLUSTERS),
    ),
    max_size=40,
)


@given(OPERATIONS)
def test_what_is_followed_by_target_is_what_one_list_of_all_would_have(
    operations: list[tuple[object, ...]],
) -> None:
    clock = Clock()
    clock.advance(1000)
    refresh = Refresh(lambda *_: asyncio.sleep(0), lambda _: None, clock)  # type: ignore[arg-type]
    plain: dict[tuple[TargetKey, ObjectRef], frozenset[str]] = {}
    for operation in operations:
        match operation:
            case ("told", str(cluster), ObjectRef() as ref, frozenset() as sources):
                found = Stamped("1", interval=9.0, sources=tuple((name, "1") for name in sorted(sources)))
                refresh.told(asked(cluster, ref), found)
                plain[TargetKey(APP, cluster), ref] = sources
            case ("failed", str(cluster), ObjectRef() as ref):
                refresh.told(asked(cluster, ref), FleetError("sealed"))
                plain.setdefault((TargetKey(APP, cluster), ref), frozenset())
            case ("retain", str(cluster), frozenset() as refs):
                target = TargetKey(APP, cluster)
                refresh.retain(target, refs)
                plain = {key: one for key, one in plain.items() if key[0] != target or key[1] in refs}
            case ("look", str(cluster)):
                target = TargetKey(APP, cluster)
                refresh.look(lambda one, target=target: one == target)  # type: ignore[misc]
    assert len(refresh) == len(plain)
    for cluster in ("eu", "us", "ap"):
        target = TargetKey(APP, cluster)
        followed = {one.asked.manifest.ref: one.sources for one in refresh.of_target(target)}
        assert followed == {key[1]: one for key, one in plain.items() if key[0] == target}
    users: dict[str, set[tuple[TargetKey, ObjectRef]]] = {}
    for key, sources in plain.items():
        for name in sources:
            users.setdefault(name, set()).add(key)
    assert refresh._users == users
