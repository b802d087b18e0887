"""``fleethub install --root``: what a hub must be told by hand, so that Git tells it the rest.

Contract: ``read`` looks at everything that was given before anything is written, and raises a CliError that names the
option; ``tell`` makes or renews it, and again is safe. No content of a file gets into an error, or anywhere but
the Secrets that are made of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from fleet import names
from fleet.cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fleet.cli.session import Session

ROOT: Final = "root"
IN_POD: Final = "https://kubernetes.default.svc"
CREDENTIAL: Final = "root-repository"
_SECONDS: Final = 30 * 24 * 3600
_LONGEST: Final = 200  # of a cluster's name, from which its Secret has its own


@dataclass(frozen=True, slots=True)
class Given:
    """What was given, looked at. ``self_name`` is the hub's own cluster as a member; empty: it is none."""

    root: dict[str, Any] | None = None
    credential: dict[str, Any] | None = field(default=None, repr=False)
    keys: list[dict[str, Any]] = field(default_factory=list, repr=False)
    self_name: str = ""
    labels: tuple[tuple[str, str], ...] = ()


def read(namespace: str, given: Mapping[str, Any]) -> Given:
    """Look at the options of ``install`` that are for the first day."""
    url = given["root"]
    if not url:
        alone = ("path", "revision", "repository_credential")
        if found := next((name for name in alone if given[name]), None):
            raise CliError(f"--{found.replace('_', '-')} is for --root", hint="Give --root URL")
    elif not given["path"]:
        raise CliError("--root needs the folder of the root's manifests", hint="Give --path PATH")
    _member(given["register_self"] or "", given["self_labels"])
    return Given(
        _application(namespace, given) if url else None,
        _credential(namespace, given["repository_credential"], url)
        if given["repository_credential"]
        else None,
        _keys(given["seal_key"]) if given["seal_key"] else [],
        given["register_self"] or "",
        tuple(given["self_labels"]),
    )


async def tell(session: Session, given: Given, *, in_pod: bool) -> None:
    """Make keys, credential, registration and root, in this order: each is there when the next needs it."""
    from fleet.cli import objects  # noqa: PLC0415

    if given.keys:
        from fleet.cli.seal.keysaved import put_back  # noqa: PLC0415

        made = await put_back(session, given.keys)
        click.echo(f"Made {made} of {len(given.keys)} sealing keys; the others are there already")
    if given.credential is not None:
        await objects.apply(session.send, given.credential)
        click.echo(f"Applied {_at(given.credential)}")
    if given.self_name:
        await _register(session, given, in_pod=in_pod)
    if given.root is not None:
        at = _at(given.root)
        present = await objects.find(session.send, at)
        if present is not None and names.APPLYSET_PART_OF in (present["metadata"].get("labels") or {}):
            click.echo(f"{at} is held by Git: it stays as it is")
            return
        await objects.apply(session.send, given.root)
        click.echo(f"Applied {at}: what {given.root['spec']['source']['repoURL']} says counts from now on")


def _at(body: Mapping[str, Any]) -> Any:
    from fleet.cli import objects  # noqa: PLC0415

    return objects.At(body["kind"], body["metadata"]["namespace"], body["metadata"]["name"])


def _application(namespace: str, given: Mapping[str, Any]) -> dict[str, Any]:
    from fleet.api import parse  # noqa: PLC0415
    from fleet.errors import FleetError, RepositoryRefused  # noqa: PLC0415
    from fleet.git import address  # noqa: PLC0415

    source = {"repoURL": given["root"], "path": given["path"], "targetRevision": given["revision"] or "HEAD"}
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.APPLICATION,
        "metadata": {"name": ROOT, "namespace": namespace},
        "spec": {
            "source": source,
            "placement": {"hub": True},
            "namespace": namespace,
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        },
    }
    try:
        parse.parse(names.APPLICATION, body)
        # What --allow-git lifts is for the hub to say; what is no URL at all nobody lifts.
        address.check(given["root"], (given["root"],))
    except RepositoryRefused as error:
        raise CliError(f"--root: {error.text}") from None
    except FleetError as error:
        raise CliError(f"--root, --path or --revision: {error.text}") from None
    return body


def _member(name: str, labels: Iterable[tuple[str, str]]) -> None:
    """Raise where the hub's own cluster cannot have that name or these labels."""
    from fleet.api.selector import KEY, VALUE  # noqa: PLC0415
    from fleet.api.shape import NAME  # noqa: PLC0415

    if not name:
        if labels:
            raise CliError("--self-label is for --register-self", hint="Give --register-self NAME")
        return
    if not re.fullmatch(NAME, name) or len(name) > _LONGEST:
        raise CliError("--register-self: a name is lower case letters, digits, dashes and dots")
    for key, value in labels:
        if not re.fullmatch(KEY, key) or not re.fullmatch(VALUE, value) or len(value) > 63:  # noqa: PLR2004
            raise CliError(f"--self-label: {key}={value} is no label, by Kubernetes' rules")


def _credential(namespace: str, path: str, url: str) -> dict[str, Any]:
    """The Secret of a file, for the hub's namespace; it must open the root's repository."""
    from fleet import urls  # noqa: PLC0415
    from fleet.cli import objects  # noqa: PLC0415
    from fleet.errors import RegistrationError  # noqa: PLC0415
    from fleet.git import credentials  # noqa: PLC0415

    option = "--repository-credential"
    bodies = _documents(path, option)
    if len(bodies) != 1 or bodies[0].get("kind") != "Secret":
        raise CliError(
            f"{option}: {path} must hold one Secret", hint="docs/applications.md says which keys it has"
        )
    if fault := objects.misshapen(bodies[0]):
        raise CliError(f"{option}: {path}: {fault} is not of its type")
    metadata = bodies[0].get("metadata") or {}
    if str(metadata.get("name") or "").startswith(names.RESERVED_SECRETS):
        raise CliError(f"{option}: {path}: the Secret's name is one of the hub's own: give it another")
    labels = {**(metadata.get("labels") or {}), names.SECRET_TYPE: names.SECRET_REPOSITORY}
    body = {
        **bodies[0],
        "apiVersion": "v1",
        "metadata": {"name": metadata.get("name") or CREDENTIAL, "namespace": namespace, "labels": labels},
    }
    try:
        found = credentials.read(body)
    except RegistrationError as error:
        raise CliError(f"{option}: {credentials.told(error, path)}") from None
    if not urls.covers(found.url_prefix, url):
        raise CliError(f"{option}: {path} is for {found.url_prefix}, under which --root does not lie")
    return body


def _keys(path: str) -> list[dict[str, Any]]:
    from fleet.cli.seal.keysaved import check  # noqa: PLC0415
    from fleet.errors import FleetError  # noqa: PLC0415

    bodies = _documents(path, "--seal-key")
    try:
        check(bodies)
    except CliError as error:
        raise CliError(f"--seal-key: {path}: {error.message}") from None
    except FleetError as error:
        raise CliError(
            f"--seal-key: {path}: {error.text}", hint="'fleethub seal-key backup FILE' makes one"
        ) from None
    if not any(one.get("kind") == "Secret" for one in bodies):
        raise CliError(f"--seal-key: {path} holds no key", hint="'fleethub seal-key backup FILE' makes one")
    return bodies


def _documents(path: str, option: str) -> list[dict[str, Any]]:
    """The objects of a file, those of a List one by one."""
    from fleet.documents import read as documents  # noqa: PLC0415

    try:
        content = Path(path).read_bytes()
        read_ = documents.read(content, path=path)
    except OSError as error:
        raise CliError(
            f"{option}: {path} cannot be read: {(error.strerror or 'it failed').lower()}"
        ) from None
    if read_.faults:
        raise CliError(f"{option}: {path}: {read_.faults[0].text}")
    found: list[Any] = []
    for value in (one.value for one in read_.items):
        items = value.get("items") if isinstance(value, dict) and value.get("kind") == "List" else None
        found += items if isinstance(items, list) else [value]
    if not found or not all(isinstance(one, dict) for one in found):
        raise CliError(f"{option}: {path} holds no object")
    return found


async def _register(session: Session, given: Given, *, in_pod: bool) -> None:
    """Make the hub's own cluster a member, by an account that is not the hub's own."""
    from dataclasses import replace  # noqa: PLC0415

    from fleet.cli import objects  # noqa: PLC0415
    from fleet.cli.cluster import own, registering, secrets  # noqa: PLC0415
    from fleet.kube import trusted  # noqa: PLC0415
    from fleet.kube.connection import Connection  # noqa: PLC0415

    at = (session.hub.hub_namespace, given.self_name)
    secret = objects.At(objects.SECRET, at[0], f"{given.self_name}{secrets.KUBECONFIG_SUFFIX}")
    present = await objects.find(session.send, secret)
    if present is not None and not secrets.ours(present):
        raise CliError(f"{secret} is there already and is no registration", hint="Rename or remove it first")
    identity = await registering.who(session.send)
    registering.refuse_another(given.self_name, identity, await registering.known(session))
    for body in own.account():
        await objects.apply(session.send, body)
    here = await trusted.load(session.hub.kubeconfig, session.hub.context)
    if in_pod:
        connection = Connection(server=IN_POD, ca_data=await _authority(session) or here.ca_data)
    else:
        connection = Connection(
            server=here.server, ca_data=here.ca_data, tls_server_name=here.tls_server_name
        )
    connection = replace(connection, token=await _token(session))
    await objects.apply(session.send, secrets.registration(at, connection, dict(given.labels), {}))
    click.echo(
        f"Registered this cluster as {given.self_name} at {connection.server}, by an account of {names.SELF_NAMESPACE}"
    )


async def _authority(session: Session) -> bytes | None:
    """Who vouches for the API server to Pods: not the one of a kubeconfig, where that leads through something else."""
    from fleet.cli import objects  # noqa: PLC0415

    at = objects.At(objects.CONFIG_MAP, "kube-system", "kube-root-ca.crt")
    found = ((await objects.find(session.send, at) or {}).get("data") or {}).get("ca.crt", "")
    return found.encode() if found else None


async def _token(session: Session) -> str:
    from fleet.kube.request import Request  # noqa: PLC0415

    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _SECONDS},
    }
    path = f"/api/v1/namespaces/{names.SELF_NAMESPACE}/serviceaccounts/{names.MEMBER_ACCOUNT}/token"
    answer = await session.send(Request("POST", path, body=json.dumps(asked).encode()))
    return str(json.loads(answer.body)["status"]["token"])
