"""What a control plane is made of and how each of its servers is called. Pure; no server runs here.

Contract: every server listens on 127.0.0.1 only, and the servers besides etcd and the API server listen
nowhere. Nothing refers to files outside the plane's folder.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Self

from bootstrap.local import stages
from bootstrap.local.authority import Authority, Pair

NODE = "fake"
# A /24 is full after 254 Services, and the API server answers 500 then.
_SERVICES = "10.0.0.0/16"
_PODS = "10.244.0.0/16"


class Components(Enum):
    """How much of a control plane runs."""

    API_ONLY = "api-only"  # etcd and API server: objects are kept, no controller acts on them
    ALL = "all"  # and controllers, scheduler and one played node: Deployments become running Pods


@dataclass(frozen=True, slots=True)
class Spec:
    """One plane: what is kept of it in `plane.json`, and enough to start it again."""

    name: str
    folder: Path
    components: Components
    port: int
    etcd_port: int | None  # None: it uses the etcd of another plane
    etcd_peer_port: int | None
    etcd: str
    prefix: str
    api_flags: tuple[str, ...] = field(default=())

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self.port}"

    def write(self) -> None:
        """Keep it in the plane's folder."""
        content = asdict(self) | {"folder": str(self.folder), "components": self.components.value}
        (self.folder / "plane.json").write_text(json.dumps(content, indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the one kept in this folder, wherever the folder has been moved to."""
        content: dict[str, Any] = json.loads((folder / "plane.json").read_text())
        content |= {"folder": folder, "components": Components(content["components"])}
        return cls(**content | {"api_flags": tuple(content["api_flags"])})


def etcd(spec: Spec, program: Path) -> list[str | Path]:
    """Etcd, one member. It trusts the disk's cache: what a power cut takes can be made again."""
    peer = f"http://127.0.0.1:{spec.etcd_peer_port}"
    return [
        program,
        f"--name={spec.name}",
        f"--data-dir={spec.folder / 'etcd'}",
        f"--listen-client-urls={spec.etcd}",
        f"--advertise-client-urls={spec.etcd}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={spec.name}={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(spec: Spec, program: Path, authority: Authority) -> list[str | Path]:
    """kube-apiserver with RBAC; a client is who its certificate or service account token says."""
    serving = authority.server("apiserver")
    tokens = authority.signing_key("service-accounts")
    own = [] if spec.components is Components.ALL else ["--disable-admission-plugins=ServiceAccount"]
    return [
        program,
        f"--etcd-servers={spec.etcd}",
        f"--etcd-prefix={spec.prefix}",
        f"--secure-port={spec.port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--cert-dir={spec.folder / 'pki'}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={authority.files.certificate}",
        "--authorization-mode=RBAC",
        f"--service-cluster-ip-range={_SERVICES}",
        f"--service-account-key-file={tokens.certificate}",
        f"--service-account-signing-key-file={tokens.key}",
        f"--service-account-issuer={spec.server}",
        # Without a controller nobody makes the account `default`, which Pods would be refused for.
        *own,
        # 127.0.0.1 is no address that an Endpoints object may hold.
        "--endpoint-reconciler-type=none",
        "--allow-privileged=true",
        "--profiling=false",
        *spec.api_flags,
    ]


def controller_manager(spec: Spec, program: Path, authority: Authority) -> list[str | Path]:
    """kube-controller-manager, each controller under its own service account as in a real cluster."""
    config = kubeconfig(spec, authority, "controller-manager", "system:kube-controller-manager")
    return [
        program,
        f"--kubeconfig={config}",
        "--secure-port=0",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={authority.signing_key('service-accounts').key}",
        f"--root-ca-file={authority.files.certificate}",
        f"--cluster-signing-cert-file={authority.files.certificate}",
        f"--cluster-signing-key-file={authority.files.key}",
        # At the default 20 a second, the start alone waits 5 s: an account and a token a controller.
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--profiling=false",
    ]


def scheduler(spec: Spec, program: Path, authority: Authority) -> list[str | Path]:
    """kube-scheduler."""
    config = kubeconfig(spec, authority, "scheduler", "system:kube-scheduler")
    return [
        program,
        f"--kubeconfig={config}",
        "--secure-port=0",
        "--leader-elect=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--profiling=false",
    ]


def kwok(spec: Spec, program: Path, authority: Authority) -> list[str | Path]:
    """Kwok plays the kubelet of every Node object; of Pods, with our stages: they run at once."""
    config = kubeconfig(spec, authority, "kwok", "kwok", "system:masters")
    played = spec.folder / "stages.yaml"
    played.write_text(stages.PODS)
    return [
        program,
        f"--kubeconfig={config}",
        f"--config={played}",  # and not the ~/.kwok/kwok.yaml of whoever runs this
        "--manage-all-nodes=true",
        f"--cidr={_PODS}",
        "--node-ip=127.0.0.1",
        "--node-lease-duration-seconds=40",
    ]


def node(name: str = NODE) -> Mapping[str, object]:
    """Return a Node object that kwok plays, large enough for every test."""
    size = {"cpu": "1000", "memory": "4Ti", "pods": "10000", "ephemeral-storage": "4Ti"}
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "type": "kwok",
    }
    metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
    status = {"allocatable": size, "capacity": size}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def kubeconfig(spec: Spec, authority: Authority, name: str, user: str, *groups: str) -> Path:
    """Write `<name>.kubeconfig` for a user of these groups, all data embedded; return its path."""
    pair = authority.client(name, user, *groups)
    path = spec.folder / f"{name}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(_KUBECONFIG.format(spec=spec, ca=authority.data, user=user, **_embedded(pair)))
    return path


def _embedded(pair: Pair) -> dict[str, str]:
    return {"certificate": _base64(pair.certificate), "key": _base64(pair.key)}


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


_KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters:
- name: {spec.name}
  cluster:
    server: {spec.server}
    certificate-authority-data: {ca}
users:
- name: {user}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: {spec.name}
  context:
    cluster: {spec.name}
    user: {user}
current-context: {spec.name}
"""
