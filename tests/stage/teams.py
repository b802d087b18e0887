"""A team on the hub: a namespace and a Project of its own, and Applications in it."""

from __future__ import annotations

from typing import Any

from fleet import names
from tests.stage.api import until
from tests.stage.seams import Journal
from tests.stage.theatre import Theatre, manifest


class Team:
    """``name`` is that of its namespace on the hub and of its Project; no two tests have the same."""

    def __init__(self, theatre: Theatre, word: str = "team") -> None:
        self.theatre = theatre
        self.name = f"{word}-{theatre.number}"

    async def open(self, **rules: Any) -> None:
        """Make the namespace, and the Project with these rules; see ``project``."""
        metadata = {"name": self.name}
        await self.theatre.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        await self.project(**rules)

    async def project(self, **rules: Any) -> None:
        """Set the Project: the test's repository and namespace on every cluster, and what is given besides."""
        spec = {
            "sourceNamespaces": [self.name],
            "sourceRepos": [self.theatre.repo.url],
            "destinations": [{"clusters": ["*"], "namespaces": [self.theatre.namespace]}],
            **rules,
        }
        metadata = {"name": self.name, "namespace": names.HUB_NAMESPACE}
        await self.theatre.api.apply(
            {"apiVersion": names.API_VERSION, "kind": "Project", "metadata": metadata, "spec": spec}
        )

    async def unproject(self) -> None:
        """Delete the Project."""
        await self.theatre.api.delete("Project", self.name, names.HUB_NAMESPACE)

    def spec(self, name: str, **spec: Any) -> dict[str, Any]:
        """The spec of an Application of the team."""
        source = {"repoURL": self.theatre.repo.url, "targetRevision": "main", "path": f"apps/{name}"}
        return {
            "project": self.name,
            "source": {**source, **spec.pop("source", {})},
            "placement": {"clusterSelector": {}},
            "namespace": self.theatre.namespace,
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "retry": {"backoff": {"duration": "1s", "maxDuration": "2s"}},
            },
            **spec,
        }

    def root(self, name: str, **spec: Any) -> dict[str, Any]:
        """The spec of an app of apps of the team."""
        return self.spec(name, **{"placement": {"hub": True}, "namespace": None, **spec})

    async def application(self, name: str, spec: dict[str, Any], namespace: str | None = None) -> None:
        """Create or change an Application, by hand."""
        metadata = {"name": name, "namespace": namespace or self.name}
        given = {key: value for key, value in spec.items() if value is not None}
        await self.theatre.api.apply(
            {"apiVersion": names.API_VERSION, "kind": "Application", "metadata": metadata, "spec": given}
        )

    def child(self, name: str, spec: dict[str, Any], namespace: str = "") -> str:
        """The manifest of an Application, for a repository."""
        given = {key: value for key, value in spec.items() if value is not None}
        return manifest("Application", name, namespace, spec=given)

    async def status(self, name: str, namespace: str | None = None) -> dict[str, Any]:
        """The status of an Application; empty where there is none."""
        found = await self.theatre.api.get("Application", name, namespace or self.name)
        status: dict[str, Any] = (found or {}).get("status") or {}
        return status

    async def told(
        self, name: str, *words: str, kind: str = "ProjectRefused", namespace: str | None = None
    ) -> str:
        """Wait until the Application says so; the message."""

        async def look() -> str | None:
            for one in (await self.status(name, namespace)).get("conditions", ()):
                said = one["type"] == kind and one["status"] == "True"
                if said and all(word in one["message"] for word in words):
                    return str(one["message"]) or " "
            return None

        try:
            message: str = await until(look, 40, what=f"{name} says {kind} {words}")
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {await self.status(name, namespace)}") from None
        return message

    async def synced(self, name: str, commit: str = "", namespace: str | None = None) -> None:
        """Wait until the Application is synced, at a commit, and refused nothing."""

        async def look() -> bool:
            status = await self.status(name, namespace)
            refused = any(one["type"] == "ProjectRefused" for one in status.get("conditions", ()))
            at = not commit or status.get("revision") == commit
            return status.get("sync") == "Synced" and at and not refused

        try:
            await until(look, 40, what=f"{name} is synced")
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {await self.status(name, namespace)}") from None


def sent(journal: Journal, word: str) -> list[str]:
    """The writes whose path has the word, but for those of a status."""
    return [write for write in journal.writes if word in write and "/status #" not in write]
