"""Kubeconfigs and Secrets as the functions under test get them. All credentials are invented."""

from __future__ import annotations

import base64
import json
from typing import Any

SERVER = "https://eu-1.example:6443"
CANARY = "hunter2"
PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
KEY = b"-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----\n"

Body = dict[str, Any]


def coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def kubeconfig(cluster: Body | None = None, user: Body | None = None, **whole: Any) -> Body:
    """A kubeconfig with a token; ``cluster`` adds to the cluster, ``user`` replaces the user."""
    entry = {"server": SERVER, "certificate-authority-data": coded(PEM), **(cluster or {})}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": entry}],
        "users": [{"name": "u", "user": {"token": CANARY} if user is None else user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        **whole,
    }


def written(body: Body) -> bytes:
    return json.dumps(body).encode()


def secret(name: str = "eu-1", /, *, metadata: Body | None = None, **data: bytes | str) -> Body:
    """A Secret of the hub's namespace; underscores of keys stand for dots."""
    held = {key: value.encode() if isinstance(value, str) else value for key, value in data.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "fleethub", **(metadata or {})},
        "data": {key.replace("_", "."): coded(value) for key, value in held.items()},
    }


def argo(config: Body | None = None, *, name: str = "eu-1", server: str = SERVER) -> dict[str, Any]:
    """The data of Argo CD's form."""
    whole = config if config is not None else {"bearerToken": CANARY}
    return {"name": name, "server": server, "config": json.dumps(whole)}
