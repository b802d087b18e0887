"""All objects of a kind, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from fleet.errors import Expired
from fleet.kube import decode
from fleet.kube.paths import also, collection_path
from fleet.kube.request import JSON, METADATA_LIST_ACCEPT, Request, Send
from fleet.model import Lane, Resource

PAGE = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """A complete list and the version to watch from."""

    items: tuple[decode.Item, ...]
    version: str


async def read(
    send: Send,
    resource: Resource,
    namespace: str | None,
    *,
    selector: str = "",
    whole: bool = False,
    name: str = "",
) -> Listing:
    """The complete list as of one moment; pages of 500, or all at once where pages expired on the way."""
    query = selected(selector, name)
    accept = JSON if whole else METADATA_LIST_ACCEPT
    first = Request(
        "GET", collection_path(resource, namespace), query=query, accept=accept, lane=Lane.COLD, timeout=60.0
    )
    try:
        return await _pages(send, also(first, ("limit", str(PAGE))), resource, whole=whole)
    except Expired:
        answer = await send(first)
        page = decode.page(answer.body, resource, whole=whole)
        return Listing(page.items, page.version)


def selected(selector: str, name: str) -> tuple[tuple[str, str], ...]:
    """The query of a label selector and of one object's name, where they are given."""
    labels = (("labelSelector", selector),) if selector else ()
    return (*labels, ("fieldSelector", f"metadata.name={name}")) if name else labels


async def _pages(send: Send, first: Request, resource: Resource, *, whole: bool) -> Listing:
    items: list[decode.Item] = []
    request = first
    while True:
        page = decode.page((await send(request)).body, resource, whole=whole)
        items += page.items
        if not page.rest:
            return Listing(tuple(items), page.version)
        request = also(first, ("continue", page.rest))
