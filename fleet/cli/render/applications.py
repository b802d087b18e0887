"""Which Applications are rendered: one made of the options, one of a file, or all that an app of apps holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from fleet import names
from fleet.api.parse import parse
from fleet.cli.errors import WRONG_USE, CliError
from fleet.documents.read import read
from fleet.errors import FleetError, InvalidObject

if TYPE_CHECKING:
    from fleet.api.application import Application
    from fleet.model import Rendered


def of_path(url: str, path: str, namespace: str) -> Application:
    """An Application of one folder."""
    body: dict[str, Any] = {
        "apiVersion": names.API_VERSION,
        "kind": names.APPLICATION,
        "metadata": {"name": _name(path), "namespace": names.HUB_NAMESPACE},
        "spec": {"source": {"repoURL": url, "path": path}, "placement": {"clusterSelector": {}}},
    }
    if namespace:
        body["spec"]["namespace"] = namespace
    try:
        return _application(body)
    except InvalidObject as error:
        raise CliError(error.text, code=WRONG_USE) from None


def of_file(path: Path) -> Iterator[Application]:
    """The Applications in a file, in order. CliError for what is none, naming file and line."""
    try:
        documents = read(path.read_bytes(), path=str(path))
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", code=WRONG_USE) from None
    if documents.faults:
        raise CliError(documents.faults[0].text)
    found = [one for one in documents.items if one.value.get("kind") == names.APPLICATION]
    if not found:
        raise CliError(f"{path} holds no Application", code=WRONG_USE)
    for one in found:
        try:
            yield _application(one.value)
        except InvalidObject as error:
            raise CliError(f"{path}, document {one.index + 1}, line {one.line}: {error.text}") from None


def held(rendered: Rendered) -> Iterator[tuple[str, Application | FleetError]]:
    """The Applications that an app of apps renders to, with the file of each; what is none is its error."""
    for manifest in rendered.manifests:
        if manifest.ref.kind == names.APPLICATION and manifest.ref.group == names.GROUP:
            try:
                yield manifest.origin.path, _application(orjson.loads(manifest.body))
            except InvalidObject as error:
                yield manifest.origin.path, error


def is_root(application: Application) -> bool:
    """Whether it is an app of apps."""
    placement = application.spec.placement
    return placement is not None and placement.hub


def _application(body: Mapping[str, Any]) -> Application:
    metadata = {"namespace": names.HUB_NAMESPACE, **(body.get("metadata") or {})}
    return parse("Application", {**body, "metadata": metadata})


def _name(path: str) -> str:
    words = [word for word in path.lower().split("/") if word not in ("", ".")]
    name = "".join(each if each.isalnum() or each == "-" else "-" for each in (words[-1] if words else "app"))
    return name.strip("-") or "app"
