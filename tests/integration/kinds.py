"""The kinds that decision D2 was probed for: what each is made of, and what a person then changes of it."""

from __future__ import annotations

from typing import Any

POD: dict[str, Any] = {
    "containers": [
        {
            "name": "zeta",
            "image": "i",
            "env": [{"name": "B", "value": "1"}, {"name": "A", "value": "2"}],
            "ports": [
                {"containerPort": 8080},
                {"containerPort": 80},
                {"containerPort": 9, "protocol": "UDP"},
            ],
        },
        {"name": "alpha", "image": "j", "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
    ],
    "volumes": [{"name": "v", "emptyDir": {}}],
}
TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"app": "a"}, "annotations": {"x.y/z": "1"}}, "spec": POD}
SELECTOR = {"matchLabels": {"app": "a"}}
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
SIZED = {"requests": {"storage": "1Gi"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "size": {"type": "integer"},
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            },
        }
    },
}
# apiVersion, content, edit
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "Deployment": (
        "apps/v1",
        {"spec": {"replicas": 2, "selector": SELECTOR, "template": TEMPLATE}},
        {"spec": {"replicas": 5}},
    ),
    "StatefulSet": (
        "apps/v1",
        {"spec": {"serviceName": "s", "replicas": 1, "selector": SELECTOR, "template": TEMPLATE}},
        {"spec": {"replicas": 5}},
    ),
    "DaemonSet": (
        "apps/v1",
        {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
        {"spec": {"template": {"metadata": {"annotations": {"x.y/z": "2"}}}}},
    ),
    "Service": (
        "v1",
        {
            "spec": {
                "selector": {"app": "a"},
                "ports": [{"name": "b", "port": 443}, {"name": "a", "port": 80}],
            }
        },
        {"spec": {"selector": {"app": "b"}}},
    ),
    "ConfigMap": ("v1", {"data": {"b": "1", "a": "2", "A.z": "3"}}, {"data": {"a": "9"}}),
    "Secret": ("v1", {"data": {"b": "YQ==", "a": "YQ=="}}, {"data": {"a": None}}),
    "ServiceAccount": (
        "v1",
        {"imagePullSecrets": [{"name": "b"}], "automountServiceAccountToken": False},
        {"automountServiceAccountToken": True},
    ),
    "Role": ("rbac.authorization.k8s.io/v1", {"rules": RULES}, {"rules": []}),
    "ClusterRole": ("rbac.authorization.k8s.io/v1", {"rules": RULES}, {"rules": []}),
    "Ingress": (
        "networking.k8s.io/v1",
        {
            "spec": {
                "ingressClassName": "x",
                "defaultBackend": {"service": {"name": "s", "port": {"number": 80}}},
            }
        },
        {"spec": {"ingressClassName": "y"}},
    ),
    "HorizontalPodAutoscaler": (
        "autoscaling/v2",
        {
            "spec": {
                "maxReplicas": 3,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "absent"},
            }
        },
        {"spec": {"maxReplicas": 4}},
    ),
    "CronJob": (
        "batch/v1",
        {
            "spec": {
                "schedule": "0 0 1 1 *",
                "jobTemplate": {"spec": {"template": {"spec": {**POD, "restartPolicy": "Never"}}}},
            }
        },
        {"spec": {"schedule": "0 0 2 1 *"}},
    ),
    "PodDisruptionBudget": (
        "policy/v1",
        {"spec": {"minAvailable": 1, "selector": SELECTOR}},
        {"spec": {"minAvailable": 2}},
    ),
    "Namespace": (
        "v1",
        {"metadata": {"annotations": {"a.b/c": "1"}}},
        {"metadata": {"annotations": {"a.b/c": "2"}}},
    ),
    "PersistentVolumeClaim": (
        "v1",
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": SIZED, "storageClassName": "x"}},
        {"metadata": {"labels": {"team": None}}},
    ),
    "CustomResourceDefinition": (
        "apiextensions.k8s.io/v1",
        {
            "spec": {
                "group": "kinds.test",
                "names": {
                    "kind": "Widget",
                    "plural": "widgets",
                    "singular": "widget",
                    "listKind": "WidgetList",
                },
                "scope": "Namespaced",
                "versions": [
                    {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": SCHEMA}}
                ],
            }
        },
        {"metadata": {"labels": {"team": "other"}}},
    ),
    "Widget": (
        "kinds.test/v1",
        {"spec": {"size": 3, "tags": ["b", "a", "10", "9"], "free": {"B": 1, "a": [1]}}},
        {"spec": {"tags": ["b"]}},
    ),
    "ValidatingWebhookConfiguration": (
        "admissionregistration.k8s.io/v1",
        {
            "webhooks": [
                {
                    "name": name,
                    "sideEffects": "None",
                    "admissionReviewVersions": ["v1"],
                    "clientConfig": {"url": "https://127.0.0.1:1/"},
                    "failurePolicy": "Ignore",
                }
                for name in ("b.kinds.test", "a.kinds.test")
            ]
        },
        {"webhooks": None},
    ),
}
