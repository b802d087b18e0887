"""The key of digests that are written to a member lives on that member (H19).

Contract: made once, beside the parents, and read at every connect; so a hub built anew computes the same
digests, and no workload restarts for a lost hub.
"""

from __future__ import annotations

import base64
import secrets

import orjson

from fleet import names
from fleet.errors import Conflict, KubeconfigInvalid, NotFound
from fleet.kube.request import Request, Send

SIZE = 32
_FIELD = "key"


async def read(send: Send, namespace: str) -> bytes:
    """The member's key; made where there is none."""
    path = f"/api/v1/namespaces/{namespace}/secrets"
    for _ in range(2):
        try:
            answer = await send(Request("GET", f"{path}/{names.DIGEST_KEY_SECRET}"))
        except NotFound:
            try:
                answer = await send(Request("POST", path, body=_secret(namespace)))
            except Conflict:
                continue
        return _key(answer.body, namespace)
    raise KubeconfigInvalid(f"Secret {namespace}/{names.DIGEST_KEY_SECRET} appears and vanishes")


def _key(body: bytes, namespace: str) -> bytes:
    data = orjson.loads(body).get("data") or {}
    try:
        key = base64.b64decode(data.get(_FIELD, ""), validate=True)
    except ValueError:
        key = b""
    if len(key) < SIZE:
        raise KubeconfigInvalid(
            f"Secret {namespace}/{names.DIGEST_KEY_SECRET} holds no key of {SIZE} bytes; delete it to have it made anew"
        )
    return key


def _secret(namespace: str) -> bytes:
    key = base64.b64encode(secrets.token_bytes(SIZE)).decode()
    return orjson.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": names.DIGEST_KEY_SECRET, "namespace": namespace},
            "type": "Opaque",
            "data": {_FIELD: key},
        }
    )
