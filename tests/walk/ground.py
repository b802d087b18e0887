"""The ground of the walk: its Applications, and what the tree of files says of them."""

from __future__ import annotations

from tests.walk.values import ROOT, Content, Policy, Ref, Selector, State, Thing

KINDS = ("ConfigMap", "ConfigMap", "Secret", "Deployment")
LABELS = {"tier": ("gold", "tin"), "zone": ("a", "b")}
AWAY_VALUE = "elsewhere"  # nobody selects it, so that a label that goes to and fro gains nobody anything
MOST_CHILDREN = 4
FEW = 5  # (object, cluster) pairs that an Application, or children that a root, may lose at once without anybody's word
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


def file(path: str, ref: Ref) -> str:
    """The file that holds an object in a folder."""
    return f"{path}/{ref.kind.lower()}-{ref.name}.yaml"


def things_of(files: Files, path: str) -> list[Thing]:
    """The objects of a folder."""
    return [
        content
        for name, content in sorted(files.items())
        if isinstance(content, Thing) and name.rpartition("/")[0] == path
    ]


def refs_of(files: Files, path: str) -> set[Ref]:
    """What the objects of a folder are called."""
    return {thing.ref for thing in things_of(files, path)}


def paths_of(state: State) -> list[str]:
    """Folders of Applications, the root's not among them."""
    return sorted({app.path for app in state.apps.values() if app.name != ROOT and not app.deleting})


def shared(state: State, path: str) -> bool:
    """Whether two Applications read the folder: which of them lets an object of it go first is a matter of time."""
    return len([app for app in state.apps.values() if app.path == path and not app.deleting]) > 1


def named_in(files: Files, ref: Ref) -> list[str]:
    """The folders that name the object."""
    return sorted(
        {
            name.rpartition("/")[0]
            for name, content in files.items()
            if isinstance(content, Thing) and content.ref == ref
        }
    )
