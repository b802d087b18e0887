"""The CustomResourceDefinitions, made from the models; ``python -m fleet.api.crd --write`` renews ``crds/``."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from fleet.api import structural
from fleet.api.application import Application
from fleet.api.application_status import ApplicationStatus
from fleet.api.cluster import Cluster, ClusterStatus
from fleet.api.project import Project, ProjectStatus
from fleet.api.rules import CEL
from fleet.documents import write
from fleet.names import APPLICATION, CLUSTER, GROUP, HUB_KINDS, PLURALS, PRODUCT, PROJECT, VERSION

FOLDER: Final = Path(__file__).parents[2] / "crds"
_HEAD = "# Generated from fleet/api by `python -m fleet.api.crd --write`: edit the models, not this file.\n"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``kubectl get``; a wide one shows with ``-o wide`` alone."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False

    def entry(self) -> dict[str, Any]:
        """The entry of ``additionalPrinterColumns``."""
        return {"name": self.name, "type": self.type, "jsonPath": self.path} | (
            {"priority": 1} if self.wide else {}
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind is shown: the models of object and status, short names, columns."""

    model: type[BaseModel]
    status: type[BaseModel]
    short: tuple[str, ...]
    columns: tuple[Column, ...]


_AGE = Column("Age", ".metadata.creationTimestamp", "date")


def _condition(name: str, part: str) -> str:
    return f'.status.conditions[?(@.type=="{name}")].{part}'


# Argo CD has taken app, apps, appproj and their like.
KINDS: Final[Mapping[str, Kind]] = {
    APPLICATION: Kind(
        Application,
        ApplicationStatus,
        ("fha", "fhapp"),
        (
            Column("Sync", ".status.sync"),
            Column("Health", ".status.health"),
            Column("Revision", ".status.revision"),
            Column("Clusters", ".status.clusters"),
            _AGE,
            Column("Project", ".spec.project", wide=True),
            Column("Repository", ".spec.source.repoURL", wide=True),
            Column("Path", ".spec.source.path", wide=True),
            Column("Message", _condition("Ready", "message"), wide=True),
        ),
    ),
    CLUSTER: Kind(
        Cluster,
        ClusterStatus,
        ("fhc", "fhcluster"),
        (
            Column("Ready", _condition("Ready", "status")),
            Column("Reason", _condition("Ready", "reason")),
            Column("Version", ".status.version"),
            Column("Paused", ".spec.paused", "boolean"),
            _AGE,
            Column("Server", ".status.server", wide=True),
            Column("Identity", ".status.identity", wide=True),
            Column("Message", _condition("Ready", "message"), wide=True),
        ),
    ),
    PROJECT: Kind(
        Project,
        ProjectStatus,
        ("fhp", "fhproj"),
        (
            Column("Hub", ".spec.hub", "boolean"),
            _AGE,
            Column("Repositories", ".spec.sourceRepos", wide=True),
        ),
    ),
}


def schema(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of one of the hub's kinds, as a new dict."""
    shown = KINDS[kind]
    plural = PLURALS[kind]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}", "labels": {"app.kubernetes.io/part-of": PRODUCT}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": list(shown.short),
                "categories": [PRODUCT],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [column.entry() for column in shown.columns],
                    "schema": {"openAPIV3Schema": _whole(shown)},
                }
            ],
        },
    }


def text(kind: str) -> str:
    """The file of ``crds/`` for the kind."""
    return _HEAD + write.yaml(schema(kind))


def stale(folder: Path) -> tuple[str, ...]:
    """Names of files that are missing, differ from what the models say, or belong to no kind."""
    wanted = {f"{PLURALS[kind]}.yaml": text(kind) for kind in HUB_KINDS}
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return tuple(sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)))


def _whole(shown: Kind) -> dict[str, Any]:
    """The object's schema; the API server itself knows what ``metadata`` holds."""
    found = structural.schema(shown.model)
    properties = found["properties"]
    texts = {"type": "string"}
    whole = {
        "description": found["description"],
        "type": "object",
        "required": [name for name in found["required"] if name != "metadata"],
        "properties": {
            "apiVersion": {"description": "The API's group and version.", **texts},
            "kind": {"description": "The kind.", **texts},
            "metadata": {"type": "object"},
            "spec": properties["spec"],
            "status": structural.schema(shown.status, defaults=False),
        },
    }
    if not whole["required"]:
        del whole["required"]
    return whole | ({CEL: found[CEL]} if CEL in found else {})


def main(arguments: list[str]) -> int:
    """``--write`` renews the files, ``--check`` names the stale ones and returns 1."""
    if arguments == ["--write"]:
        FOLDER.mkdir(exist_ok=True)
        for name in stale(FOLDER):
            (FOLDER / name).unlink(missing_ok=True)
        for kind in HUB_KINDS:
            (FOLDER / f"{PLURALS[kind]}.yaml").write_text(text(kind), encoding="utf-8")
        return 0
    if arguments == ["--check"]:
        names = stale(FOLDER)
        for name in names:
            sys.stderr.write(f"crds/{name} is stale: run python -m fleet.api.crd --write\n")
        return 1 if names else 0
    sys.stderr.write("usage: python -m fleet.api.crd --write | --check\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
