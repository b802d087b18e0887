"""Which images the workloads of a target run, by the digests that the nodes took.

Contract: one list of Pods for each workload, by its namespace and selector, when somebody asks; nothing is kept.
Pods that end or have ended do not count. A digest is the one that the pod was given, else what `imageID` says behind the
`@`: the digest of what the registry gave, so that it can be pulled again. An id without repository names nothing that a
registry has, and one of another repository (a copy of the same content, or what was imported on the node) nothing that is
known to be in this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from fleet.kube import listing
from fleet.kube.request import Request, Send
from fleet.model import ObjectRef, Resource
from fleet.sync.scope import Placed

WORKLOADS: Final = frozenset(
    {("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("apps", "ReplicaSet")}
)
_PODS: Final = Resource("", "v1", "Pod", "pods", namespaced=True)
_OVER: Final = frozenset({"Succeeded", "Failed"})
_SECONDS: Final = 10.0
_DIGEST: Final = "@sha256:"
_DOCKER: Final = "docker.io/"


@dataclass(frozen=True, slots=True)
class Running:
    """One image of a workload, as ``pods`` of its pods run it.

    ``image`` is the name in the pod's spec; ``digest`` is empty where a node tells none, and ``pod`` is then one
    of these. ``since``: when the first of its containers that run now was started (RFC 3339, empty: none runs).
    """

    workload: ObjectRef
    image: str
    digest: str
    pods: int = 1
    since: str = ""
    pod: str = ""


async def read(send: Send, placed: Iterable[Placed]) -> tuple[Running, ...]:
    """The images of these workloads, sorted; a workload without pods has none. Raises what the door raises."""
    wanted = [one for one in placed if (one.ref.group, one.ref.kind) in WORKLOADS]
    found = await asyncio.gather(*(_workload(send, one) for one in wanted))
    return tuple(each for several in found for each in several)


async def _workload(send: Send, placed: Placed) -> tuple[Running, ...]:
    selector = selected(orjson.loads(placed.manifest.body))
    if not selector:
        return ()

    async def patient(request: Request) -> Any:
        return await send(replace(request, timeout=_SECONDS))

    found = await listing.read(patient, _PODS, placed.ref.namespace, selector=selector, whole=True)
    return fold(placed.ref, [item.object or {} for item in found.items])


def selected(body: Mapping[str, Any]) -> str:
    """A workload's selector as a query has it; empty where it selects nothing."""
    selector = (body.get("spec") or {}).get("selector") or {}
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or ():
        key, values = one.get("key", ""), ",".join(one.get("values") or ())
        words = {"Exists": key, "DoesNotExist": f"!{key}", "In": f"{key} in ({values})"}
        parts.append(words.get(one.get("operator", ""), f"{key} notin ({values})"))
    return ",".join(parts)


def fold(workload: ObjectRef, pods: Iterable[Mapping[str, Any]]) -> tuple[Running, ...]:
    """What some pods of a workload run, equal images with equal digests as one."""
    found: dict[tuple[str, str], Running] = {}
    for pod in pods:
        for key, one in {(one.image, one.digest): one for one in _pod(workload, pod)}.items():
            seen = found.get(key)
            if seen is None:
                found[key] = one
            else:
                since = min(filter(None, (seen.since, one.since)), default="")
                found[key] = replace(seen, pods=seen.pods + 1, since=since)
    return tuple(found[key] for key in sorted(found))


def _pod(workload: ObjectRef, pod: Mapping[str, Any]) -> Iterator[Running]:
    metadata, spec, status = pod.get("metadata") or {}, pod.get("spec") or {}, pod.get("status") or {}
    if metadata.get("deletionTimestamp") or status.get("phase") in _OVER:
        return
    told = {
        one.get("name"): one
        for key in ("containerStatuses", "initContainerStatuses")
        for one in status.get(key) or ()
    }
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        one = told.get(container.get("name")) or {}
        state = one.get("state") or {}
        since = (state.get("running") or state.get("terminated") or {}).get("startedAt") or ""
        image = str(container.get("image") or "")
        yield Running(
            workload,
            image,
            _digest(image, str(one.get("imageID") or "")),
            since=str(since),
            pod=str(metadata.get("name") or ""),
        )


def _digest(image: str, told: str) -> str:
    """By which digest a registry has what runs; empty where that is not known."""
    _, given, pinned = image.rpartition(_DIGEST)
    repository, at, digest = told.removeprefix("docker-pullable://").rpartition(_DIGEST)
    if told and given:
        return f"sha256:{pinned}"
    return f"sha256:{digest}" if at and _same(image, repository) else ""


def _same(image: str, repository: str) -> bool:
    """Whether a repository is the image's own, whose name may leave out the registry."""
    head, slash, last = image.partition("@")[0].rpartition("/")
    named = f"{head}{slash}{last.partition(':')[0]}"
    if named.startswith(_DOCKER):
        return repository in (named, f"{_DOCKER}library/{named.removeprefix(_DOCKER)}")
    return repository == named or repository.endswith(f"/{named}")
