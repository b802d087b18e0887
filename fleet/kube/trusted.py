"""The process's own identity: the kubeconfig of whoever runs it, or the Pod's service account.

Contract: only for what the caller already trusts with his own rights; registered clusters are read by
``clusters.kubeconfig``. Files that it names are read, plugins (``exec``, ``auth-provider``) run through the
official client, ``insecure-skip-tls-verify`` counts. As kubectl does: KUBECONFIG may name several files, the
first that knows a name wins, relative paths start at the file's folder. No value is quoted in an error.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fleet.documents import read as documents
from fleet.errors import DocumentError, KubeconfigInvalid, Unreachable
from fleet.kube.connection import Connection

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class _Entry:
    """A named part of a kubeconfig and the folder that its paths start at."""

    value: Mapping[str, Any]
    folder: Path

    def text(self, key: str) -> str | None:
        value = self.value.get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise KubeconfigInvalid(f"{key} is no string", field=key)
        return value

    def pem(self, key: str) -> bytes | None:
        """The decoded ``<key>-data``, else the content of the file that ``<key>`` names."""
        data = self.text(f"{key}-data")
        if data is not None:
            try:
                return base64.b64decode(data, validate=False)
            except (binascii.Error, ValueError):
                raise KubeconfigInvalid(f"{key}-data is no base64", field=f"{key}-data") from None
        path = self.text(key)
        return None if path is None else _file(self.folder / path, key)


async def load(path: str | None, context: str | None = None) -> Connection:
    """The connection of a kubeconfig's context (None: its current one).

    Without ``path``: the files of KUBECONFIG, else ``~/.kube/config``, else the Pod's service account.
    Raises KubeconfigInvalid.
    """
    config = await asyncio.to_thread(_merge, path)
    if config is not None:
        return await _connection(config, context)
    if context is not None or "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise KubeconfigInvalid("no kubeconfig was found, and this is no Pod with a service account")
    return await asyncio.to_thread(in_cluster, os.environ, ACCOUNT)


def in_cluster(environment: Mapping[str, str], folder: Path) -> Connection:
    """The connection of a Pod; its token is read anew, since the kubelet replaces it."""
    host = environment["KUBERNETES_SERVICE_HOST"]
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    namespace = folder / "namespace"
    return Connection(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca_data=_file(folder / "ca.crt", "certificate-authority"),
        token=_token(folder / "token"),
        namespace=namespace.read_text().strip() if namespace.exists() else "default",
        refresh=_rereading(folder / "token"),
    )


def _default() -> list[Path]:
    listed = os.environ.get("KUBECONFIG", "")
    if listed:
        return [Path(each).expanduser() for each in listed.split(os.pathsep) if each]
    home = Path("~/.kube/config").expanduser()
    return [home] if home.exists() else []


class _Config:
    """Kubeconfigs merged: the first file that knows a name wins."""

    def __init__(self) -> None:
        self.current: str | None = None
        self._entries: dict[str, dict[str, _Entry]] = {"clusters": {}, "contexts": {}, "users": {}}

    def add(self, body: Mapping[str, Any], folder: Path) -> None:
        for section, known in self._entries.items():
            inner = section.removesuffix("s")
            items = body.get(section) or []
            if not isinstance(items, list):
                raise KubeconfigInvalid(f"{section} is no list", field=section)
            for item in items:
                if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
                    raise KubeconfigInvalid("an entry without a name", field=section)
                value = item.get(inner)
                known.setdefault(item["name"], _Entry(value if isinstance(value, Mapping) else {}, folder))
        current = body.get("current-context")
        if self.current is None and isinstance(current, str) and current:
            self.current = current

    def entry(self, section: str, name: str | None) -> _Entry:
        found = self._entries[section].get(name or "")
        if found is None:
            what = section.removesuffix("s")
            raise KubeconfigInvalid(
                f"the kubeconfig has no {what} of the name that is asked for", field=section
            )
        return found


def _merge(path: str | None) -> _Config | None:
    """All files that count as one; None where none is named and there is none."""
    paths = _default() if path is None else [Path(path).expanduser()]
    if not paths:
        return None
    config = _Config()
    present = [each for each in paths if each.exists()]
    if not present:
        raise KubeconfigInvalid("there is no kubeconfig at that path")
    for file in present:
        try:
            body = documents.value(_file(file, "kubeconfig"), path=str(file))
        except DocumentError as error:
            raise KubeconfigInvalid(error.text) from None
        if body is None:
            continue
        if not isinstance(body, Mapping):
            raise KubeconfigInvalid("the kubeconfig is no mapping")
        config.add(body, file.absolute().parent)
    return config


async def _connection(config: _Config, name: str | None) -> Connection:
    context = config.entry("contexts", name or config.current)
    cluster = config.entry("clusters", context.text("cluster"))
    user_name = context.text("user")
    user = config.entry("users", user_name) if user_name else _Entry({}, Path())
    server = (cluster.text("server") or "").rstrip("/")
    if not server.startswith("https://"):
        raise KubeconfigInvalid("the server is no https URL", field="server")
    credential = await _credential(user)
    return Connection(
        server=server,
        ca_data=await asyncio.to_thread(cluster.pem, "certificate-authority"),
        tls_server_name=cluster.text("tls-server-name"),
        proxy_url=cluster.text("proxy-url"),
        namespace=context.text("namespace") or "default",
        verify=cluster.value.get("insecure-skip-tls-verify") is not True,
        **credential,
    )


async def _credential(user: _Entry) -> dict[str, Any]:
    """The fields of a Connection that say who it is; a token goes before a plugin, as in kubectl."""
    found: dict[str, Any] = {
        "client_cert": await asyncio.to_thread(user.pem, "client-certificate"),
        "client_key": await asyncio.to_thread(user.pem, "client-key"),
    }
    token_file, token = user.text("tokenFile"), user.text("token")
    name = user.text("username")
    if token_file is not None:
        path = user.folder / token_file
        found |= {"token": await asyncio.to_thread(_token, path), "refresh": _rereading(path)}
    elif token is not None:
        found["token"] = token
    elif name is not None:
        found["basic"] = (name, user.text("password") or "")
    elif isinstance(user.value.get("exec"), Mapping):
        found |= await _executed(user.value["exec"])
    elif isinstance(user.value.get("auth-provider"), Mapping):
        refresh = _provided(user.value)
        found |= {"token": await refresh(), "refresh": refresh}
    return found


async def exec_token(plugin: Mapping[str, Any]) -> str:
    """Run an exec credential plugin, a kubeconfig's ``exec`` object, for its token; whom it serves is the caller's."""
    return str((await _run(plugin)).get("token", ""))


async def _executed(plugin: Mapping[str, Any]) -> dict[str, Any]:
    status = await _run(plugin)
    if isinstance(status.get("clientCertificateData"), str):
        return {
            "client_cert": status["clientCertificateData"].encode(),
            "client_key": str(status.get("clientKeyData", "")).encode(),
        }

    async def refresh() -> str:
        return await exec_token(plugin)

    return {"token": str(status.get("token", "")), "refresh": refresh}


async def _run(plugin: Mapping[str, Any]) -> Mapping[str, Any]:
    from kubernetes.aio.config.exec_provider import ExecProvider  # noqa: PLC0415 (0.4 s)
    from kubernetes.aio.config.kube_config import ConfigNode  # noqa: PLC0415

    try:
        node: Any = ConfigNode("exec", dict(plugin))  # type: ignore[no-untyped-call]
        status = await ExecProvider(node).run()  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 (its text quotes the plugin's output)
        raise Unreachable("the kubeconfig's exec plugin failed") from None
    if not isinstance(status, Mapping):
        raise Unreachable("the kubeconfig's exec plugin gave no credential")
    return status


def _provided(user: Mapping[str, Any]) -> Callable[[], Awaitable[str]]:
    """The token of an auth-provider (oidc, gcp); the loader keeps and renews it."""
    loader: Any = None

    async def refresh() -> str:
        nonlocal loader
        from kubernetes.aio.client import Configuration  # noqa: PLC0415 (0.4 s)
        from kubernetes.aio.config.kube_config import KubeConfigLoader  # noqa: PLC0415

        if loader is None:
            loader = KubeConfigLoader(  # type: ignore[no-untyped-call]
                {
                    "current-context": "x",
                    "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                    "clusters": [{"name": "x", "cluster": {"server": "https://x"}}],
                    "users": [{"name": "x", "user": {"auth-provider": user["auth-provider"]}}],
                }
            )
        configuration = type.__call__(Configuration)
        try:
            await loader.load_and_set(configuration)
            return str(configuration.api_key["BearerToken"]).removeprefix("Bearer ")
        except Exception:  # noqa: BLE001 (its text may quote the provider's answer)
            raise Unreachable("the kubeconfig's auth-provider failed") from None

    return refresh


def _rereading(path: Path) -> Callable[[], Awaitable[str]]:
    async def refresh() -> str:
        return await asyncio.to_thread(_token, path)

    return refresh


def _token(path: Path) -> str:
    return _file(path, "token").decode("ascii", "replace").strip()


def _file(path: Path, key: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise KubeconfigInvalid(f"the file that {key} names cannot be read", field=key) from None
