"""A kubeconfig of a registration: read strictly, and refused where it asks for more than a connection.

A registration comes from whoever may write Secrets, and a client of kubeconfigs runs the commands and reads the
files that they name (CVE-2022-24817): so what runs a command, reads a file, skips verification or acts as
somebody else is KubeconfigRefused with what to do instead. Only the context in use is looked at. Errors name
fields, never their content. The process's own kubeconfig is another matter: ``fleet.kube.trusted``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fleet.clusters import fields
from fleet.documents import read
from fleet.documents.limits import Limits
from fleet.errors import DocumentError, KubeconfigInvalid, KubeconfigRefused
from fleet.kube.connection import Connection

_LIMITS: Final = Limits(size=1024 * 1024, documents=1, nodes=50_000, depth=20)
_INSTEAD: Final = "`fleethub cluster add` makes a credential that the hub can use by itself"
_FILES: Final = ("client-certificate", "client-key", "tokenFile")
_ACTS_AS: Final = ("as", "as-uid", "as-groups", "as-user-extra")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the hub's flags allow registrations beyond a plain connection.

    ``commands`` are exec credential plugins, each exactly as a kubeconfig must write it: a bare name is found on
    the hub's PATH. ``run`` runs one (the kubeconfig's ``exec`` object in, a token out); this room runs nothing,
    so without it no command is allowed. ``proxies`` are hosts of proxies.
    """

    commands: frozenset[str] = frozenset()
    proxies: frozenset[str] = frozenset()
    run: Callable[[Mapping[str, Any]], Awaitable[str]] | None = None


NOTHING: Final = Allowed()


def parse(data: bytes, *, context: str = "", allow: Allowed = NOTHING) -> Connection:
    """The connection of ``context``, or of the current one, or of the only one.

    Raises KubeconfigInvalid for what does not read or lacks something, KubeconfigRefused for what the hub does
    not do for a registration.
    """
    whole = _document(data)
    chosen = _context(whole, context)
    cluster = _entry(whole, "clusters", fields.text(chosen.get("cluster"), "context.cluster"))
    user = _entry(whole, "users", fields.text(chosen.get("user"), "context.user"))
    return Connection(
        server=fields.server(cluster.get("server"), "cluster.server"),
        ca_data=_authority(cluster),
        tls_server_name=fields.text(cluster.get("tls-server-name"), "cluster.tls-server-name"),
        proxy_url=fields.proxy(cluster.get("proxy-url"), "cluster.proxy-url", allow.proxies),
        namespace=fields.text(chosen.get("namespace"), "context.namespace") or "default",
        **_credential(user, allow),
    )


def server(data: bytes) -> str:
    """The server alone. Raises as `parse`; what the credential is does not matter."""
    whole = _document(data)
    cluster = _entry(whole, "clusters", fields.text(_context(whole, "").get("cluster"), "context.cluster"))
    return fields.server(cluster.get("server"), "cluster.server")


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        found = read.value(data, path="kubeconfig", limits=_LIMITS)
    except DocumentError as error:  # its text may name a key or an anchor of the document
        where = f", line {error.line}" if error.line else ""
        raise KubeconfigInvalid(f"the kubeconfig{where}: it is not one valid YAML or JSON document") from None
    if not isinstance(found, Mapping):
        raise KubeconfigInvalid("the kubeconfig is not an object")
    if found.get("kind", "Config") != "Config":
        raise KubeconfigInvalid("the kubeconfig's kind is not Config", field="kind")
    return found


def _context(whole: Mapping[str, Any], asked: str) -> Mapping[str, Any]:
    name = asked or fields.text(whole.get("current-context"), "current-context")
    if name:
        return _entry(whole, "contexts", name)
    contexts = _entries(whole, "contexts")
    if len(contexts) != 1:
        raise KubeconfigInvalid(
            "current-context is missing, and there is not exactly one context", field="current-context"
        )
    return fields.table(contexts[0].get("context"), "contexts[].context")


def _entries(whole: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = whole.get(key)
    if not isinstance(found, list):
        raise KubeconfigInvalid(f"{key} is required and must be a list", field=key)
    return [fields.table(each, f"{key}[]") for each in found]


def _entry(whole: Mapping[str, Any], key: str, name: str | None) -> Mapping[str, Any]:
    """What the named entry of a list holds under the list's word in the singular."""
    word = key.removesuffix("s")
    if name is None:
        raise KubeconfigInvalid(f"the context names no {word}", field=f"context.{word}")
    found = [each for each in _entries(whole, key) if each.get("name") == name]
    if len(found) != 1:
        count = "no entry" if not found else "more than one entry"
        raise KubeconfigInvalid(f"{key} has {count} of the name that is asked for", field=key)
    return fields.table(found[0].get(word), f"{key}[].{word}")


def _authority(cluster: Mapping[str, Any]) -> bytes | None:
    if fields.flag(cluster.get("insecure-skip-tls-verify"), "cluster.insecure-skip-tls-verify"):
        raise KubeconfigRefused(
            "cluster.insecure-skip-tls-verify: the hub always verifies servers; give "
            "certificate-authority-data, and tls-server-name where the certificate has another name",
            field="cluster.insecure-skip-tls-verify",
        )
    _no_file(cluster, "cluster", "certificate-authority")
    field = "certificate-authority-data"
    return fields.pem(cluster.get(field), f"cluster.{field}")


def _credential(user: Mapping[str, Any], allow: Allowed) -> dict[str, Any]:
    for key in _FILES:
        _no_file(user, "user", key)
    for key in _ACTS_AS:
        if user.get(key):
            raise KubeconfigRefused(
                f"user.{key}: the hub acts as nobody else; {_INSTEAD}", field=f"user.{key}"
            )
    if user.get("auth-provider"):
        raise KubeconfigRefused(
            f"user.auth-provider: the hub runs no plugins for a registration; {_INSTEAD}",
            field="user.auth-provider",
        )
    if user.get("exec"):
        return _exec(fields.table(user["exec"], "user.exec"), allow)
    return fields.credential(
        "user",
        token=fields.text(user.get("token"), "user.token"),
        certificate=(
            fields.pem(user.get("client-certificate-data"), "user.client-certificate-data"),
            fields.pem(user.get("client-key-data"), "user.client-key-data"),
        ),
        basic=(
            fields.text(user.get("username"), "user.username"),
            fields.text(user.get("password"), "user.password"),
        ),
    )


def _exec(plugin: Mapping[str, Any], allow: Allowed) -> dict[str, Any]:
    run = allow.run
    if run is None or fields.text(plugin.get("command"), "user.exec.command") not in allow.commands:
        raise KubeconfigRefused(
            f"user.exec: the hub was not told to allow this command for registrations; {_INSTEAD}",
            field="user.exec.command",
        )
    if plugin.get("env"):  # PATH and its like would make another program of an allowed name
        raise KubeconfigRefused(
            "user.exec.env: the command gets the hub's own environment alone", field="user.exec.env"
        )
    if plugin.get("interactiveMode") == "Always" or fields.flag(
        plugin.get("provideClusterInfo"), "user.exec.provideClusterInfo"
    ):
        raise KubeconfigRefused(
            "user.exec: a command that needs a terminal or the cluster's data is not supported",
            field="user.exec",
        )
    chosen = {key: plugin[key] for key in ("apiVersion", "command", "args") if key in plugin}

    async def refresh() -> str:
        return await run(chosen)

    return {"refresh": refresh}


def _no_file(holder: Mapping[str, Any], where: str, key: str) -> None:
    if holder.get(key):
        raise KubeconfigRefused(
            f"{where}.{key}: the hub reads no files for a registration; put the content in its place "
            "(kubectl config view --flatten --minify)",
            field=f"{where}.{key}",
        )
