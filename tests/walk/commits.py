"""Commits of the walk: one to three changes of the tree, drawn from a weighted table."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from tests.walk.ground import (
    FEW,
    FIXED,
    KINDS,
    MOST_CHILDREN,
    OTHERS,
    Files,
    file,
    named_in,
    paths_of,
    refs_of,
    shared,
    things_of,
)
from tests.walk.settling import REFUSED
from tests.walk.values import ROOT_PATH, App, Base, Broken, Commit, Note, Ref, State, Thing


def commit(rng: random.Random, state: State) -> Commit | None:
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
    things = things_of(files, rng.choice(paths_of(state)))
    if not things:
        return ""
    thing = rng.choice(things)
    path = rng.choice(named_in(files, thing.ref))
    value = thing.value % 9 + 1
    files[file(path, thing.ref)] = Thing(thing.ref, value)
    return f"{thing.ref} in {path} is {value}"


def _add(rng: random.Random, state: State, files: Files, number: int) -> str:
    path = rng.choice(paths_of(state))
    if len(things_of(files, path)) > 7:
        return ""
    ref = Ref(rng.choice(KINDS), f"n{number}")
    files[file(path, ref)] = Thing(ref, rng.randint(1, 9))
    return f"{ref} is added to {path}"


def _remove(rng: random.Random, state: State, files: Files, _: int) -> str:
    path = rng.choice(paths_of(state))
    things = things_of(files, path)
    if not things or shared(state, path):
        return ""
    thing = rng.choice(things)
    del files[file(path, thing.ref)]
    return f"{thing.ref} is removed from {path}"


def _move(rng: random.Random, state: State, files: Files, _: int) -> str:
    paths = paths_of(state)
    source, target = rng.sample(paths, 2)
    things = [thing for thing in things_of(files, source) if thing.ref != REFUSED]
    if not things or shared(state, source):
        return ""
    thing = rng.choice(things)
    named = named_in(files, thing.ref)
    if len(named) > 1:
        return ""  # to whom it goes is a question of who is offered first
    del files[file(source, thing.ref)]
    files[file(target, thing.ref)] = thing
    return f"{thing.ref} moves from {source} to {target}"


def _claim(rng: random.Random, state: State, files: Files, _: int) -> str:
    """A second Application names an object, or one of two lets it go."""
    paths = [path for path in paths_of(state) if path in OTHERS]
    twice = [ref for path in paths for ref in refs_of(files, path) if len(named_in(files, ref)) > 1]
    if twice:
        ref = rng.choice(sorted(twice))
        path = rng.choice(named_in(files, ref))
        del files[file(path, ref)]
        return f"{path} lets {ref} go, which two name"
    if len(paths) < 2:
        return ""
    source, target = rng.sample(paths, 2)
    things = [thing for thing in things_of(files, source) if thing.ref != REFUSED]
    if not things:
        return ""
    thing = rng.choice(things)
    files[file(target, thing.ref)] = Thing(thing.ref, thing.value % 9 + 1)
    return f"{target} names {thing.ref} of {source} too"


def _foreign(rng: random.Random, state: State, files: Files, _: int) -> str:
    """An Application names an object of a release, or no longer does."""
    named = named_in(files, REFUSED)
    if named:
        del files[file(named[0], REFUSED)]
        return f"{named[0]} names {REFUSED} no longer"
    path = rng.choice([path for path in paths_of(state) if path not in FIXED])
    files[file(path, REFUSED)] = Thing(REFUSED, 1)
    return f"{path} names {REFUSED}, which a release holds"


def _break(rng: random.Random, state: State, files: Files, number: int) -> str:
    broken = sorted(name for name, content in files.items() if isinstance(content, Broken | Base))
    if broken:
        name = rng.choice(broken)
        del files[name]
        return f"{name} is mended"
    path = rng.choice([*paths_of(state), ROOT_PATH])
    how = rng.choice(("file", "own", "base"))
    things = things_of(files, path)
    if how == "base":
        files[f"{path}/kustomization.yaml"] = Base()
        return f"{path} does not render"
    if how == "own" and things:
        thing = rng.choice(things)
        files[file(path, thing.ref)] = Broken(number)
        return f"the file of {thing.ref} in {path} breaks"
    files[f"{path}/zz-broken.yaml"] = Broken(number)
    return f"a broken file in {path}"


def _empty(rng: random.Random, state: State, files: Files, _: int) -> str:
    path = rng.choice(paths_of(state))
    things = things_of(files, path)
    if len(things) > 2:
        return ""
    for thing in things:
        del files[file(path, thing.ref)]
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
            files[file(path, ref)] = Thing(ref, index + 1)
        files[f"{ROOT_PATH}/{fresh}.yaml"] = App(fresh, path, child=True)
        return f"child {fresh} comes"
    going = [
        one.name
        for one in state.apps.values()
        if one.child and not one.deleting and f"{ROOT_PATH}/{one.name}.yaml" not in files
    ]
    if len(made) < 2 or len(going) >= FEW:  # more at once would be held by the guard
        return ""
    name, app = rng.choice(made)
    if how == "go":
        del files[name]
        for thing in things_of(files, app.path):
            del files[file(app.path, thing.ref)]
            others = [
                path for path in OTHERS if path in paths_of(state) and path not in named_in(files, thing.ref)
            ]
            if others and rng.random() < 0.3:
                files[file(rng.choice(others), thing.ref)] = thing
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
