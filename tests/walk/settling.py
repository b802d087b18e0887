"""What the hub does with a world until nothing more follows: the rules, as a model.

Where the documents leave freedom, the model says so here, and nowhere else:

- Without self-heal, drift stays until the next whole pass; then all of the target is applied. A whole pass is
  made when what belongs there has changed, when others let go of what it claims or has, and while its prune waits
  for others, since that commit is not done.
- The guard counts what is to go on all clusters that answer.
- An object that moves while a third Application names it too goes to whichever of the two is offered first: the
  walk does not do that.
- What an Application lets go of that is in another's set stays there until the change is closed with which it did:
  somebody whom that concerns may claim it yet. A connection that is made anew has forgotten that.
- An object that nobody's set holds and that two Applications name goes to the older one.
- A change is open until all that it concerns have rendered; the first look after a start also until a later one
  is closed, and a deletion does not wait for it. Who does not render at all is concerned by every later commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.walk.values import (
    ROOT,
    ROOT_PATH,
    App,
    Base,
    Broken,
    Change,
    Done,
    Lines,
    Live,
    Memory,
    Offer,
    Policy,
    Ref,
    State,
    Sync,
    Target,
    Thing,
)

COUNT, PERCENT = 5, 20  # more than both at once need somebody's word
REFUSED = Ref("ConfigMap", "foreign-helm")  # a release's object: no Application gets it


def rendered(files: Mapping[str, object], app: App) -> Offer | None:
    """What an Application's source comes to; None where it does not render at all."""
    here = [content for path, content in files.items() if path.rpartition("/")[0] == app.path]
    if any(isinstance(content, Base) for content in here):
        return None
    objects = {content.ref: content.value for content in here if isinstance(content, Thing)}
    return Offer(objects, any(isinstance(content, Broken) for content in here), app.policy.automated)


def joined(change: Change, name: str) -> Change:
    """The change with one more Application."""
    return change._replace(waits=change.waits | {name}, concerned=change.concerned | {name})


def settle(state: State, asked: Sync | None = None) -> State:
    """What follows until nothing more does."""
    if not state.hub:
        return state
    # While a grace runs, its target gets what every other one gets; then it leaves.
    return _settle(_settle(state, asked, grace=True), asked, grace=False)


def _settle(state: State, asked: Sync | None, *, grace: bool) -> State:
    for _ in range(12):
        working = Settling(state, asked, grace=grace)
        working.hub()
        for name in state.members:
            if state.members[name].open:
                working.cluster(name)
        working.farewells()
        after = working.state()
        if after == state:
            return after
        state = after
    raise AssertionError("the model does not settle")


class Settling:
    """One round of what the hub does: the hub's own part, then each cluster that it can write to."""

    def __init__(self, state: State, asked: Sync | None, *, grace: bool) -> None:
        self.before = state
        self.grace = grace
        self.asked = asked
        self.files = state.files
        self.apps = dict(state.apps)
        self.members = dict(state.members)
        self.open = dict(state.memory.open)
        self.going = set(state.memory.going) & set(self.apps)
        self.begun = set(state.memory.begun) & set(self.apps)
        self.offers = dict(state.memory.offers)
        self.waiting = set(state.memory.waiting)
        self.kept = {
            place: serial for place, serial in state.memory.kept.items() if state.members[place[0]].up
        }
        self.placed = set(state.placed)
        self.left = set(state.left)
        self.done = dict(state.done)
        self.hits = dict(state.hits)
        self.serial = state.serial
        self.leaving: set[Target] = set()
        self.refusals: dict[Target, frozenset[Ref]] = {}
        self.held: dict[str, Lines] = {}
        self.guarded: set[str] = set()
        self.anew: set[str] = set()
        self.words = state.words

    def state(self) -> State:
        """The state that was worked on."""
        memory = Memory(
            self.open,
            frozenset(self.begun),
            self.offers,
            frozenset(self.waiting),
            frozenset(self.going),
            self.held,
            {place: serial for place, serial in self.kept.items() if serial in self.open},
        )
        return replace(
            self.before,
            apps=self.apps,
            members=self.members,
            memory=memory,
            placed=frozenset(self.placed),
            left=frozenset(self.left & self.placed),
            done=self.done,
            hits=self.hits,
            serial=self.serial,
        )

    # --- the hub's part -----------------------------------------------------------------------------------

    def hub(self) -> None:
        """The root makes its children, all render and are offered, the root deletes what left it."""
        root = [content for path, content in self.files.items() if path.rpartition("/")[0] == ROOT_PATH]
        whole = not any(isinstance(content, Base) for content in root)
        faults = any(isinstance(content, Broken) for content in root)
        made = {content.name: content for content in root if isinstance(content, App)}
        if whole:
            self._children(made, faults=faults)
        for name in sorted(self.apps):
            if name != ROOT:
                self._reconcile(self.apps[name])
        if whole and not faults and all(self._stands(name) for name in made):
            for name, app in sorted(self.apps.items()):
                if app.child and name not in made and not app.deleting:
                    self.apps[name] = replace(app, deleting=True)
                    self._reconcile(self.apps[name])

    def _stands(self, name: str) -> bool:
        return name in self.begun and name in self.apps and not self.apps[name].deleting

    def _children(self, made: Mapping[str, App], *, faults: bool) -> None:
        """The root makes its children; they take part in the changes in which it does."""
        for name, app in made.items():
            if name not in self.apps:
                self.apps[name] = app
                for serial, change in self.open.items():
                    if ROOT in change.waits:
                        self.open[serial] = joined(change, name)
        if not faults:
            self.begun.add(ROOT)
            self.anew = {name for name in made if self.apps[name].deleting}
            if not self.anew:
                self._settled(ROOT)

    def _reconcile(self, app: App) -> None:
        if app.deleting:
            self._settled(app.name)
            if self._held(app):
                return
            self.going.add(app.name)
            for target in [t for t in self.placed if t.app == app.name]:
                self.offers.pop(target, None)
                self.leaving.add(target)
            for target in [t for t in self.offers if t.app == app.name]:
                del self.offers[target]
            return
        selected = {name for name, member in self.members.items() if app.selector.selects(member.labels)}
        selected |= self._unselected(app, selected)
        found = rendered(self.files, app)
        if found is None:
            return  # what was offered before stays offered
        if self.asked is not None and self.asked.app == app.name:
            found = found._replace(apply=True)
        for cluster in sorted(selected):
            target = Target(app.name, cluster)
            self._offer(target, found)
            if found.apply:
                self.placed.add(target)
        if not found.faults:
            self.begun.add(app.name)
            self._settled(app.name)

    def _unselected(self, app: App, selected: set[str]) -> set[str]:
        """Clusters that were lost and are served on while their grace runs; the others are left."""
        served: set[str] = set()
        self.left -= {Target(app.name, cluster) for cluster in selected}
        for target in [t for t in {*self.placed, *self.offers} if t.app == app.name]:
            if target.cluster in selected:
                continue
            if target not in self.placed or app.name not in self.begun:
                self.offers.pop(target, None)
            elif self.grace and target not in self.left:
                served.add(target.cluster)
            else:
                self.offers.pop(target, None)
                self.left.add(target)
                self.leaving.add(target)
        return served

    def _offer(self, target: Target, found: Offer) -> None:
        before = self.offers.get(target)
        if before is None or before.objects != found.objects:
            for place in [place for place in self.hits if place[0] == target.cluster]:
                if place[1] in found.objects:
                    del self.hits[place]  # a fight ends with a new revision
        self.offers[target] = found
        for ref in {*(before.objects if before is not None else ())} - {*found.objects}:
            self._keep(target, ref)

    def _keep(self, by: Target, ref: Ref) -> None:
        """What is in another's set is not removed with the change with which its heir lets it go."""
        member = self.members[by.cluster]
        live = member.live.get(ref)
        if live is None or live.owner is None or not member.up or live.owner == by.app:
            return
        holder = Target(live.owner, by.cluster)
        serials = [serial for serial, change in self.open.items() if by.app in change.concerned]
        if serials and (holder in self.offers or holder in self.leaving or live.owner in self.going):
            self.kept[by.cluster, ref] = max(serials)

    def _held(self, app: App) -> bool:
        """Whether the Application leaves with a change that is not closed, and has not begun to."""
        if app.child:
            for serial, change in self.open.items():
                if ROOT in change.concerned:
                    self.open[serial] = change._replace(leaving=change.leaving | {app.name})
        # At a first look everybody is looked at once; more than that is not waited for.
        mine = {ROOT} if app.name in self.anew else set()  # the root waits for it, and not it for the root
        held = any(
            app.name in change.leaving and not change.first and change.waits - mine
            for change in self.open.values()
        )
        return held and app.name not in self.going

    def _settled(self, name: str) -> None:
        closed = []
        for serial, change in self.open.items():
            if name in change.waits:
                self.open[serial] = change._replace(waits=change.waits - {name})
                if change.waits == {name}:
                    closed.append(serial)
        if closed:
            closed += [s for s, change in self.open.items() if change.first and s < max(closed)]
        for serial in set(closed):
            del self.open[serial]

    def farewells(self) -> None:
        """What has left everywhere is gone."""
        for target in list(self.placed):
            app = self.apps.get(target.app)
            gone = app is None or app.name in self.going or target in self.leaving
            if gone and self.members[target.cluster].open and not self._members(target):
                self.placed.discard(target)
                self.done.pop(target, None)
        for name, app in list(self.apps.items()):
            if app.deleting and name in self.going and not any(target.app == name for target in self.placed):
                del self.apps[name]
                self.begun.discard(name)
                self.going.discard(name)
        self.waiting = {target for target in self.waiting if target in self.offers}

    # --- one cluster --------------------------------------------------------------------------------------

    def cluster(self, name: str) -> None:
        """Apply, prune and withdraw on one cluster."""
        offers = {target: offer for target, offer in self.offers.items() if target.cluster == name}
        live = dict(self.members[name].live)
        refused: set[Target] = set()
        self.refusals = {}
        holders = {ref: self._holder(ref, name, live) for ref in _all(offers)}
        for target, offer in sorted(offers.items()):
            if not offer.apply:
                continue
            self.refusals[target] = frozenset(
                ref
                for ref in offer.objects
                if holders[ref] != target and not self._mute(live.get(ref), target)
            )
            if self.refusals[target] or REFUSED in offer.objects:
                refused.add(target)
            if not self._whole(target, offer):
                continue
            for ref, value in offer.objects.items():
                if ref == REFUSED or holders[ref] != target or self._mute(live.get(ref), target):
                    continue
                before = live.get(ref)
                birth = before.birth if before is not None else self._birth()
                live[ref] = Live(value, target.app, birth)
        self._set(name, live)
        for target, offer in sorted(offers.items()):
            if offer.apply:
                self._guard(target.app)
                self._prune(target, offer, refused=target in refused)
        for target in sorted(t for t in self.leaving if t.cluster == name):
            for ref in self._members(target):
                if not self._claimed(ref, target):
                    self._delete(target.cluster, ref)

    def _whole(self, target: Target, offer: Offer) -> bool:
        policy = self._policy(target.app)
        asked = self.asked is not None and self.asked.app == target.app
        done = Done(offer, self.refusals[target])
        return (
            policy.heal
            or asked
            or target in self.waiting
            or self.done.get(target) != done
            or (policy.prune and bool(self._stale(target, offer)))
        )

    def _stale(self, target: Target, offer: Offer) -> list[Ref]:
        stale = [ref for ref in self._members(target) if ref not in offer.objects]
        return [ref for ref in stale if not self._claimed(ref, target)]

    def _prune(self, target: Target, offer: Offer, *, refused: bool) -> None:
        stale = self._stale(target, offer)
        policy = self._policy(target.app)
        asked = self.asked is not None and self.asked.app == target.app
        enabled = self.asked.prune if asked and self.asked is not None else policy.prune and policy.automated
        waits = bool(stale) and (offer.faults or refused or self._changing(target.app))
        self.waiting.discard(target)
        if waits:
            self.waiting.add(target)
        elif enabled and offer.objects and target.app not in self.held:
            for ref in stale:
                self._delete(target.cluster, ref)
        if not waits:
            self.done[target] = Done(offer, self.refusals[target])

    def _guard(self, name: str) -> None:
        """Decide, before the first deletion, whether all that the Application would lose is too much."""
        if name in self.guarded:
            return
        self.guarded.add(name)
        lines, total = set(), 0
        for target, offer in self.offers.items():
            if target.app == name and offer.apply and self.members[target.cluster].up:
                lines |= {(target.cluster, ref) for ref in self._stale(target, offer)}
                total += len({*self._members(target), *offer.objects})
        if not self._policy(name).prune or not lines or not self._reaches(name):
            return
        if (
            len(lines) > COUNT
            and len(lines) * 100 > total * PERCENT
            and self.words.get(name) != frozenset(lines)
        ):
            self.held[name] = frozenset(lines)

    def _reaches(self, name: str) -> bool:
        """Whether the gates are open somewhere: what they hold is never shown to the guard."""
        return not self._changing(name) and any(
            offer.objects
            and not offer.faults
            and self._stale(target, offer)
            and not self._refused(target, offer)
            for target, offer in self.offers.items()
            if target.app == name and offer.apply and self.members[target.cluster].up
        )

    def _refused(self, target: Target, offer: Offer) -> bool:
        """Whether others hold what the target wants: then it prunes nothing."""
        live = self.members[target.cluster].live
        return REFUSED in offer.objects or any(
            self._holder(ref, target.cluster, live) != target or self._mute(live.get(ref), target)
            for ref in offer.objects
        )

    def _changing(self, name: str) -> bool:
        return any(name in change.concerned for change in self.open.values())

    def _holder(self, ref: Ref, cluster: str, live: Mapping[Ref, Live]) -> Target | None:
        owner = live[ref].owner if ref in live else None
        claimants = [
            target for target in self.offers if target.cluster == cluster and self._claims(target, ref)
        ]
        return min(claimants, key=lambda target: (target.app != owner, target.app), default=None)

    def _claims(self, target: Target, ref: Ref) -> bool:
        offer = self.offers[target]
        if ref in offer.objects:
            return True
        # Nobody has asked a manual Application to let go of what it holds.
        return not offer.apply and ref in self._members(target)

    def _claimed(self, ref: Ref, but: Target) -> bool:
        return self.kept.get((but.cluster, ref)) in self.open or any(
            self._claims(target, ref)
            for target in self.offers
            if target.cluster == but.cluster and target != but
        )

    def _mute(self, live: Live | None, target: Target) -> bool:
        """Whether the object's Application exists and has not said yet what it wants."""
        if live is None or live.owner is None or live.owner == target.app:
            return False
        owner = self.apps.get(live.owner)
        holder = Target(live.owner, target.cluster)
        return (
            owner is not None
            and not owner.deleting
            and holder not in self.offers
            and holder not in self.leaving
        )

    def _members(self, target: Target) -> list[Ref]:
        live = self.members[target.cluster].live
        return [ref for ref, one in live.items() if one.owner == target.app]

    def _delete(self, cluster: str, ref: Ref) -> None:
        live = dict(self.members[cluster].live)
        live.pop(ref, None)
        self._set(cluster, live)

    def _set(self, cluster: str, live: Mapping[Ref, Live]) -> None:
        self.members[cluster] = replace(self.members[cluster], live=live)

    def _policy(self, name: str) -> Policy:
        return self.apps[name].policy

    def _birth(self) -> int:
        self.serial += 1
        return self.serial


def _all(offers: Mapping[Target, Offer]) -> set[Ref]:
    return {ref for offer in offers.values() for ref in offer.objects}
