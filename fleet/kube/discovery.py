"""What an API server serves.

Contract: three requests where the server aggregates discovery (Kubernetes 1.26 and later), one a group and
version where it does not. A group whose own server did not answer is in ``stale``, never just missing (H2):
without that, its kinds would seem to be gone. Of several versions the server's preferred one comes first.
Source: KEP-3352 (APIGroupDiscoveryList), apimachinery's version priority for CRDs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from fleet.errors import ApiError, ServerFailed
from fleet.kube.request import Request, Send
from fleet.model import Discovery, GroupKind, Resource

_AGGREGATED: Final = ",".join(
    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    for version in ("v2", "v2beta1")
)
_ACCEPT: Final = f"{_AGGREGATED},application/json"
_CRD_VERBS: Final = frozenset(
    {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
)
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_T = TypeVar("_T")
_STABILITY: Final = {None: 2, "beta": 1, "alpha": 0}


class _Kind(msgspec.Struct):
    kind: str = ""


class _Served(msgspec.Struct):
    resource: str
    scope: str = "Namespaced"
    verbs: list[str] = []
    responseKind: _Kind | None = None  # noqa: N815 (the server's name)


class _Version(msgspec.Struct):
    version: str
    resources: list[_Served] | None = None
    freshness: str = "Current"


class _GroupName(msgspec.Struct):
    name: str = ""


class _Group(msgspec.Struct):
    metadata: _GroupName = msgspec.field(default_factory=_GroupName)
    versions: list[_Version] | None = None


class _Groups(msgspec.Struct):
    kind: str = ""
    items: list[_Group] | None = None


class _LegacyVersion(msgspec.Struct):
    version: str


class _LegacyGroup(msgspec.Struct):
    name: str
    versions: list[_LegacyVersion]
    preferredVersion: _LegacyVersion | None = None  # noqa: N815 (the server's name)


class _Legacy(msgspec.Struct):
    versions: list[str] = []
    groups: list[_LegacyGroup] = []


class _LegacyResource(msgspec.Struct):
    name: str
    namespaced: bool
    kind: str
    verbs: list[str] = []


class _LegacyResources(msgspec.Struct):
    resources: list[_LegacyResource] = []


class _ServerVersion(msgspec.Struct):
    gitVersion: str = ""  # noqa: N815 (the server's name)


async def read(send: Send) -> Discovery:
    """All kinds that the server serves; raises what ``send`` raises."""
    asked = [Request("GET", "/api", accept=_ACCEPT), Request("GET", "/apis", accept=_ACCEPT)]
    answers = await asyncio.gather(
        *(send(request) for request in [*asked, Request("GET", "/version")]), return_exceptions=True
    )
    bodies: list[bytes] = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        bodies.append(answer.body)
    core, named, version = bodies
    git_version = _read(version, _ServerVersion).gitVersion[:64]
    lists = [_read(core, _Groups), _read(named, _Groups)]
    if all(each.kind == "APIGroupDiscoveryList" for each in lists):
        groups = [group for each in lists for group in each.items or ()]
        stale = {
            group.metadata.name
            for group in groups
            if any(each.freshness != "Current" for each in group.versions or ())
        }
        return Discovery(_index(_aggregated(groups)), frozenset(stale), git_version)
    resources, unanswered = await _legacy(send, _read(core, _Legacy), _read(named, _Legacy))
    return Discovery(_index(resources), unanswered, git_version)


def from_crd(body: Mapping[str, Any]) -> tuple[Resource, ...]:
    """The kinds that a CustomResourceDefinition will serve, ordered as by the server; () if it is none."""
    try:
        spec = body["spec"]
        group, kind, plural = str(spec["group"]), str(spec["names"]["kind"]), str(spec["names"]["plural"])
        versions = [str(each["name"]) for each in spec["versions"] if each.get("served", True)]
        namespaced = spec["scope"] == "Namespaced"
    except (KeyError, TypeError, AttributeError):
        return ()
    versions.sort(key=_priority)
    return tuple(Resource(group, version, kind, plural, namespaced, _CRD_VERBS) for version in versions)


def _priority(version: str) -> tuple[object, ...]:
    found = _VERSION.fullmatch(version)
    if found is None:
        return (1, 0, 0, 0, version)
    return (0, -_STABILITY[found[2]], -int(found[1]), -int(found[3] or 0), version)


def _aggregated(groups: Iterable[_Group]) -> Iterable[Resource]:
    for group in groups:
        for version in group.versions or ():
            for served in version.resources or ():
                if served.responseKind is not None and served.responseKind.kind:
                    yield Resource(
                        group.metadata.name,
                        version.version,
                        served.responseKind.kind,
                        served.resource,
                        served.scope == "Namespaced",
                        frozenset(served.verbs),
                    )


async def _legacy(send: Send, core: _Legacy, named: _Legacy) -> tuple[list[Resource], frozenset[str]]:
    places = [("", version, f"/api/{version}") for version in core.versions]
    for group in named.groups:
        versions = [each.version for each in group.versions]
        if group.preferredVersion is not None:
            preferred = group.preferredVersion.version
            versions.sort(key=lambda version, preferred=preferred: version != preferred)  # type: ignore[misc]
        places += [(group.name, version, f"/apis/{group.name}/{version}") for version in versions]
    resources: list[Resource] = []
    stale: set[str] = set()
    for group_name, version, path in places:
        try:
            answer = await send(Request("GET", path))
        except ApiError:
            stale.add(group_name)
            continue
        resources += [
            Resource(group_name, version, each.kind, each.name, each.namespaced, frozenset(each.verbs))
            for each in _read(answer.body, _LegacyResources).resources
            if "/" not in each.name
        ]
    return resources, frozenset(stale)


def _index(resources: Iterable[Resource]) -> Mapping[GroupKind, tuple[Resource, ...]]:
    kinds: dict[GroupKind, tuple[Resource, ...]] = {}
    for resource in resources:
        key = GroupKind(resource.group, resource.kind)
        kinds[key] = (*kinds.get(key, ()), resource)
    return kinds


def _read(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        raise ServerFailed("discovery does not read", status=200, word="Unreadable") from None
