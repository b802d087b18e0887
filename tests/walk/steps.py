"""What happens next: a weighted choice that depends on the seed and the model's state alone, so it replays.

Contract: ``choose`` gives a step that the state allows. The table's rows are the kinds of steps; a row that has
nothing to offer gives None and another is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.walk import model
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

KINDS = ("ConfigMap", "ConfigMap", "Secret", "Deployment")
LABELS = {"tier": ("gold", "tin"), "zone": ("a", "b")}
AWAY_VALUE = "elsewhere"  # nobody selects it, so that a label that goes to and fro gains nobody anything
MOST_CHILDREN = 4
FEW = 5  # (object, cluster) pairs that an Application may lose at once without anybody's word
Files = dict[str, Content]

MANUAL, KEEP, LOOSE = "apps/manual", "apps/keep", "apps/loose"
FIXED = {MANUAL: Policy(automated=False), KEEP: Policy(prune=False), LOOSE: Policy(heal=False)}
OTHERS = {
    "apps/alpha": Selector(),
    "apps/beta": Selector(),
    "apps/gold": Selector("tier", "gold"),
    "apps/tin": Selector("tier", "tin"),
    "apps/zone-a": Selector("zone", "a"),
}


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
            files[_file(path, ref)] = Thing(ref, index + 1)
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
    named = _refs(dict(files), app.path)
    lost = leaving = 0
    for name, member in state.members.items():
        held = {ref for ref, one in member.live.items() if one.owner == app.name}
        if app.selector.selects(member.labels):
            lost += len(held - named)
        elif Target(app.name, name) in state.placed:
            leaving += max(len(held), len(named))
    return max(lost, leaving)


# --- commits ----------------------------------------------------------------------------------------------


def _file(path: str, ref: Ref) -> str:
    return f"{path}/{ref.kind.lower()}-{ref.name}.yaml"


def _things(files: Files, path: str) -> list[Thing]:
    return [
        content
        for name, content in sorted(files.items())
        if isinstance(content, Thing) and name.rpartition("/")[0] == path
    ]


def _refs(files: Files, path: str) -> set[Ref]:
    return {thing.ref for thing in _things(files, path)}


def _paths(state: State) -> list[str]:
    return sorted({app.path for app in state.apps.values() if app.name != ROOT and not app.deleting})


def _wanted(files: Files, ref: Ref) -> list[str]:
    """The folders that name the object."""
    return sorted(
        {
            name.rpartition("/")[0]
            for name, content in files.items()
            if isinstance(content, Thing) and content.ref == ref
        }
    )


def _commit(rng: random.Random, state: State) -> Commit | None:
    """One to three changes in one commit."""
    files = dict(state.files)
    words: list[str] = []
    changes = rng.choices(
        [row[1] for row in CHANGES], [row[0] for row in CHANGES], k=rng.choice((1, 1, 2, 3))
    )
    for number, change in enumerate(changes):
        said = change(rng, state, files, state.serial * 10 + number)
        if said:
            words.append(said)
    changed = [name for name in sorted({*files, *state.files}) if files.get(name) != state.files.get(name)]
    if not changed:
        return None
    return Commit(tuple((name, files.get(name)) for name in changed), f"a commit: {'; '.join(words)}")


def _value(rng: random.Random, state: State, files: Files, _: int) -> str:
    things = _things(files, rng.choice(_paths(state)))
    if not things:
        return ""
    thing = rng.choice(things)
    path = rng.choice(_wanted(files, thing.ref))
    value = thing.value % 9 + 1
    files[_file(path, thing.ref)] = Thing(thing.ref, value)
    return f"{thing.ref} in {path} is {value}"


def _add(rng: random.Random, state: State, files: Files, number: int) -> str:
    path = rng.choice(_paths(state))
    if len(_things(files, path)) > 7:
        return ""
    ref = Ref(rng.choice(KINDS), f"n{number}")
    files[_file(path, ref)] = Thing(ref, rng.randint(1, 9))
    return f"{ref} is added to {path}"


def _remove(rng: random.Random, state: State, files: Files, _: int) -> str:
    path = rng.choice(_paths(state))
    things = _things(files, path)
    if not things:
        return ""
    thing = rng.choice(things)
    del files[_file(path, thing.ref)]
    return f"{thing.ref} is removed from {path}"


def _move(rng: random.Random, state: State, files: Files, _: int) -> str:
    paths = _paths(state)
    source, target = rng.sample(paths, 2)
    things = [thing for thing in _things(files, source) if thing.ref != model.REFUSED]
    if not things:
        return ""
    thing = rng.choice(things)
    named = _wanted(files, thing.ref)
    if target in named or (len(named) > 1 and target not in OTHERS):
        return ""
    del files[_file(source, thing.ref)]
    files[_file(target, thing.ref)] = thing
    return f"{thing.ref} moves from {source} to {target}"


def _claim(rng: random.Random, state: State, files: Files, _: int) -> str:
    """A second Application names an object, or one of two lets it go."""
    paths = [path for path in _paths(state) if path in OTHERS]
    twice = [ref for path in paths for ref in _refs(files, path) if len(_wanted(files, ref)) > 1]
    if twice:
        ref = rng.choice(sorted(twice))
        path = rng.choice(_wanted(files, ref))
        del files[_file(path, ref)]
        return f"{path} lets {ref} go, which two name"
    if len(paths) < 2:
        return ""
    source, target = rng.sample(paths, 2)
    things = [thing for thing in _things(files, source) if thing.ref != model.REFUSED]
    if not things:
        return ""
    thing = rng.choice(things)
    files[_file(target, thing.ref)] = Thing(thing.ref, thing.value % 9 + 1)
    return f"{target} names {thing.ref} of {source} too"


def _foreign(rng: random.Random, state: State, files: Files, _: int) -> str:
    """An Application names an object of a release, or no longer does."""
    named = _wanted(files, model.REFUSED)
    if named:
        del files[_file(named[0], model.REFUSED)]
        return f"{named[0]} names {model.REFUSED} no longer"
    path = rng.choice([path for path in _paths(state) if path not in FIXED])
    files[_file(path, model.REFUSED)] = Thing(model.REFUSED, 1)
    return f"{path} names {model.REFUSED}, which a release holds"


def _break(rng: random.Random, state: State, files: Files, number: int) -> str:
    broken = sorted(name for name, content in files.items() if isinstance(content, Broken | Base))
    if broken:
        name = rng.choice(broken)
        del files[name]
        return f"{name} is mended"
    path = rng.choice([*_paths(state), ROOT_PATH])
    how = rng.choice(("file", "own", "base"))
    things = _things(files, path)
    if how == "base":
        files[f"{path}/kustomization.yaml"] = Base()
        return f"{path} does not render"
    if how == "own" and things:
        thing = rng.choice(things)
        files[_file(path, thing.ref)] = Broken(number)
        return f"the file of {thing.ref} in {path} breaks"
    files[f"{path}/zz-broken.yaml"] = Broken(number)
    return f"a broken file in {path}"


def _empty(rng: random.Random, state: State, files: Files, _: int) -> str:
    path = rng.choice(_paths(state))
    things = _things(files, path)
    if len(things) > 2:
        return ""
    for thing in things:
        del files[_file(path, thing.ref)]
    return f"{path} is emptied" if things else ""


def _child(rng: random.Random, state: State, files: Files, number: int) -> str:
    """A child comes, goes, or gets another name."""
    made = sorted((name, content) for name, content in files.items() if isinstance(content, App))
    how = rng.choice(("rename", "rename", "rename", "come", "go"))
    fresh = f"app-{number:06d}"
    if how == "come" and len(made) < MOST_CHILDREN:
        path = f"apps/child-{number}"
        files[f"{path}/README.md"] = Note()
        for index in range(2):
            ref = Ref(rng.choice(KINDS), f"n{number}-{index}")
            files[_file(path, ref)] = Thing(ref, index + 1)
        files[f"{ROOT_PATH}/{fresh}.yaml"] = App(fresh, path, child=True)
        return f"child {fresh} comes"
    if len(made) < 2:
        return ""
    name, app = rng.choice(made)
    if how == "go":
        del files[name]
        for thing in _things(files, app.path):
            del files[_file(app.path, thing.ref)]
            others = [
                path for path in OTHERS if path in _paths(state) and path not in _wanted(files, thing.ref)
            ]
            if others and rng.random() < 0.3:
                files[_file(rng.choice(others), thing.ref)] = thing
        return f"child {app.name} goes, and some of its objects move"
    del files[name]
    files[f"{ROOT_PATH}/{fresh}.yaml"] = replace(app, name=fresh)
    return f"child {app.name} is renamed {fresh}"


CHANGES: list[tuple[int, Callable[[random.Random, State, Files, int], str]]] = [
    (20, _value),
    (10, _add),
    (10, _remove),
    (25, _move),
    (8, _claim),
    (4, _foreign),
    (14, _break),
    (3, _empty),
    (14, _child),
]


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
    return app is not None and not app.deleting and ref in _refs(dict(state.files), app.path)


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
    make = rng.choice((_commit, _commit, _commit, _commit, _hand, _relabel, _sync, _delete))
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
    path = rng.choice([path for path in _paths(state) if path not in (MANUAL, KEEP)])
    things = _things(dict(state.files), path)
    if len(things) < 4:
        return None
    gone = rng.sample(things, len(things) - 1)
    words = f"a commit: {len(gone)} objects go from {path}: {', '.join(str(thing.ref) for thing in gone)}"
    return Commit(tuple((_file(path, thing.ref), None) for thing in gone), words)


def _confirm(rng: random.Random, state: State) -> Confirm | None:
    if not state.memory.held or not all(member.open for member in state.members.values()):
        return None
    return Confirm(rng.choice(sorted(state.memory.held)))


ROWS: list[tuple[int, Callable[[random.Random, State], Step | None]]] = [
    (50, _commit),
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
    (4, _excess),
    (25, _confirm),
    # The row of Projects stands here as soon as they are enforced: narrowed (writes stop), widened again.
]
AWAY = (_commit, _hand, _power, _up, _pause, _start, _edit, _delete)
