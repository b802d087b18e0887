"""What a new repository by environment holds. Pure: paths and texts.

Contract: what all environments share is in ``bases/``, at a commit that each environment names; all that is an
environment's own is in its folder, and follows the branch. So a promotion moves the one and never the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

BRANCH: Final = "main"
# A published image for a beginning; the team's own takes its place.
IMAGE: Final = "docker.io/library/nginx:1.27.5"


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for. ``vault`` is the URL of a server, or empty; ``sealed`` SealedSecrets by environment."""

    url: str
    app: str
    environments: tuple[str, ...]
    vault: str = ""
    sealed: Mapping[str, str] = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The Project of all Applications: one that may read of Vault, where that is wanted."""
        return "fleet" if self.vault else "default"


def shared(plan: Plan) -> dict[str, str]:
    """Give what all environments share: what they name by a commit."""
    return {
        f"bases/{plan.app}/kustomization.yaml": "resources:\n- deployment.yaml\n- service.yaml\n",
        f"bases/{plan.app}/deployment.yaml": _DEPLOYMENT.format(app=plan.app),
        f"bases/{plan.app}/service.yaml": _SERVICE.format(app=plan.app),
    }


def own(plan: Plan, commit: str) -> dict[str, str]:
    """Give all the rest. ``commit`` is what the environments behind the first one begin with."""
    found = {
        "README.md": _readme(plan),
        "environments.yaml": _ENVIRONMENTS + "".join(_declared(plan, name) for name in plan.environments),
        "renovate.json": _RENOVATE.replace("ENVIRONMENT", plan.environments[0]),
        "root.yaml": (_PROJECT.format(vault=plan.vault) if plan.vault else "")
        + _ROOT.format(url=plan.url, branch=BRANCH, project=plan.project),
    }
    for name in plan.environments:
        folder = f"environments/{name}"
        found[f"{folder}/{plan.app}.yaml"] = _application(plan, name, commit)
        found[f"{folder}/{plan.app}/kustomization.yaml"] = _own(plan, name)
        found[f"{folder}/{plan.app}/vault.yaml"] = _VAULT.format(
            app=plan.app, environment=name, server=plan.vault or "https://vault.example.com:8200"
        )
        if name in plan.sealed:
            found[f"{folder}/{plan.app}/sealed.yaml"] = plan.sealed[name]
    return found


def _declared(plan: Plan, name: str) -> str:
    index = plan.environments.index(name)
    after = f"  after: {plan.environments[index - 1]}\n" if index else ""
    return f"- name: {name}\n{after}  clusterSelector:\n    matchLabels:\n      env: {name}\n"


def _application(plan: Plan, name: str, commit: str) -> str:
    first, last = name == plan.environments[0], name == plan.environments[-1]
    manual = last and not first
    return _APPLICATION.format(
        app=plan.app,
        environment=name,
        project=plan.project,
        url=plan.url,
        branch=BRANCH,
        revision=BRANCH if first else commit,
        moves=f"It follows {BRANCH}." if first else f"'fleethub promote {plan.app}' moves it.",
        image=IMAGE,
        replicas=2 if last else 1,
        policy=_MANUAL if manual else _AUTOMATED,
    )


def _own(plan: Plan, name: str) -> str:
    sealed = "- sealed.yaml\n" if name in plan.sealed else "# - sealed.yaml  # see README.md\n"
    vault = "- vault.yaml\n" if plan.vault else "# - vault.yaml  # see README.md\n"
    begin = "resources:\n" if name in plan.sealed or plan.vault else "# resources:\n"
    return _OWN.format(app=plan.app, environment=name) + begin + sealed + vault


def _readme(plan: Plan) -> str:
    order = " -> ".join(plan.environments)
    first, *rest = plan.environments
    steps = "".join(
        f"    fleethub promote {plan.app} --from {before} --to {after}\n"
        for before, after in zip(plan.environments, rest, strict=False)
    )
    sync = f"    fleethub app sync {plan.app}-{rest[-1]} --wait\n" if rest else ""
    return _README.format(
        app=plan.app, order=order, first=first, last=plan.environments[-1], steps=steps + sync
    )


_DEPLOYMENT: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {app}
spec:
  selector:
    matchLabels:
      app: {app}
  template:
    metadata:
      labels:
        app: {app}
    spec:
      containers:
      - name: {app}
        image: {app}  # each environment's Application says which one
        ports:
        - containerPort: 80
        envFrom:
        - configMapRef:
            name: {app}
        - secretRef:
            name: {app}-session
            optional: true
        - secretRef:
            name: {app}-database
            optional: true
"""
_SERVICE: Final = """\
apiVersion: v1
kind: Service
metadata:
  name: {app}
spec:
  selector:
    app: {app}
  ports:
  - port: 80
"""
_APPLICATION: Final = """\
apiVersion: fleethub.dev/v1alpha1
kind: Application
metadata:
  name: {app}-{environment}
spec:
  project: {project}
  sources:
  # What all environments share, at the commit that this one runs. {moves}
  - repoURL: {url}
    targetRevision: {revision}
    path: bases/{app}
    kustomize:
      images:
      - {app}={image}
      replicas:
      - name: {app}
        count: {replicas}
  # What is {environment}'s own: settings and secrets. A promotion leaves it alone.
  - repoURL: {url}
    targetRevision: {branch}
    path: environments/{environment}/{app}
  placement:
    clusterSelector:
      matchLabels:
        env: {environment}
  namespace: {app}
  syncPolicy:
{policy}"""
_AUTOMATED: Final = """\
    automated:
      prune: true
      selfHeal: true
    syncOptions: [CreateNamespace=true]
"""
_MANUAL: Final = """\
    # No `automated`: a person says when, with `fleethub app sync`.
    syncOptions: [CreateNamespace=true]
"""
_OWN: Final = """\
configMapGenerator:
- name: {app}
  literals:
  - ENVIRONMENT={environment}
generatorOptions:
  disableNameSuffixHash: true
"""
_VAULT: Final = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata:
  name: vault
spec:
  provider:
    vault:
      server: {server}
      path: secret
      version: v2
      auth:
        jwt:
          path: jwt
          role: fleet
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: {app}-database
spec:
  refreshInterval: 1h
  secretStoreRef:
    name: vault
  target:
    name: {app}-database
  data:
  - secretKey: DATABASE_PASSWORD
    remoteRef:
      key: {environment}/{app}/database
      property: password
"""
_PROJECT: Final = """\
apiVersion: fleethub.dev/v1alpha1
kind: Project
metadata:
  name: fleet
  namespace: fleethub
spec:
  sourceRepos: ["*"]
  destinations:
  - clusters: ["*"]
    namespaces: ["*"]
  clusterScopedKinds: ["*"]
  hub: true
  vault:
    allow:
    - server: {vault}
      auth:
        method: JWT
        mount: jwt
        role: fleet
      paths: [secret/*]
---
"""
_ROOT: Final = """\
# The one thing that is applied by hand: kubectl apply -f root.yaml
apiVersion: fleethub.dev/v1alpha1
kind: Application
metadata:
  name: root
  namespace: fleethub
spec:
  project: {project}
  source:
    repoURL: {url}
    targetRevision: {branch}
    path: environments
    directory:
      recurse: true
      include: '*/*.yaml'
      exclude: '*/*/*'
  placement:
    hub: true
  namespace: fleethub
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
"""
_ENVIRONMENTS: Final = """\
# The way of a change, for `fleethub env` and `fleethub promote`: where it goes next, and which clusters that are.
environments:
"""
_RENOVATE: Final = """\
{
  "$schema": "https://docs.renovatebot.com/renovate-schema.json",
  "description": "New images go to ENVIRONMENT alone; from there they are promoted.",
  "enabledManagers": ["custom.regex"],
  "customManagers": [
    {
      "customType": "regex",
      "managerFilePatterns": ["/^environments/ENVIRONMENT/[^/]+\\\\.yaml$/"],
      "matchStrings": [
        "- [^=\\\\s]+=(?<depName>[^:@\\\\s]+):(?<currentValue>[^@\\\\s]+)(?:@(?<currentDigest>sha256:[a-f0-9]{64}))?"
      ],
      "datasourceTemplate": "docker"
    }
  ]
}
"""
_README: Final = """\
# A fleet by environment

{order}

| | |
|---|---|
| `bases/` | What all environments share. |
| `environments/NAME/APP.yaml` | The Application of APP in that environment: which commit of `bases/`, which images, how many replicas. |
| `environments/NAME/APP/` | What is that environment's own: settings and secrets. |
| `environments.yaml` | Which environment comes after which, and which clusters it has: those with the label `env: NAME`. |
| `renovate.json` | Bumps images in {first} alone. |
| `root.yaml` | The app of apps, applied once by hand: `kubectl apply -f root.yaml`. |

## A change

A commit to `bases/`, or another image in `environments/{first}/{app}.yaml`, is live in {first} at once. From there it goes on:

{steps}
What is promoted is what runs: the commit and the image digests that all clusters of the environment have run healthily. `fleethub env`
shows where everything stands.

## Secrets

A Secret is sealed for the clusters of one environment and opens nowhere else:

    kubectl create secret generic {app}-session -n {app} --from-file=SESSION_KEY --dry-run=client -o yaml \\
      | fleethub seal --ring {last} > environments/{last}/{app}/sealed.yaml

Then name `sealed.yaml` in the `kustomization.yaml` beside it.

`vault.yaml` takes a Secret from Vault or OpenBao. What may be read of it, and as whom, the Application's Project says
(`spec.vault.allow`; `fleethub vault setup` prints what Vault needs). Then name `vault.yaml` in the `kustomization.yaml`, too.
"""
