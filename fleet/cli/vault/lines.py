"""Projects -> the lines of Vault's command line, or of Terraform, that let them read. Pure.

Nothing here is content: policies name paths, roles name a ServiceAccount and an audience.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fleet.api.project import VaultMethod
from fleet.projects import vaults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fleet.api.project import Project, VaultAllowance

_FACT: Final = re.compile(r"\{\{[^}]*\}\}")
_WORD: Final = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues the hub's tokens: the name, and the public keys in PEM."""

    name: str
    keys: tuple[str, ...]


UNKNOWN: Final = Issuer("ISSUER", ("PEM_OF_THE_ISSUER",))  # what a person is to put in


def by_keys(project: Project) -> bool:
    """Whether Vault checks the Project's tokens by the keys of the issuer."""
    vault = project.spec.vault
    return vault is not None and any(one.auth.method is VaultMethod.JWT for one in vault.allow)


def lines(project: Project, namespace: str, issuer: Issuer, *, engine: int, terraform: bool) -> Iterator[str]:
    """The lines for one Project; ``namespace`` is the hub's, ``engine`` the version of KV."""
    vault = project.spec.vault
    if vault is None:
        return
    account = vaults.account(project)
    yield f"# Project {project.metadata.name}: ServiceAccount {namespace}/{account} is who it is to Vault"
    yield f"# kubectl create serviceaccount --namespace {namespace} {account}"
    for number, one in enumerate(vault.allow):
        policy = f"fleethub-{project.metadata.name}" + (f"-{number + 1}" if len(vault.allow) > 1 else "")
        subject = f"system:serviceaccount:{namespace}:{account}"
        yield ""
        if terraform:
            yield from _terraform(one, policy, subject, issuer, engine)
        else:
            yield from _shell(one, policy, subject, issuer, engine)


def policy_lines(one: VaultAllowance, engine: int) -> Iterator[str]:
    """The policy: reading data, and the metadata that tells of a new version without it."""
    for path in one.paths:
        mount, _, rest = path.strip("/").partition("/")
        rest = _glob(rest or "*")
        for place in (
            (f"{mount}/{rest}",) if engine == 1 else (f"{mount}/data/{rest}", f"{mount}/metadata/{rest}")
        ):
            yield f'path "{place}" {{ capabilities = ["read"] }}'


def _glob(path: str) -> str:
    """Our globs in Vault's: a final ``*`` is any rest, ``+`` one segment; what lies between is no wider than a segment."""
    parts = [_FACT.sub("+", part) for part in path.split("/")]
    last = parts.pop()
    return "/".join([*("+" if "*" in part or "+" in part else part for part in parts), _last(last)])


def _last(part: str) -> str:
    if part.endswith("*") and "*" not in part[:-1] and "+" not in part:
        return part
    return "+" if "*" in part or "+" in part else part


def _shell(one: VaultAllowance, policy: str, subject: str, issuer: Issuer, engine: int) -> Iterator[str]:
    auth, mount = one.auth, _mount(one)
    yield f"export VAULT_ADDR={shlex.quote(one.server)}"
    if one.namespace:
        yield f"export VAULT_NAMESPACE={shlex.quote(one.namespace)}"
    yield f"vault policy write {policy} - <<'EOF'"
    yield from policy_lines(one, engine)
    yield "EOF"
    role = shlex.quote(f"auth/{mount}/role/{_FACT.sub('ROLE', auth.role)}")
    if auth.method is VaultMethod.JWT:
        yield f"vault auth enable -path={shlex.quote(mount)} jwt  # once"
        yield f"vault write auth/{mount}/config bound_issuer={shlex.quote(issuer.name)} \\"
        yield f"  jwt_validation_pubkeys={shlex.quote(','.join(issuer.keys))}"
        yield f"vault write {role} role_type=jwt user_claim=sub bound_audiences={shlex.quote(auth.audience)} \\"
        yield f"  bound_subject={shlex.quote(subject)} token_policies={policy} token_ttl=20m token_max_ttl=24h"
    elif auth.method is VaultMethod.KUBERNETES:
        space, _, name = subject.removeprefix("system:serviceaccount:").partition(":")
        yield f"vault auth enable -path={shlex.quote(mount)} kubernetes  # once; its config names the hub's API server"
        yield f"vault write {role} bound_service_account_names={name} bound_service_account_namespaces={space} \\"
        yield f"  audience={shlex.quote(auth.audience)} token_policies={policy} token_ttl=20m"
    else:
        yield f"vault auth enable -path={shlex.quote(mount)} approle  # once"
        yield f"vault write auth/{mount}/role/{policy} token_policies={policy} token_ttl=20m"
        yield f"# its role id is spec.vault.allow[].auth.role: vault read auth/{mount}/role/{policy}/role-id"


def _terraform(one: VaultAllowance, policy: str, subject: str, issuer: Issuer, engine: int) -> Iterator[str]:
    auth, mount, word = one.auth, _mount(one), _WORD.sub("_", policy)
    space = f'  namespace = "{one.namespace}"' if one.namespace else None
    yield f"# Vault {one.server}"
    yield f'resource "vault_policy" "{word}" {{'
    yield from (space,) if space else ()
    yield f'  name   = "{policy}"'
    yield "  policy = <<-EOT"
    yield from (f"    {line}" for line in policy_lines(one, engine))
    yield "  EOT"
    yield "}"
    role = _FACT.sub("ROLE", auth.role)
    if auth.method is VaultMethod.JWT:
        yield f'resource "vault_jwt_auth_backend" "{_WORD.sub("_", mount)}" {{'
        yield from (space,) if space else ()
        yield f'  path                   = "{mount}"'
        yield f'  bound_issuer           = "{issuer.name}"'
        yield "  jwt_validation_pubkeys = ["
        yield from (f"    {json.dumps(key)}," for key in issuer.keys)
        yield "  ]"
        yield "}"
        yield f'resource "vault_jwt_auth_backend_role" "{word}" {{'
        yield from (space,) if space else ()
        yield f"  backend         = vault_jwt_auth_backend.{_WORD.sub('_', mount)}.path"
        yield f'  role_name       = "{role}"'
        yield '  role_type       = "jwt"'
        yield '  user_claim      = "sub"'
        yield f'  bound_audiences = ["{auth.audience}"]'
        yield f'  bound_subject   = "{subject}"'
        yield f'  token_policies  = ["{policy}"]'
        yield "}"
    elif auth.method is VaultMethod.KUBERNETES:
        namespace, _, name = subject.removeprefix("system:serviceaccount:").partition(":")
        yield f'resource "vault_kubernetes_auth_backend_role" "{word}" {{'
        yield from (space,) if space else ()
        yield f'  backend                          = "{mount}"'
        yield f'  role_name                        = "{role}"'
        yield f'  bound_service_account_names      = ["{name}"]'
        yield f'  bound_service_account_namespaces = ["{namespace}"]'
        yield f'  audience                         = "{auth.audience}"'
        yield f'  token_policies                   = ["{policy}"]'
        yield "}"
    else:
        yield f'resource "vault_approle_auth_backend_role" "{word}" {{'
        yield from (space,) if space else ()
        yield f'  backend        = "{mount}"'
        yield f'  role_name      = "{policy}"'
        yield f'  token_policies = ["{policy}"]'
        yield "}"


def _mount(one: VaultAllowance) -> str:
    return (one.auth.mount or vaults.MOUNTS[one.auth.method]).strip("/")
