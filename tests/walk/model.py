"""The rules of the hub as a pure function: a step makes a state of a state.

Contract: ``apply`` does what the step says and then what the hub does until nothing more follows; ``expected``
is what has to be live. No I/O, no time: a grace has passed when a step has settled. What the hub does
with it stands in ``settling``.
"""

from __future__ import annotations

from dataclasses import replace

from tests.walk.settling import joined, rendered, settle
from tests.walk.values import (
    App,
    Change,
    Commit,
    Confirm,
    Cut,
    Edit,
    Hand,
    Live,
    Memory,
    Pause,
    Power,
    Ref,
    Relabel,
    Remove,
    Start,
    State,
    Step,
    Stop,
    Swap,
    Sync,
    Way,
)


def apply(step: Step, state: State) -> State:
    """What the world is once the step has been made and everything has settled."""
    state = replace(state, serial=state.serial + 1)
    match step:
        case Cut(step=inner):
            begun = _start(act(inner, replace(state, hub=False)))
            return settle(begun, asked=inner if isinstance(inner, Sync) else None)
        case Sync():
            return settle(settle(state, asked=step))
        case Relabel(back=True):
            return settle(state)
    return settle(act(step, state))


def expected(state: State) -> dict[str, dict[Ref, Live]]:
    """What lives on each cluster."""
    return {name: dict(member.live) for name, member in state.members.items()}


# --- what people do ---------------------------------------------------------------------------------------


def act(step: Step, state: State) -> State:  # noqa: PLR0911 (a line a step)
    """The state right after the step itself, before the hub has done anything."""
    match step:
        case Cut():
            return act(step.step, state)
        case Commit():
            return _commit(step, state)
        case Hand():
            return _hand(step, state)
        case Relabel():
            return (
                state
                if step.back
                else _member(
                    state, step.cluster, labels={**state.members[step.cluster].labels, step.key: step.value}
                )
            )
        case Power():
            return _member(state, step.cluster, up=step.up)
        case Pause():
            return _member(state, step.cluster, paused=step.paused)
        case Confirm():
            return replace(state, words={**state.words, step.app: state.memory.held[step.app]})
        case Stop():
            return replace(state, hub=False, memory=Memory())
        case Start():
            return _start(state)
        case Edit():
            return _edited(state, step.app)
        case Remove():
            return _removed(state, step.app)
        case Swap():
            return _removed(_edited(state, step.new), step.old)
    return state


def _member(state: State, name: str, **changes: object) -> State:
    member = replace(state.members[name], **changes)  # type: ignore[arg-type]
    return replace(state, members={**state.members, name: member})


def _commit(step: Commit, state: State) -> State:
    files = dict(state.files)
    for path, content in step.files:
        if content is None:
            files.pop(path, None)
        else:
            files[path] = content
    touched = {path.rpartition("/")[0] for path, _ in step.files}
    concerned = frozenset(
        app.name
        for app in state.apps.values()
        if not app.deleting and (app.path in touched or rendered(state.files, app) is None)
    )
    state = replace(state, files=files, serial=state.serial + 1)
    return _arrive(state, Change(concerned, concerned)) if concerned and state.hub else state


def _arrive(state: State, change: Change) -> State:
    memory = state.memory
    return replace(state, memory=replace(memory, open={**memory.open, state.serial: change}))


def _start(state: State) -> State:
    """Everything is one change of everybody."""
    state = replace(state, hub=True, memory=Memory(), serial=state.serial + 1)
    everybody = frozenset(app.name for app in state.apps.values() if not app.deleting)
    leaving = frozenset(app.name for app in state.apps.values() if app.deleting)
    return _arrive(state, Change(everybody, everybody, leaving, first=True))


def _hand(step: Hand, state: State) -> State:
    member = state.members[step.cluster]
    live = dict(member.live)
    before = live[step.ref]
    if step.way in (Way.EDIT, Way.SCALE):
        live[step.ref] = before._replace(value=drifted(step.number))
    elif step.way is Way.DELETE:
        del live[step.ref]
    elif step.way is Way.UNLABEL:
        live[step.ref] = before._replace(owner=None)
    place = (step.cluster, step.ref)
    hits = {**state.hits, place: state.hits.get(place, 0) + 1}
    return replace(_member(state, step.cluster, live=live), hits=hits)


def drifted(number: int) -> int:
    """The value that a hand gives an object."""
    return 1000 + number


def _edited(state: State, app: App) -> State:
    fresh = app.name not in state.apps
    state = replace(state, apps={**state.apps, app.name: app})
    if fresh and state.hub and state.memory.open:
        newest = max(state.memory.open)
        opened = {**state.memory.open, newest: joined(state.memory.open[newest], app.name)}
        state = replace(state, memory=replace(state.memory, open=opened))
    return state


def _removed(state: State, name: str) -> State:
    app = replace(state.apps[name], deleting=True)
    return replace(state, apps={**state.apps, name: app})
