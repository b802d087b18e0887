"""The few requests that a plane sends to its own API server, over TLS with the admin's certificate.

Contract: each method asks once and never waits for a change; the plane asks again until its deadline.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from bootstrap.local import servers
from bootstrap.local.authority import Pair

_PATIENCE = 5.0


class Door:
    """Requests to one API server on 127.0.0.1; a fresh connection each."""

    def __init__(self, port: int, ca: Path, client: Pair) -> None:
        """Trust `ca` only, and show the client's certificate."""
        self._port = port
        self._tls = ssl.create_default_context(cafile=str(ca))
        self._tls.load_cert_chain(client.certificate, client.key)

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> tuple[int, bytes]:
        """Status and body of the answer; OSError or HTTPException where there is none."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, timeout=_PATIENCE, context=self._tls
        )
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def holds(self, path: str) -> bool:
        """Whether a GET of this path answers 200 now."""
        try:
            return self.ask("GET", path)[0] == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def nodes_are_free(self) -> bool:
        """Delete the nodes' leases, for which a new kwok would wait 40 s; whether that was done."""
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        try:
            return self.ask("DELETE", path)[0] == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False

    def node_stands(self) -> bool:
        """Create the node that kwok plays; whether it exists now."""
        try:
            status, _ = self.ask("POST", "/api/v1/nodes", servers.node())
        except (OSError, http.client.HTTPException):
            return False
        return status in (HTTPStatus.CREATED, HTTPStatus.CONFLICT)

    def pod_would_run(self) -> bool:
        """Whether the node is ready and free of taints, and the account that Pods run as exists."""
        try:
            status, body = self.ask("GET", f"/api/v1/nodes/{servers.NODE}")
        except (OSError, http.client.HTTPException):
            return False
        if status != HTTPStatus.OK:
            return False
        node: Mapping[str, dict[str, list[dict[str, str]]]] = json.loads(body)
        conditions = node["status"].get("conditions", [])
        ready = any(seen["type"] == "Ready" and seen["status"] == "True" for seen in conditions)
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        return ready and not node["spec"].get("taints") and self.holds(account)
