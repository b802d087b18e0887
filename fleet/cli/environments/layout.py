"""What lies in a commit of a repository by environment: the declared environments, and the Applications of each.

Contract: an application is named by its file's path below ``environments/NAME/``, without ending, the same in each
environment. Other files in there are none of its business. CliError for what is missing or not as it must be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleet import names
from fleet.api.parse import parse
from fleet.cli.environments import declared
from fleet.cli.environments.declared import Environment
from fleet.cli.environments.repository import Repository
from fleet.cli.errors import CliError
from fleet.documents import read
from fleet.errors import InvalidObject

_ENDING: Final = re.compile(r"\.ya?ml\Z")
_KIND: Final = re.compile(rb"^\s*\"?kind\"?:\s*[\"']?Application\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class File:
    """One application's file in one environment; ``document`` is the place of its Application in it."""

    path: str
    data: bytes = field(repr=False)
    document: int
    namespace: str
    name: str
    spec: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """A commit: environments in their order, and files by application and environment."""

    commit: str
    environments: tuple[Environment, ...]
    applications: Mapping[str, Mapping[str, File]]

    def file(self, app: str, environment: str) -> File:
        """Give an application's file in an environment. CliError where there is none."""
        found = self.applications.get(app, {}).get(environment)
        if found is None:
            raise CliError(
                f"there is no {declared.FOLDER}/{environment}/{app}.yaml with an Application",
                hint="An application is named by its file below the environment's folder, without ending",
            )
        return found


def load(repository: Repository, branch: str) -> Layout:
    """Give what lies on the remote's branch now. Raises CliError."""
    commit = repository.fetch(branch)
    if not commit:
        raise CliError(f"{repository.remote} has no branch {branch}", hint="Give --base BRANCH")
    return at(repository, commit)


def at(repository: Repository, commit: str) -> Layout:
    """Give what lies in a commit. Raises CliError."""
    (content,) = repository.read(commit, [declared.FILE])
    if content is None:
        raise CliError(
            f"the repository has no {declared.FILE}", hint="'fleethub init' writes one, to begin with"
        )
    environments = declared.environments(content)
    found: dict[str, dict[str, File]] = {}
    known: dict[tuple[str, str], str] = {}
    for environment in environments:
        paths = repository.files(commit, environment.folder)
        if not paths:
            raise CliError(
                f"{declared.FILE}: environment {environment.name}: its folder {environment.folder} is missing or empty",
                hint="Commit it, or take the environment out",
            )
        wanted = [path for path in paths if _ENDING.search(path)]
        for path, data in zip(wanted, repository.read(commit, wanted), strict=True):
            file = _file(path, data) if data is not None and _KIND.search(data) else None
            if file is not None:
                app = _ENDING.sub("", path.removeprefix(f"{environment.folder}/"))
                # What one runs would be told of the other.
                other = known.setdefault((file.namespace, file.name), path)
                if other != path:
                    raise CliError(
                        f"{other} and {path} are both Application {file.namespace}/{file.name}",
                        hint="Give each its own metadata.name",
                    )
                if environment.name in found.get(app, {}):
                    raise CliError(f"{environment.folder} has {app} twice, as .yaml and as .yml")
                found.setdefault(app, {})[environment.name] = file
    return Layout(commit, environments, dict(sorted(found.items())))


def _file(path: str, data: bytes) -> File | None:
    documents = read.read(data, path=path)
    if documents.faults:
        raise CliError(documents.faults[0].text)
    held = [
        (index, one)
        for index, one in enumerate(documents.items)
        if one.value.get("kind") == names.APPLICATION and one.value.get("apiVersion") == names.API_VERSION
    ]
    if not held:
        return None
    if len(held) > 1:
        raise CliError(f"{path} holds more than one Application", hint="Give each a file of its own")
    index, one = held[0]
    metadata = {"namespace": names.HUB_NAMESPACE, **(one.value.get("metadata") or {})}
    try:
        made = parse("Application", {**one.value, "metadata": metadata})
    except InvalidObject as error:
        raise CliError(f"{path}, line {one.line}: {error.text}") from None
    return File(path, data, index, made.metadata.namespace, made.metadata.name, one.value["spec"])
