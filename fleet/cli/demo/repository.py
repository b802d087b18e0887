"""The repository of the demo: an app of apps, laid out by environment, and a clone that commits to it."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Final

from bootstrap.local import commands
from bootstrap.local.gitserver import GitServer, create_repository
from fleet import names
from fleet.cli.demo.ground import NAMESPACE

NAME: Final = "fleet"
HELLO: Final = "apps/hello/deployment.yaml"
EXTRA: Final = "apps/hello/motd.yaml"
HELLO_NAME: Final = "hello"
SEALED: Final = "token"
DATABASE: Final = "database"
VAULT_PATH: Final = "secret/hello"

_APPLICATION: Final = """\
apiVersion: fleethub.dev/v1alpha1
kind: Application
metadata:
  name: {name}
spec:
  source:
    repoURL: {url}
    targetRevision: main
    path: {path}
  placement:
{placement}
  namespace: {namespace}
  syncPolicy:
{policy}"""
_AUTOMATED: Final = """\
    automated:
      prune: true
      selfHeal: true
    syncOptions: [CreateNamespace=true]
"""
_MANUAL: Final = """\
    syncOptions: [CreateNamespace=true]
"""
_EVERYWHERE: Final = "    clusterSelector: {}"
_OF_ENVIRONMENT: Final = "    clusterSelector:\n      matchLabels:\n        env: {}"
_PROD: Final = _OF_ENVIRONMENT.format("prod")

_DEPLOYMENT: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello{notes}
spec:
  replicas: {replicas}
  selector:
    matchLabels:
      app: hello
  template:
    metadata:
      labels:
        app: hello
    spec:
      containers:
      - name: nginx
        image: nginx:1.27
        ports:
        - containerPort: 80{mounts}
"""
_NOTES: Final = f"""
  annotations:
    {names.RESTART}: "true\""""
_MOUNTS: Final = f"""
        envFrom:
        - secretRef:
            name: {DATABASE}"""
_STORE: Final = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata:
  name: vault
spec:
  provider:
    vault:
      server: {url}
      caBundle: {ca}
      path: secret
      version: v2
      auth:
        jwt:
          path: jwt
          role: {role}
"""
_EXTERNAL: Final = """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: {name}
spec:
  refreshInterval: 1s
  secretStoreRef:
    name: vault
  data:
  - secretKey: password
    remoteRef:
      key: {key}
      property: password
"""
_SERVICE: Final = """\
apiVersion: v1
kind: Service
metadata:
  name: hello
spec:
  selector:
    app: hello
  ports:
  - port: 80
"""
_CONFIG: Final = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  text: {text}
"""
# A kustomization and a chart, for each cluster's own facts.
_SETTINGS: Final = {
    "bases/settings/kustomization.yaml": """\
configMapGenerator:
- name: settings
  literals: [colour=blue]
generatorOptions:
  disableNameSuffixHash: true
""",
    "apps/settings/kustomization.yaml": """\
resources: [../../bases/settings]
""",
}
_CHART: Final = {
    "charts/place/Chart.yaml": """\
apiVersion: v2
name: place
version: 0.1.0
""",
    "charts/place/values.yaml": """\
env: unknown
""",
    "charts/place/templates/config.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  env: {{ .Values.env | quote }}
  kubernetes: {{ .Capabilities.KubeVersion.Version }}
""",
}
_OF_KUSTOMIZE: Final = """\
    kustomize:
      commonAnnotations: {env: "{{ cluster.labels.env }}"}
"""
_OF_HELM: Final = """\
    helm:
      valuesObject: {env: "{{ cluster.labels.env }}"}
"""


class Clone:
    """A clone in the demo's folder; every commit is pushed."""

    def __init__(self, git: GitServer, folder: Path) -> None:
        create_repository(git.folder, NAME)
        self.url = f"{git.url}/{NAME}.git"
        self.folder = folder / NAME
        self._replicas = 2
        self._of_vault = {"notes": "", "mounts": ""}
        self._env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "demo",
            "GIT_AUTHOR_EMAIL": "demo@example.invalid",
            "GIT_COMMITTER_NAME": "demo",
            "GIT_COMMITTER_EMAIL": "demo@example.invalid",
        }
        self._git("clone", "--quiet", self.url, str(self.folder), at=folder)
        self._git("symbolic-ref", "HEAD", "refs/heads/main")

    def lay_out(self, *, charts: bool) -> None:
        """The first commit: environments, and the apps that they share; a chart too, where Helm is there."""
        shared = {"url": self.url, "namespace": NAMESPACE}
        hello = _APPLICATION.format(
            name="hello", path="apps/hello", placement=_EVERYWHERE, policy=_AUTOMATED, **shared
        )
        billing = _APPLICATION.format(
            name="billing", path="environments/prod/billing", placement=_PROD, policy=_MANUAL, **shared
        )
        settings = _APPLICATION.format(
            name="settings", path="apps/settings", placement=_EVERYWHERE, policy=_AUTOMATED, **shared
        ).replace("  placement:", f"{_OF_KUSTOMIZE}  placement:")
        place = _APPLICATION.format(
            name="place", path="charts/place", placement=_EVERYWHERE, policy=_AUTOMATED, **shared
        ).replace("  placement:", f"{_OF_HELM}  placement:")
        if charts:
            self.write({**_CHART, "environments/dev/place.yaml": place})
        self.write(
            {
                **_SETTINGS,
                "environments/dev/settings.yaml": settings,
                "environments/dev/hello.yaml": hello,
                "environments/prod/billing.yaml": billing,
                "environments/prod/billing/config.yaml": _CONFIG.format(name="billing", text="release 1"),
                HELLO: self._deployment(),
                "apps/hello/service.yaml": _SERVICE,
                EXTRA: _CONFIG.format(name="motd", text="hello"),
            }
        )
        self.commit("Lay out the fleet")

    def seal(self, environment: str, sealed: str) -> None:
        """A sealed Secret for the clusters of an environment, and its Application; not committed yet."""
        where = f"environments/{environment}/{SEALED}"
        application = _APPLICATION.format(
            name=f"{SEALED}-{environment}",
            url=self.url,
            path=where,
            placement=_OF_ENVIRONMENT.format(environment),
            namespace=NAMESPACE,
            policy=_AUTOMATED,
        )
        self.write({f"{where}.yaml": application, f"{where}/sealed.yaml": sealed})

    def copy_sealed(self, source: str, target: str) -> str:
        """Put an environment's sealed Secret, unchanged, in the place of another's; the commit."""
        sealed = (self.folder / f"environments/{source}/{SEALED}/sealed.yaml").read_text()
        self.write({f"environments/{target}/{SEALED}/sealed.yaml": sealed})
        return self.commit(f"Copy {SEALED} of {source} to {target}")

    def mount(self, url: str, ca: str) -> str:
        """Have hello mount a Secret of Vault, and be restarted when that changes; the commit."""
        self._of_vault = {"notes": _NOTES, "mounts": _MOUNTS}
        bundle = base64.b64encode(ca.encode()).decode()
        key = VAULT_PATH.partition("/")[2]
        self.write(
            {
                "apps/hello/store.yaml": _STORE.format(url=url, ca=bundle, role=HELLO_NAME),
                "apps/hello/database.yaml": _EXTERNAL.format(name=DATABASE, key=key),
                HELLO: self._deployment(),
            }
        )
        return self.commit(f"Have {HELLO_NAME} mount {DATABASE}")

    def root(self) -> str:
        """The root Application's manifest, which is the one thing applied by hand."""
        root = _APPLICATION.format(
            name="root",
            url=self.url,
            path="environments",
            placement="    hub: true",
            namespace="fleethub",
            policy="    automated:\n      prune: true\n      selfHeal: true\n",
        )
        include = "    path: environments\n    directory:\n      recurse: true\n      include: '*/*.yaml'\n"
        exclude = "      exclude: '*/*/*.yaml'\n"
        return root.replace("    path: environments\n", include + exclude)

    def replicas(self, count: int) -> str:
        """Set the replicas of hello; the commit."""
        self._replicas = count
        self.write({HELLO: self._deployment()})
        return self.commit(f"Run hello {count} times")

    def remove(self, path: str) -> str:
        """Remove a file; the commit."""
        (self.folder / path).unlink()
        return self.commit(f"Remove {path}")

    def revert(self, commit: str) -> str:
        """``git revert``, pushed."""
        self._git("revert", "--no-edit", commit)
        return self._push()

    def _deployment(self) -> str:
        return _DEPLOYMENT.format(replicas=self._replicas, **self._of_vault)

    def write(self, files: dict[str, str]) -> None:
        """Write files of the clone."""
        for path, content in files.items():
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    def commit(self, message: str) -> str:
        """Commit all and push; the commit."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)
        return self._push()

    def _push(self) -> str:
        self._git("push", "--quiet", "origin", "HEAD:main")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str, at: Path | None = None) -> str:
        done = commands.run(["git", *arguments], env=self._env, folder=at or self.folder)
        if done.code:
            raise RuntimeError(f"git {arguments[0]}: {done.output}")
        return done.output
