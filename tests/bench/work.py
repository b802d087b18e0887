"""The work: A applications of K objects each, in files as people write them. Pure."""

from __future__ import annotations

from typing import Any, Final

import orjson

KINDS: Final = {
    "Deployment": "/apis/apps/v1/namespaces/{ns}/deployments",
    "Service": "/api/v1/namespaces/{ns}/services",
    "ServiceAccount": "/api/v1/namespaces/{ns}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{ns}/configmaps",
}


def objects(name: str, count: int, replicas: int = 1) -> list[dict[str, Any]]:
    """The first ``count`` of: Deployment, Service, ServiceAccount, then ConfigMaps."""
    labels = {"app": name}
    found: list[dict[str, Any]] = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "containers": [
                            {
                                "name": "web",
                                "image": "nginx:1.27",
                                "ports": [{"containerPort": 8080}],
                                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
                            }
                        ]
                    },
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": labels},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "labels": labels}},
    ]
    number = 0
    while len(found) < count:
        found.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"{name}-{number}", "labels": labels},
                "data": {"key": "value", "file.conf": "listen = 8080\nworkers = 4\n"},
            }
        )
        number += 1
    return found[:count]


def text(found: list[dict[str, Any]]) -> str:
    """Manifests as block YAML."""
    return "---\n".join(_yaml(one, 0) for one in found)


def _yaml(value: Any, depth: int) -> str:
    """Block YAML of maps, lists and scalars; strings that would read otherwise are quoted."""
    pad = "  " * depth
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines.append(f"{pad}{key}:\n{_yaml(item, depth + 1)}")
        elif isinstance(item, list):
            lines.append(f"{pad}{key}:\n")
            for entry in item:
                inner = _yaml(entry, depth + 2)
                lines.append(f"{pad}  - {inner.lstrip()}")
        else:
            lines.append(f"{pad}{key}: {_scalar(item)}\n")
    return "".join(lines)


def _scalar(item: Any) -> str:
    if isinstance(item, str) and item.replace("-", "").replace("/", "").isalnum() and not item[0].isdigit():
        return item
    return orjson.dumps(item).decode()
