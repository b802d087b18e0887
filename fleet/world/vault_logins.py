"""What the hub logs in to Vault with: tokens of ServiceAccounts of its namespace, and secret ids of AppRoles.

Contract: nothing is kept; each is asked for when somebody logs in. Raises FleetError, in words without content.
"""

from __future__ import annotations

import base64
from typing import Final

import orjson

from fleet import names
from fleet.errors import FleetError, NotFound
from fleet.kube.client import Door
from fleet.kube.request import JSON, Request

LIFETIME: Final = 600  # seconds, the shortest that an API server gives
SECRET_ID: Final = "secret-id"  # noqa: S105 (a key of a Secret's data)


class LoginUnusable(FleetError):
    """A Project's ServiceAccount or the Secret of its AppRole is not there, or cannot be used."""

    reason = "VaultLoginUnusable"


class VaultLogins:
    """See the module. ``namespace`` is the hub's own."""

    def __init__(self, door: Door, namespace: str) -> None:
        self._door = door
        self._namespace = namespace

    async def token(self, account: str, audience: str) -> str:
        """A token of a ServiceAccount for an audience."""
        path = f"/api/v1/namespaces/{self._namespace}/serviceaccounts/{account}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience] if audience else [], "expirationSeconds": LIFETIME},
        }
        try:
            answer = await self._door.send(Request("POST", path, body=orjson.dumps(body), accept=JSON))
        except NotFound:
            raise LoginUnusable(
                f"ServiceAccount {self._namespace}/{account} does not exist: it is who the Project is to Vault; "
                f"'kubectl create serviceaccount -n {self._namespace} {account}' makes it"
            ) from None
        return str(orjson.loads(answer.body)["status"]["token"])

    async def secret_id(self, secret: str) -> str:
        """The secret id that a Secret holds."""
        where = f"Secret {self._namespace}/{secret}"
        try:
            answer = await self._door.send(
                Request("GET", f"/api/v1/namespaces/{self._namespace}/secrets/{secret}", accept=JSON)
            )
        except NotFound:
            raise LoginUnusable(f"{where} does not exist: it is to hold the AppRole's secret id") from None
        body = orjson.loads(answer.body)
        if (body["metadata"].get("labels") or {}).get(names.SECRET_TYPE) != names.SECRET_APPROLE:
            raise LoginUnusable(
                f"{where} holds no secret id: the label {names.SECRET_TYPE}: {names.SECRET_APPROLE} says that it does"
            )
        try:
            found = (
                base64.b64decode((body.get("data") or {}).get(SECRET_ID, ""), validate=True).decode().strip()
            )
        except ValueError:
            found = ""
        if not found:
            raise LoginUnusable(f"{where} has no {SECRET_ID}")
        return found
