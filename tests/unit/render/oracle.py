"""Renders through the real, confined programs, beside the bare programs on the same files: the oracle."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from bootstrap.local import binaries
from fleet.documents.limits import Limits
from fleet.documents.read import read
from fleet.model import Parameters, Rendered, Revision
from fleet.render.cache import RenderCache
from fleet.render.confine.confinement import Confinement
from fleet.render.ground import NOTHING, RemoteChart, RemoteFolder, Trees
from fleet.render.render import Tools, rendered
from fleet.render.renderer import Renderers
from fleet.render.source import Source
from tests.unit.render.render_repository import URL, Link, Repository

Files = Mapping[str, str | bytes]
LARGE = Limits(size=64 << 20, documents=20_000, nodes=5_000_000)


class Bench:
    """One confinement and one cache for a module's tests."""

    def __init__(self) -> None:
        self.confinement = Confinement((binaries.folder(), binaries.built()))
        self.confinement.start()
        self.cache = RenderCache()

    def close(self) -> None:
        self.confinement.stop()

    def render(
        self,
        files: Files,
        source: Source,
        *,
        parameters: Parameters | None = None,
        refs: Mapping[str, Files] = NOTHING,
        folders: Mapping[RemoteFolder, Files] = NOTHING,
        charts: Mapping[RemoteChart, Any] = NOTHING,
        allowed: frozenset[str] = frozenset(),
    ) -> Rendered:
        ground = Trees(
            Repository(dict(files)).tree(),
            refs={name: Repository(dict(one)).tree() for name, one in refs.items()},
            folders={name: Repository(dict(one)).tree() for name, one in folders.items()},
            charts=charts,
        )
        tools = Tools(self.cache, Renderers(allowed))
        return rendered(source, ground, parameters or Parameters(), tools, self.confinement.confined())


def source(path: str, **options: Any) -> Source:
    return Source(URL, Revision(URL, "c" * 40), path, name="web", namespace="shop", **options)


def objects(made: Rendered) -> list[dict[str, Any]]:
    assert not made.faults, made.faults
    return sorted((orjson.loads(one.body) for one in made.manifests), key=_key)


def lay(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(str(content))
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def kustomize(folder: Path, path: str, *flags: str) -> list[dict[str, Any]]:
    """What the bare program makes."""
    return _run([str(binaries.kubectl()), "kustomize", path, *flags], folder)


def helm(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """What the bare program makes."""
    return _run([str(binaries.built() / "helm-v4.3.1"), "template", *arguments], folder)


def _run(command: list[str], folder: Path) -> list[dict[str, Any]]:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    documents = read(done.stdout, path="oracle", limits=LARGE)
    assert not documents.faults
    return sorted(_objects(one.value for one in documents.items), key=_key)


def _objects(values: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for value in values:
        if value.get("kind") == "List":
            yield from value["items"]
        else:
            yield json.loads(json.dumps(value))


def _key(value: dict[str, Any]) -> tuple[str, str, str]:
    metadata = value["metadata"]
    return value["kind"], metadata.get("namespace", ""), metadata["name"]
