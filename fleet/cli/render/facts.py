"""For which cluster is rendered: facts of a file, or of a Cluster on the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fleet.cli.errors import WRONG_USE, CliError
from fleet.documents.read import read
from fleet.facts import Facts
from fleet.model import Parameters

if TYPE_CHECKING:
    from fleet.cli.options import Hub

LOCAL: Final = "local"
_FIELDS: Final = ("name", "labels", "annotations", "version", "apiVersions")


def of_file(path: Path) -> tuple[Facts, Parameters]:
    """The facts in a YAML or JSON file: ``name labels annotations version apiVersions``. CliError for any other."""
    try:
        documents = read(path.read_bytes(), path=str(path))
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", code=WRONG_USE) from None
    if documents.faults or len(documents.items) != 1:
        told = documents.faults[0].text if documents.faults else f"{path} holds no facts"
        raise CliError(told, hint=f"A mapping of {', '.join(_FIELDS)}", code=WRONG_USE)
    value = documents.items[0].value
    unknown = sorted(set(value) - set(_FIELDS))
    if unknown:
        raise CliError(
            f"{path}: unknown fact {unknown[0]}", hint=f"There are {', '.join(_FIELDS)}", code=WRONG_USE
        )
    labels, annotations = _texts(value, "labels", path), _texts(value, "annotations", path)
    version = str(value.get("version") or "")
    facts = Facts(str(value.get("name") or LOCAL), labels, annotations, version)
    return facts, serving(version, tuple(map(str, value.get("apiVersions") or ())))


def of_cluster(hub: Hub, name: str) -> tuple[Facts, Parameters]:
    """The facts of a Cluster of the hub."""
    from fleet import names  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.session import Session, run  # noqa: PLC0415

    async def verb(session: Session) -> dict[str, Any]:
        return await objects.get(session.send, objects.At(names.CLUSTER, hub.hub_namespace, name))

    body = run(verb, hub)
    metadata = body["metadata"]
    version = str((body.get("status") or {}).get("version") or "")
    facts = Facts(name, metadata.get("labels") or {}, metadata.get("annotations") or {}, version)
    return facts, serving(version, ())


def serving(version: str, api_versions: tuple[str, ...]) -> Parameters:
    """What a chart is told of the cluster; empty: what Helm itself takes for granted."""
    if not version and not api_versions:
        return Parameters()
    text = "\0".join((version, *api_versions))
    return Parameters(version, api_versions, hashlib.sha256(text.encode()).hexdigest())


def _texts(value: Mapping[str, Any], field: str, path: Path) -> dict[str, str]:
    found = value.get(field) or {}
    if not isinstance(found, Mapping) or not all(isinstance(one, str) for one in found.values()):
        raise CliError(f"{path}: {field} is no mapping of strings", hint="Quote the values", code=WRONG_USE)
    return dict(found)
