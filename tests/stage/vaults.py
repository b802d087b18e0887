"""What a test keeps in OpenBao, and how a hub's Projects may read it."""

from __future__ import annotations

import base64
from typing import Any

from bootstrap.local.plane import Plane
from fleet import names
from tests.stage.openbao import OpenBao
from tests.stage.theatre import Theatre


def allow(bao: OpenBao, role: str, *paths: str, mount: str = "hubs", **more: Any) -> dict[str, Any]:
    """An entry of ``spec.vault.allow``."""
    return {
        "server": bao.url,
        "caData": base64.b64encode(bao.ca.encode()).decode(),
        "auth": {"method": "JWT", "mount": mount, "role": role},
        "paths": list(paths),
        **more,
    }


def trust(bao: OpenBao, theatre: Theatre, mount: str = "hubs") -> None:
    """Have OpenBao believe the tokens of the tests' hub, by the issuer's key."""
    believe(bao, theatre.planes.hub, mount)


def believe(bao: OpenBao, plane: Plane, mount: str = "hubs") -> None:
    """Have OpenBao believe the tokens of a plane."""
    public = plane.authority.signing_key("service-accounts").certificate.read_text()
    mounts = bao.root("GET", "sys/auth")["data"]
    if f"{mount}/" not in mounts:
        bao.root("POST", f"sys/auth/{mount}", {"type": "jwt"})
    issuer = {"jwt_validation_pubkeys": [public], "bound_issuer": plane.server}
    bao.root("POST", f"auth/{mount}/config", issuer)


def role(bao: OpenBao, name: str, account: str, *paths: str, mount: str = "hubs") -> None:
    """A role that the ServiceAccount of a Project may have, and what it reads."""
    bao.policy(name, *paths)
    bao.root(
        "POST",
        f"auth/{mount}/role/{name}",
        {
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_audiences": ["vault"],
            "bound_subject": f"system:serviceaccount:{names.HUB_NAMESPACE}:{account}",
            "token_policies": name,
            "token_ttl": "1h",
        },
    )


async def account(theatre: Theatre, name: str) -> None:
    """The ServiceAccount by which Vault knows a Project."""
    metadata = {"name": name, "namespace": names.HUB_NAMESPACE}
    await theatre.api.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
