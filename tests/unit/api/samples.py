"""Applications, Clusters and Projects, good and faulty: parser and API server must judge them alike.

Each faulty one is a good one with one change; with it stands the path that the parser names, and the word that
the API server's answer has for it where that is not the same path.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

Body = dict[str, Any]


class Faulty(NamedTuple):
    """A change that makes the good object of a kind one that is refused."""

    kind: str
    field: str
    change: Callable[[Body], Any]


def application(**spec: Any) -> Body:
    """A good Application; ``spec`` replaces fields."""
    whole: Body = {
        "source": {"repoURL": "https://git.example/acme/deploy", "path": "apps/hello"},
        "placement": {"clusters": ["eu-1"]},
    }
    return body("Application", "hello", {**whole, **spec})


def cluster(name: str = "eu-1", **spec: Any) -> Body:
    """A good Cluster."""
    whole: Body = {
        "server": "https://eu-1.example:6443",
        "credential": {"secretRef": {"name": "eu-1-credential"}},
    }
    return body("Cluster", name, {**whole, **spec})


def project(**spec: Any) -> Body:
    """A good Project."""
    return body("Project", "team", {"sourceRepos": ["https://git.example/acme"], **spec})


def body(kind: str, name: str, spec: Body) -> Body:
    """An object of the hub's namespace."""
    return {
        "apiVersion": "fleethub.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "fleethub"},
        "spec": spec,
    }


def destined(**destination: Any) -> Body:
    """An Application with Argo CD's destination."""
    made = application(destination=destination)
    del made["spec"]["placement"]
    return made


EVERYTHING = application(
    project="team",
    source={
        "repoURL": "git@git.example:acme/deploy.git",
        "targetRevision": "refs/heads/main",
        "path": "apps/hello",
        "directory": {"recurse": True, "include": "{*.yaml,*.json}", "exclude": "test*"},
    },
    placement={
        "clusterSelector": {
            "matchLabels": {"env": "prod"},
            "matchExpressions": [
                {"key": "acme.example/region", "operator": "In", "values": ["eu", "us"]},
                {"key": "retired", "operator": "DoesNotExist"},
            ],
        }
    },
    namespace="hello",
    syncPolicy={
        "automated": {"prune": True, "selfHeal": True, "allowEmpty": False},
        "syncOptions": ["CreateNamespace=true"],
        "retry": {"limit": -1, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "1h30m"}},
    },
    deletionPolicy="Orphan",
)

GOOD: dict[str, Body] = {
    "everything": EVERYTHING,
    "by name": application(),
    "all clusters": application(placement={"clusterSelector": {}}),
    "no cluster yet": application(placement={"clusters": []}),
    "the hub": application(placement={"hub": True}),
    "hub said no": application(placement={"clusters": ["eu-1"], "hub": False}),
    "destination by name": destined(name="eu-1", namespace="hello"),
    "destination by server": destined(server="https://eu-1.example:6443"),
    "namespaces that agree": {
        **destined(name="eu-1", namespace="hello"),
        "spec": {**destined(name="eu-1", namespace="hello")["spec"], "namespace": "hello"},
    },
    "one duration": application(syncPolicy={"retry": {"backoff": {"duration": "10m"}}}),
    "dots in a name": application(source={"repoURL": "ssh://git.example/a", "path": "apps/a..b"}),
    "cluster": cluster(),
    "cluster with its own token": body("Cluster", "eu-2", {"server": "https://eu-2.example/k8s/c-1"}),
    "cluster, all fields": cluster(
        caData="LS0tLS1CRUdJTg==",
        namespaces=["shop", "pay"],
        tlsServerName="kubernetes",
        proxyURL="http://proxy.example:3128",
        paused=True,
    ),
    "project": project(),
    "project, all fields": project(
        sourceNamespaces=["team-*"],
        destinations=[{"clusters": ["*"], "namespaces": ["team-*"]}, {"clusterSelector": {}}],
        clusterScopedKinds=["Namespace", "ClusterRole.rbac.authorization.k8s.io", "*"],
        serviceAccount="fleethub/team",
        hub=True,
    ),
    "empty project": body("Project", "empty", {}),
}


def _put(path: str, value: Any) -> Callable[[Body], Any]:
    *folders, last = path.split(".")

    def change(made: Body) -> None:
        for part in folders:
            made = made.setdefault(part, {})
        made[last] = value

    return change


def _without(path: str) -> Callable[[Body], Any]:
    *folders, last = path.split(".")

    def change(made: Body) -> None:
        for part in folders:
            made = made[part]
        del made[last]

    return change


def _at(kind: str, field: str, value: Any) -> Faulty:
    return Faulty(kind, field, _put(field, value))


def _selector(operator: str, values: list[str] | None) -> Callable[[Body], Any]:
    requirement: Body = {"key": "env", "operator": operator}
    if values is not None:
        requirement["values"] = values
    return _put("spec.placement", {"clusterSelector": {"matchExpressions": [requirement]}})


_REQUIREMENT = "spec.placement.clusterSelector.matchExpressions[0]"

# Judged by parser and API server alike.
FAULTY: dict[str, Faulty] = {
    "no source": Faulty("Application", "spec", _without("spec.source")),
    "no repository": Faulty("Application", "spec.source.repoURL", _without("spec.source.repoURL")),
    "repository like an option": _at("Application", "spec.source.repoURL", "--upload-pack=x"),
    "revision like an option": _at("Application", "spec.source.targetRevision", "-x"),
    "revision range": Faulty("Application", "spec.source", _put("spec.source.targetRevision", "main..next^")),
    "absolute path": _at("Application", "spec.source.path", "/etc"),
    "climbing path": _at("Application", "spec.source.path", "apps/../../etc"),
    "path that is two dots": _at("Application", "spec.source.path", ".."),
    "recurse as text": _at("Application", "spec.source.directory.recurse", "true"),
    "null directory": _at("Application", "spec.source.directory", None),
    "null automated": _at("Application", "spec.syncPolicy.automated", None),
    "null namespace": _at("Application", "spec.namespace", None),
    "clusters as text": _at("Application", "spec.placement.clusters", "eu-1"),
    "cluster name": Faulty(
        "Application", "spec.placement.clusters[0]", _put("spec.placement.clusters", ["EU_1"])
    ),
    "no placement": Faulty("Application", "spec", _without("spec.placement")),
    "placement and destination": Faulty("Application", "spec", _put("spec.destination", {"name": "eu-1"})),
    "empty placement": _at("Application", "spec.placement", {}),
    "hub and clusters": _at("Application", "spec.placement", {"hub": True, "clusters": ["eu-1"]}),
    "names and labels": _at("Application", "spec.placement", {"clusters": ["eu-1"], "clusterSelector": {}}),
    "hub false alone": _at("Application", "spec.placement", {"hub": False}),
    "In without values": Faulty("Application", _REQUIREMENT, _selector("In", None)),
    "NotIn with no value": Faulty("Application", _REQUIREMENT, _selector("NotIn", [])),
    "Exists with values": Faulty("Application", _REQUIREMENT, _selector("Exists", ["prod"])),
    "operator": Faulty("Application", f"{_REQUIREMENT}.operator", _selector("Equals", ["prod"])),
    "destination by both": Faulty(
        "Application",
        "spec.destination",
        lambda made: made.update(destined(name="eu-1", server="https://eu-1.example")),
    ),
    "destination without cluster": Faulty(
        "Application", "spec.destination", lambda made: made.update(destined(namespace="hello"))
    ),
    "plain http server": Faulty(
        "Application", "spec.destination.server", lambda made: made.update(destined(server="http://eu-1"))
    ),
    "namespaces that differ": Faulty(
        "Application",
        "spec",
        lambda made: (
            made.update(destined(name="eu-1", namespace="hello")),
            _put("spec.namespace", "other")(made),
        ),
    ),
    "namespace with a dot": _at("Application", "spec.namespace", "a.b"),
    "sync option": Faulty(
        "Application",
        "spec.syncPolicy.syncOptions[0]",
        _put("spec.syncPolicy.syncOptions", ["Replace=true"]),
    ),
    "limit": _at("Application", "spec.syncPolicy.retry.limit", -2),
    "limit as text": _at("Application", "spec.syncPolicy.retry.limit", "5"),
    "factor": _at("Application", "spec.syncPolicy.retry.backoff.factor", 0),
    "duration": _at("Application", "spec.syncPolicy.retry.backoff.duration", "5 s"),
    "duration as number": _at("Application", "spec.syncPolicy.retry.backoff.duration", 5),
    "durations upside down": Faulty(
        "Application",
        "spec.syncPolicy.retry.backoff",
        _put("spec.syncPolicy.retry.backoff", {"duration": "5m", "maxDuration": "30s"}),
    ),
    "deletion policy": _at("Application", "spec.deletionPolicy", "Keep"),
    "too long a project": _at("Application", "spec.project", "p" * 254),
    "server in clear": _at("Cluster", "spec.server", "http://eu-1.example"),
    "server with user": _at("Cluster", "spec.server", "https://admin:hunter2@eu-1.example"),
    "CA that is no base64": _at("Cluster", "spec.caData", "-----BEGIN"),
    "proxy with password": _at("Cluster", "spec.proxyURL", "http://u:hunter2@proxy.example"),
    "credential without Secret": Faulty("Cluster", "spec.credential.secretRef", _put("spec.credential", {})),
    "neither server nor credential": Faulty("Cluster", "spec", _put("spec", {"paused": False})),
    "paused as text": _at("Cluster", "spec.paused", "no"),
    "name too long for a token": Faulty("Cluster", "", _put("metadata.name", "c" * 248)),
    "no spec": Faulty("Cluster", "spec", _without("spec")),
    "project's kind": Faulty(
        "Project", "spec.clusterScopedKinds[0]", _put("spec.clusterScopedKinds", ["namespace"])
    ),
    "project's namespaces": _at("Project", "spec.sourceNamespaces", "team"),
}

# The API server drops these in silence where a client asks it to; kubectl and the hub do not.
UNKNOWN: dict[str, Faulty] = {
    "field of the source": _at("Application", "spec.source.pth", "apps"),
    "misspelt field": Faulty(
        "Application",
        "spec.source.repoUrl",
        lambda made: made["spec"].update(source={"repoUrl": "https://git.example/a"}),
    ),
    "field of a later version": _at("Application", "spec.rollout", {"steps": []}),
    "field deep inside": _at("Application", "spec.syncPolicy.retry.backoff.jitter", 1),
    "field of the object": _at("Application", "speck", {}),
    "field of the metadata": _at("Application", "metadata.lables", {}),
    "field of an item": Faulty(
        "Project", "spec.destinations[0].cluster", _put("spec.destinations", [{"cluster": "eu-1"}])
    ),
    "field of a cluster": _at("Cluster", "spec.token", "hunter2"),
}


def faulty(fault: Faulty) -> Body:
    """The object, as a new dict."""
    good = {"Application": application, "Cluster": cluster, "Project": project}[fault.kind]()
    made = copy.deepcopy(good)
    fault.change(made)
    return made
