"""What the walk speaks of: objects, Applications, the state of the world, and the steps. Frozen, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

ROOT = "root"
ROOT_PATH = "root"
CLUSTERS = ("eu", "us")


class Ref(NamedTuple):
    """An object of the walk's namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Thing(NamedTuple):
    """A file that holds one object with one value."""

    ref: Ref
    value: int


class Broken(NamedTuple):
    """A file that does not read."""

    number: int = 0


class Base(NamedTuple):
    """A kustomization.yaml that names what is not there: its whole folder does not render."""


class Note(NamedTuple):
    """A file that is no manifest, so that a folder can be emptied and still be there."""


class Policy(NamedTuple):
    """An Application's sync policy."""

    automated: bool = True
    prune: bool = True
    heal: bool = True

    def __str__(self) -> str:
        if not self.automated:
            return "manual"
        return f"prune {'on' if self.prune else 'off'}, selfHeal {'on' if self.heal else 'off'}"


class Selector(NamedTuple):
    """Clusters by label; an empty key selects all."""

    key: str = ""
    value: str = ""

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Whether a cluster with these labels is selected."""
        return not self.key or labels.get(self.key) == self.value


@dataclass(frozen=True)
class App:
    """An Application; ``child`` where the root holds it. Names rise with age, so that both orders agree."""

    name: str
    path: str
    policy: Policy = field(default_factory=Policy)
    selector: Selector = field(default_factory=Selector)
    child: bool = False
    deleting: bool = False


Content = Thing | Broken | Base | Note | App


Lines = frozenset[tuple[str, Ref]]
"""Objects on clusters: what a change would delete."""


class Live(NamedTuple):
    """An object on a cluster: whose set it is in (None: nobody's), and which creation it stems from."""

    value: int
    owner: str | None
    birth: int


class Target(NamedTuple):
    """An Application on a cluster."""

    app: str
    cluster: str


class Offer(NamedTuple):
    """What belongs on a target, as the hub last said: ``faults`` where a document did not read."""

    objects: Mapping[Ref, int]
    faults: bool
    apply: bool


class Done(NamedTuple):
    """What a whole pass brought about, and what it was refused since others hold it."""

    offer: Offer
    refused: frozenset[Ref]


class Change(NamedTuple):
    """Commits that came together: whom they concern, who has not rendered since, who leaves when it closes.

    ``first`` is the first look after a start, which any later change that closes ends.
    """

    waits: frozenset[str]
    concerned: frozenset[str]
    leaving: frozenset[str] = frozenset()
    first: bool = False


@dataclass(frozen=True)
class Memory:
    """What the hub knows and forgets when it is killed.

    ``open`` are the changes that are not closed; ``begun`` the Applications that rendered well since the start;
    ``waiting`` the targets whose prune waits; ``going`` the deleted Applications that are being withdrawn;
    ``held`` what the guard keeps of each Application; ``kept`` what somebody let go of with a change that is open.
    """

    open: Mapping[int, Change] = field(default_factory=dict)
    begun: frozenset[str] = frozenset()
    offers: Mapping[Target, Offer] = field(default_factory=dict)
    waiting: frozenset[Target] = frozenset()
    going: frozenset[str] = frozenset()
    held: Mapping[str, Lines] = field(default_factory=dict)
    kept: Mapping[tuple[str, Ref], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """A cluster as people have it: its labels, whether it answers, whether it is paused, what lives on it."""

    labels: Mapping[str, str]
    up: bool = True
    paused: bool = False
    live: Mapping[Ref, Live] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether the hub can and may write there."""
        return self.up and not self.paused


@dataclass(frozen=True)
class State:
    """The world of the walk. ``done`` is what was last brought about on a target by a whole pass.

    ``words`` are sets that somebody has confirmed. ``left`` are targets whose grace has passed: that stands on the Application, also when the hub dies.
    """

    files: Mapping[str, Content]
    apps: Mapping[str, App]
    members: Mapping[str, Member]
    hub: bool = True
    memory: Memory = Memory()
    placed: frozenset[Target] = frozenset()
    left: frozenset[Target] = frozenset()
    done: Mapping[Target, Done] = field(default_factory=dict)
    words: Mapping[str, Lines] = field(default_factory=dict)
    hits: Mapping[tuple[str, Ref], int] = field(default_factory=dict)
    serial: int = 0


class Way(Enum):
    """How somebody's hand touches an object."""

    EDIT = "edits"
    SCALE = "scales"
    DELETE = "deletes"
    UNLABEL = "takes the label off"
    DECORATE = "annotates"


@dataclass(frozen=True)
class Commit:
    """Files put (None: removed) in one commit."""

    files: tuple[tuple[str, Content | None], ...]
    words: str


@dataclass(frozen=True)
class Hand:
    """Somebody touches an object on a cluster."""

    cluster: str
    ref: Ref
    way: Way
    number: int

    @property
    def words(self) -> str:
        """The step in words."""
        return f"a hand {self.way.value} {self.ref} on {self.cluster}"


@dataclass(frozen=True)
class Relabel:
    """A cluster gets another value of a label, for good, or (``back``) to and fro within the grace."""

    cluster: str
    key: str
    value: str
    back: bool = False

    @property
    def words(self) -> str:
        """The step in words."""
        return f"{self.cluster} is labelled {self.key}={self.value}" + (
            " and back within the grace" if self.back else ""
        )


@dataclass(frozen=True)
class Power:
    """A member stops answering (``how``: refuses or is silent), or answers again."""

    cluster: str
    up: bool
    silent: bool = False

    @property
    def words(self) -> str:
        """The step in words."""
        return f"{self.cluster} " + (
            "answers again" if self.up else "is silent" if self.silent else "is down"
        )


@dataclass(frozen=True)
class Pause:
    """A Cluster is paused or resumed."""

    cluster: str
    paused: bool

    @property
    def words(self) -> str:
        """The step in words."""
        return f"{self.cluster} is {'paused' if self.paused else 'resumed'}"


@dataclass(frozen=True)
class Stop:
    """The hub goes and stays away: killed, or stopped cleanly."""

    clean: bool = False

    @property
    def words(self) -> str:
        """The step in words."""
        return "the hub is stopped" if self.clean else "the hub is killed"


@dataclass(frozen=True)
class Start:
    """A hub starts."""

    words: str = "a hub starts"


@dataclass(frozen=True)
class Cut:
    """The hub dies at one of its writes during another step, and a new one takes its place."""

    step: Commit | Hand | Relabel | Sync | Edit | Remove
    write: int
    after: bool

    @property
    def words(self) -> str:
        """The step in words."""
        when = "after" if self.after else "before"
        return f"{self.step.words}; the hub dies {when} its write {self.write}, and another starts"


@dataclass(frozen=True)
class Sync:
    """Somebody asks for a sync of a manual Application at the newest commit."""

    app: str
    prune: bool

    @property
    def words(self) -> str:
        """The step in words."""
        return f"a sync of {self.app} is asked for" + (", with prune" if self.prune else "")


@dataclass(frozen=True)
class Edit:
    """An Application gets another policy, or is created."""

    app: App

    @property
    def words(self) -> str:
        """The step in words."""
        return f"{self.app.name} is written: {self.app.policy}, path {self.app.path}"


@dataclass(frozen=True)
class Remove:
    """An Application is deleted by hand."""

    app: str

    @property
    def words(self) -> str:
        """The step in words."""
        return f"{self.app} is deleted by hand"


@dataclass(frozen=True)
class Swap:
    """An Application gets another name by hand: the new one is made, then the old one deleted."""

    old: str
    new: App

    @property
    def words(self) -> str:
        """The step in words."""
        return f"{self.new.name} is made for {self.old}, which is deleted by hand"


@dataclass(frozen=True)
class Confirm:
    """Somebody lets a set go that the guard holds."""

    app: str

    @property
    def words(self) -> str:
        """The step in words."""
        return f"what is held of {self.app} is confirmed"


Step = Confirm | Commit | Hand | Relabel | Power | Pause | Stop | Start | Cut | Sync | Edit | Remove | Swap
