"""A mutating webhook that does to Pods what the documentation of Vault's Agent Injector says it does.

Source: developer.hashicorp.com/vault/docs/platform/k8s/injector. On creation and update of a Pod with the
annotation ``vault.hashicorp.com/agent-inject: "true"`` it adds an init container and a sidecar that hold the agent,
a volume in memory that every container mounts at /vault/secrets, volumes for the agents' homes, and an annotation
that says so. A Pod that says it was injected is left as it is.
"""

from __future__ import annotations

import base64
import http.server
import json
import ssl
import threading
from pathlib import PurePosixPath
from typing import Any, Self

from bootstrap.local.authority import Authority

INJECT = "vault.hashicorp.com/agent-inject"
STATUS = "vault.hashicorp.com/agent-inject-status"
HOME = str(PurePosixPath("/home") / "vault")  # of the agent's image
SECRETS = {"name": "vault-secrets", "mountPath": "/vault/secrets"}


class Injector:
    """Serves on loopback; ``seen`` are operation and kind of all that it was asked about."""

    def __init__(self, authority: Authority) -> None:
        pair = authority.server("injector")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        self._ca = authority.data
        self.seen: list[tuple[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                content = json.dumps(outer._answer(review["request"])).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    def configuration(self, name: str, namespace: str) -> dict[str, Any]:
        """The object that has an API server ask for the Pods of one namespace."""
        rule = {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"]}
        hook = {
            "name": "vault.hashicorp.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "clientConfig": {
                "url": f"https://127.0.0.1:{self._server.server_port}/mutate",
                "caBundle": self._ca,
            },
            "rules": [{**rule, "resources": ["pods"], "scope": "Namespaced"}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [hook],
        }

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        self.seen.append((request["operation"], request["kind"]["kind"]))
        response: dict[str, Any] = {"uid": request["uid"], "allowed": True}
        notes = request["object"]["metadata"].get("annotations") or {}
        if notes.get(INJECT) == "true" and notes.get(STATUS) != "injected":
            patch = json.dumps(_patch(request["object"])).encode()
            response |= {"patchType": "JSONPatch", "patch": base64.b64encode(patch).decode()}
        return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _patch(pod: dict[str, Any]) -> list[dict[str, Any]]:
    spec = pod["spec"]
    volumes = [
        {"name": name, "emptyDir": {"medium": "Memory"}}
        for name in ("home-init", "home-sidecar", "vault-secrets")
    ]
    steps: list[dict[str, Any]] = [
        _put("/spec/volumes", [*(spec.get("volumes") or ()), *volumes]),
        _put(
            "/spec/initContainers",
            [*(spec.get("initContainers") or ()), _agent("vault-agent-init", "home-init")],
        ),
    ]
    for number, container in enumerate(spec["containers"]):
        mounts = [*(container.get("volumeMounts") or ()), SECRETS]
        steps.append(_put(f"/spec/containers/{number}/volumeMounts", mounts))
    steps.append(_put("/spec/containers/-", _agent("vault-agent", "home-sidecar")))
    steps.append(_put(f"/metadata/annotations/{STATUS.replace('/', '~1')}", "injected"))
    return steps


def _put(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def _agent(name: str, home: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": "hashicorp/vault:1.21",
        "command": ["/bin/sh", "-ec"],
        "args": [f"vault agent -config={HOME}/config.json"],
        "env": [
            {"name": "VAULT_LOG_LEVEL", "value": "info"},
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "VAULT_CONFIG", "value": "eyJhdXRvX2F1dGgiOnt9fQ=="},
        ],
        "resources": {
            "limits": {"cpu": "500m", "memory": "128Mi"},
            "requests": {"cpu": "250m", "memory": "64Mi"},
        },
        "securityContext": {
            "runAsUser": 100,
            "runAsGroup": 1000,
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": home, "mountPath": HOME}, SECRETS],
    }
