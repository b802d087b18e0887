"""Making a namespace that is missing.

Contract: the namespace is no member of any set: a plain create without label, which nobody prunes.
"""

from __future__ import annotations

import orjson

from fleet import names
from fleet.errors import Conflict, NotReady
from fleet.kube import paths
from fleet.kube.request import METADATA_ACCEPT, Request, Send
from fleet.model import ObjectRef, Resource
from fleet.sync import existing

RESOURCE = Resource("", "v1", "Namespace", "namespaces", namespaced=False)


async def ensure(send: Send, name: str) -> bool:
    """Create it if it is missing; whether it was. Raises NotReady (transient) while it terminates."""
    ref = ObjectRef("", "Namespace", "", name)
    meta = await existing.read(send, RESOURCE, ref)
    if meta is None:
        body = orjson.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        path = paths.collection_path(RESOURCE, None)
        query = (("fieldManager", names.FIELD_MANAGER),)
        try:
            await send(Request("POST", path, query=query, body=body, accept=METADATA_ACCEPT, ref=ref))
        except Conflict:
            return False
        return True
    if meta.deleting:
        raise NotReady(f"namespace {name} is being removed", ref=ref)
    return False
