"""The repository of the demo: an app of apps, laid out by environment, and a clone that commits to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from bootstrap.local import commands
from bootstrap.local.gitserver import GitServer, create_repository
from fleet.cli.demo.ground import NAMESPACE

NAME: Final = "fleet"
HELLO: Final = "apps/hello/deployment.yaml"
EXTRA: Final = "apps/hello/motd.yaml"

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
_PROD: Final = "    clusterSelector:\n      matchLabels:\n        env: prod"

_DEPLOYMENT: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello
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
        - containerPort: 80
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
                HELLO: _DEPLOYMENT.format(replicas=2),
                "apps/hello/service.yaml": _SERVICE,
                EXTRA: _CONFIG.format(name="motd", text="hello"),
            }
        )
        self.commit("Lay out the fleet")

    def seal(self, name: str, sealed: str) -> str:
        """A sealed Secret for the clusters of prod, and its Application; the commit."""
        application = _APPLICATION.format(
            name=name,
            url=self.url,
            path=f"environments/prod/{name}",
            placement=_PROD,
            namespace=NAMESPACE,
            policy=_AUTOMATED,
        )
        self.write(
            {f"environments/prod/{name}.yaml": application, f"environments/prod/{name}/sealed.yaml": sealed}
        )
        return self.commit(f"Seal {name} for prod")

    def copy_to_everywhere(self, name: str) -> str:
        """Place what is meant for prod on every cluster, unchanged; the commit."""
        file = self.folder / f"environments/prod/{name}.yaml"
        file.write_text(file.read_text().replace(_PROD, _EVERYWHERE))
        return self.commit(f"Place {name} everywhere")

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
        self.write({HELLO: _DEPLOYMENT.format(replicas=count)})
        return self.commit(f"Run hello {count} times")

    def remove(self, path: str) -> str:
        """Remove a file; the commit."""
        (self.folder / path).unlink()
        return self.commit(f"Remove {path}")

    def revert(self, commit: str) -> str:
        """``git revert``, pushed."""
        self._git("revert", "--no-edit", commit)
        return self._push()

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
