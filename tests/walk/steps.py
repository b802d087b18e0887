"""What happens next: a weighted choice that depends on the seed and the model's state alone, so it replays.

Contract: ``choose`` gives a step that the state allows. The table's rows are the kinds of steps; a row that has
nothing to offer gives None and another is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.walk import model
from tests.walk.commits import commit
from tests.walk.ground import (
    AWAY_VALUE,
    FEW,
    FIXED,
    KEEP,
    KINDS,
    LABELS,
    LOOSE,
    MANUAL,
    OTHERS,
    Files,
    file,
    paths_of,
    refs_of,
    things_of,
)
from tests.walk.values import (
    CLUSTERS,
    ROOT,
    ROOT_PATH,
    App,
    Base,
    Broken,
    Commit,
    Confirm,
    Content,
    Cut,
    Edit,
    Hand,
    Live,
    Member,
    Note,
    Pause,
    Policy,
    Power,
    Ref,
    Relabel,
    Remove,
    Selector,
    Start,
    State,
    Step,
    Stop,
    Swap,
    Sync,
    Target,
    Thing,
    Way,
)


def beginning() -> tuple[State, tuple[Step, ...]]:
    """An empty world, and the steps that make it the walk's: twelve Applications on two clusters."""
    apps = {ROOT: App(ROOT, ROOT_PATH)}
    files: Files = {f"{ROOT_PATH}/README.md": Note()}
    number = 0
    for path, policy, selector in (
        *((path, policy, Selector()) for path, policy in FIXED.items()),
        *((path, Policy(), selector) for path, selector in OTHERS.items()),
        *((f"apps/child-{index}", Policy(), Selector()) for index in range(3)),
    ):
        number += 1
        app = App(f"app-{number:06d}", path, policy, selector, child="child" in path)
        files[f"{path}/README.md"] = Note()
        for index in range(4):
            ref = Ref(KINDS[(number + index) % len(KINDS)], f"n{number}-{index}")
            files[file(path, ref)] = Thing(ref, index + 1)
        if app.child:
            files[f"{ROOT_PATH}/{app.name}.yaml"] = app
        else:
            apps[app.name] = app
    members = {
        "eu": Member({"tier": "gold", "zone": "a"}),
        "us": Member({"tier": "tin", "zone": "a"}),
    }
    state = State(files, apps, members, hub=False, serial=number + 10)
    manual = next(app.name for app in apps.values() if app.path == MANUAL)
    return state, (Start(), Sync(manual, prune=False))


def choose(rng: random.Random, state: State) -> Step:
    """The next step."""
    rows = ROWS if state.hub else [row for row in ROWS if row[1] in AWAY]
    if state.memory.held:
        # What is held is counted on the clusters that answer: they are left alone until it is let go.
        rows = [row for row in rows if row[1] not in (_power, _pause)]
    while True:
        (_, make) = rng.choices(rows, [weight for weight, _ in rows])[0]
        step = make(rng, state)
        if step is not None and (make is _excess or _allowed(step, state)):
            return step


def _allowed(step: Step, state: State) -> bool:
    """Whether the step takes no more from an Application than needs nobody's word."""
    after = model.act(step, state)
    files = dict(after.files)
    for app in after.apps.values():
        goes = app.deleting or (app.child and f"{ROOT_PATH}/{app.name}.yaml" not in files)
        if goes or app.name == ROOT:
            continue
        if max(_losses(state, state.files, app), FEW) < _losses(after, files, app):
            return False
    return True


def _losses(state: State, files: Mapping[str, Content], app: App) -> int:
    """How many objects the Application loses, by its files or by labels."""
    named = refs_of(dict(files), app.path)
    lost = leaving = 0
    for name, member in state.members.items():
        held = {ref for ref, one in member.live.items() if one.owner == app.name}
        if app.selector.selects(member.labels):
            lost += len(held - named)
        elif Target(app.name, name) in state.placed:
            leaving += max(len(held), len(named))
    return max(lost, leaving)


# --- everything else --------------------------------------------------------------------------------------


def _hand(rng: random.Random, state: State) -> Hand | None:
    cluster = rng.choice(CLUSTERS)
    live = state.members[cluster].live
    owned = sorted(ref for ref, one in live.items() if _desired(state, ref, one))
    owned = [ref for ref in owned if state.hits.get((cluster, ref), 0) < 2]
    if not owned:
        return None
    ref = rng.choice(owned)
    ways = [Way.EDIT, Way.DELETE, Way.UNLABEL, Way.DECORATE]
    if ref.kind == "Deployment":
        ways.append(Way.SCALE)
    return Hand(cluster, ref, rng.choice(ways), rng.randint(1, 900))


def _desired(state: State, ref: Ref, one: Live) -> bool:
    app = state.apps.get(one.owner or "")
    return app is not None and not app.deleting and ref in refs_of(dict(state.files), app.path)


def _relabel(rng: random.Random, state: State) -> Relabel | None:
    cluster, key = rng.choice(CLUSTERS), rng.choice(sorted(LABELS))
    now = state.members[cluster].labels[key]
    value = next(value for value in LABELS[key] if value != now)
    back = state.hub and rng.random() < 0.4
    if back and not any(
        app.selector == Selector(key, now) and app.name in state.memory.begun for app in state.apps.values()
    ):
        return None
    return Relabel(cluster, key, AWAY_VALUE if back else value, back)


def _power(rng: random.Random, state: State) -> Power | None:
    down = [name for name, member in state.members.items() if not member.up]
    if down:
        return Power(down[0], up=True)
    return Power(rng.choice(CLUSTERS), up=False, silent=rng.random() < 0.3)


def _up(rng: random.Random, state: State) -> Power | None:
    return None if all(member.up for member in state.members.values()) else _power(rng, state)


def _pause(rng: random.Random, state: State) -> Pause | None:
    paused = [name for name, member in state.members.items() if member.paused]
    return Pause(paused[0], paused=False) if paused else Pause(rng.choice(CLUSTERS), paused=True)


def _stop(rng: random.Random, state: State) -> Stop | None:
    return Stop(clean=rng.random() < 0.4) if state.hub else None


def _start(_: random.Random, state: State) -> Start | None:
    return None if state.hub else Start()


def _cut(rng: random.Random, state: State) -> Cut | None:
    if not _calm(state):
        return None
    make = rng.choice((commit, commit, commit, commit, _hand, _relabel, _sync, _delete))
    step = make(rng, state)
    if step is None or not _allowed(step, state) or (isinstance(step, Relabel) and step.back):
        return None
    if isinstance(step, Commit) and any(isinstance(content, Broken | Base) for _, content in step.files):
        return None
    return Cut(step, rng.randint(1, 14), after=rng.random() < 0.5)


def _calm(state: State) -> bool:
    """Whether nothing is broken and nothing waits."""
    broken = any(isinstance(content, Broken | Base) for content in state.files.values())
    deleting = any(app.deleting for app in state.apps.values())
    return (
        state.hub
        and not broken
        and not state.memory.held
        and not state.memory.open
        and not state.memory.waiting
        and not deleting
    )


def _sync(rng: random.Random, state: State) -> Sync | None:
    if not _calm(state) or not all(member.open for member in state.members.values()):
        return None
    manual = [app.name for app in state.apps.values() if app.path == MANUAL and not app.deleting]
    return Sync(manual[0], prune=rng.random() < 0.6) if manual else None


def _edit(rng: random.Random, state: State) -> Edit | None:
    path = rng.choice((KEEP, LOOSE))
    app = next((app for app in state.apps.values() if app.path == path and not app.deleting), None)
    if app is None:
        return None
    policy = app.policy
    changed = (
        policy._replace(prune=not policy.prune) if path == KEEP else policy._replace(heal=not policy.heal)
    )
    return Edit(replace(app, policy=changed))


def _delete(rng: random.Random, state: State) -> Remove | Edit | None:
    """An Application is deleted by hand; one that is missing is made anew."""
    held = {app.path for app in state.apps.values()}
    missing = sorted(set(OTHERS) - held)
    if missing:
        path = rng.choice(missing)
        return Edit(App(f"app-{state.serial * 10:06d}", path, Policy(), OTHERS[path]))
    apps = [app for app in state.apps.values() if (app.path in OTHERS or app.child) and not app.deleting]
    return Remove(rng.choice(sorted(app.name for app in apps))) if apps else None


def _swap(rng: random.Random, state: State) -> Swap | None:
    """An Application is given another name by hand; in two requests, so with a hub that sees the first."""
    if not _calm(state):
        return None
    apps = sorted(app.name for app in state.apps.values() if app.path in OTHERS and not app.deleting)
    if not apps:
        return None
    old = state.apps[rng.choice(apps)]
    return Swap(old.name, replace(old, name=f"app-{state.serial * 10:06d}"))


def _excess(rng: random.Random, state: State) -> Commit | None:
    """More goes from an Application than may without a word."""
    if not _calm(state) or not all(member.open for member in state.members.values()):
        return None
    path = rng.choice([path for path in paths_of(state) if path not in (MANUAL, KEEP)])
    things = things_of(dict(state.files), path)
    if len(things) < 4:
        return None
    gone = rng.sample(things, len(things) - 1)
    words = f"a commit: {len(gone)} objects go from {path}: {', '.join(str(thing.ref) for thing in gone)}"
    return Commit(tuple((file(path, thing.ref), None) for thing in gone), words)


def _confirm(rng: random.Random, state: State) -> Confirm | None:
    if not state.memory.held or not all(member.open for member in state.members.values()):
        return None
    return Confirm(rng.choice(sorted(state.memory.held)))


ROWS: list[tuple[int, Callable[[random.Random, State], Step | None]]] = [
    (50, commit),
    (18, _hand),
    (8, _relabel),
    (5, _power),
    (6, _up),
    (4, _pause),
    (5, _stop),
    (30, _start),
    (16, _cut),
    (6, _sync),
    (4, _edit),
    (4, _delete),
    (3, _swap),
    (12, _excess),
    (25, _confirm),
    # The row of Projects stands here as soon as they are enforced: narrowed (writes stop), widened again.
]
AWAY = (commit, _hand, _power, _up, _pause, _start, _edit, _delete)
