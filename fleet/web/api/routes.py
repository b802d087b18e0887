"""The routes of the API: ``GET /api/v1/...`` with a bearer token, and ``POST /api/v1/query``.

``GET /commits/SHA`` answers 200 for a commit that nobody knows, too: "not seen yet" is what a pipeline waits for.
``query`` takes ``{"token": ..., "path": "/api/v1/..."}`` and answers as the GET of that path would. It is for
callers behind the API server's Service proxy, which takes the ``Authorization`` header for itself.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from fleet.model import ApplicationKey
from fleet.web import answers
from fleet.web.api import shape, token, traced

if TYPE_CHECKING:
    from fleet.web.api.provider import Provider
    from fleet.web.api.token import Supply

    # What makes the body, in a thread; None: there is no such thing.
    Make = Callable[[], dict[str, Any]] | None

PREFIX: Final = "/api/v1"

_NAME: Final = r"([a-z0-9@][a-z0-9.-]{0,252})"


def routes(provider: Provider, supply: Supply) -> list[web.RouteDef]:
    """Give the routes; ``supply`` yields the token that is right now."""

    async def read(request: web.Request) -> web.Response:
        if not token.accepts(supply, token.of_header(request.headers.get("Authorization", ""))):
            return _stranger()
        return await _look(provider, request.path)

    async def query(request: web.Request) -> web.Response:
        try:
            asked = json.loads(await request.read())
            given, path = asked["token"], asked["path"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return answers.refusal(400, "BadRequest", "the body must be JSON with token and path")
        if not isinstance(given, str) or not token.accepts(supply, given):
            return _stranger()
        return await _look(provider, path if isinstance(path, str) else "")

    return [web.post(f"{PREFIX}/query", query), web.get(PREFIX + "/{rest:.*}", read)]


async def _look(provider: Provider, path: str) -> web.Response:
    for pattern, find in _TABLE:
        found = pattern.fullmatch(path.removeprefix(PREFIX))
        if found is not None and path.startswith(PREFIX):
            make = find(provider, *found.groups())
            make = await make if isinstance(make, Awaitable) else make
            if make is None:
                return answers.refusal(404, "NotFound", "there is no such object on this hub")
            return answers.ready(await asyncio.to_thread(_encode, make))
    if path.startswith(f"{PREFIX}/commits/"):
        return answers.refusal(400, "BadRequest", "a commit is named by 7 to 64 hexadecimal digits")
    return answers.refusal(404, "NotFound", "there is no such path")


def _encode(make: Callable[[], dict[str, Any]]) -> bytes:
    return answers.encode(make())


def _stranger() -> web.Response:
    text = "the bearer token is missing or wrong; it is in the Secret fleethub-api"
    return answers.refusal(401, "Unauthorized", text, WWW_Authenticate="Bearer")


def _applications(provider: Provider) -> Make:
    return partial(shape.applications, tuple(provider.applications()), provider.now())


def _application(provider: Provider, namespace: str, name: str) -> Make:
    view = provider.traced(ApplicationKey(namespace, name))
    return None if view is None else partial(shape.application, view, provider.now())


def _resources(provider: Provider, namespace: str, name: str) -> Make:
    views = provider.resources(ApplicationKey(namespace, name))
    return None if views is None else partial(shape.resources, tuple(views))


async def _images(provider: Provider, namespace: str, name: str) -> Make:
    views = await provider.images(ApplicationKey(namespace, name))
    return None if views is None else partial(shape.images, tuple(views))


async def _commit(provider: Provider, name: str) -> Make:
    return partial(traced.body, await provider.commit(name.lower()))


def _clusters(provider: Provider) -> Make:
    return partial(shape.clusters, tuple(provider.clusters()), provider.now())


def _cluster(provider: Provider, name: str) -> Make:
    view = provider.cluster(name)
    return None if view is None else partial(shape.cluster, view, provider.now())


def _queue(provider: Provider) -> Make:
    return partial(shape.queue, tuple(provider.queue()))


def _rings(provider: Provider) -> Make:
    return partial(shape.rings, tuple(provider.rings()), dict(provider.unusable_keys()))


def _secrets(provider: Provider, namespace: str = "", name: str = "") -> Make:
    views = provider.secrets(ApplicationKey(namespace, name) if name else None)
    return None if views is None else partial(shape.secrets, tuple(views))


async def _vault(provider: Provider, project: str) -> Make:
    found = await provider.vault(project)
    return None if found is None else partial(shape.vault, tuple(found))


async def _doctor(provider: Provider, name: str) -> Make:
    found = await provider.doctor(name)
    return None if found is None else partial(shape.doctor, tuple(found))


_TABLE: Final[tuple[tuple[re.Pattern[str], Callable[..., Make | Awaitable[Make]]], ...]] = (
    (re.compile(r"/applications"), _applications),
    (re.compile(rf"/applications/{_NAME}/{_NAME}"), _application),
    (re.compile(rf"/applications/{_NAME}/{_NAME}/resources"), _resources),
    (re.compile(rf"/applications/{_NAME}/{_NAME}/images"), _images),
    (re.compile(r"/commits/([0-9a-fA-F]{7,64})"), _commit),
    (re.compile(r"/clusters"), _clusters),
    (re.compile(rf"/clusters/{_NAME}"), _cluster),
    (re.compile(rf"/clusters/{_NAME}/doctor"), _doctor),
    (re.compile(r"/queue"), _queue),
    (re.compile(r"/seal-keys"), _rings),
    (re.compile(r"/secrets"), _secrets),
    (re.compile(rf"/applications/{_NAME}/{_NAME}/secrets"), _secrets),
    (re.compile(rf"/projects/{_NAME}/vault"), _vault),
)
