"""A plane is a real cluster: it runs Pods, keeps objects over restarts and leaves nothing behind."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.local.plane import Plane, PlaneFailed
from bootstrap.local.servers import Components
from bootstrap.local.warden import Warden
from tests.unit.bootstrap.local_protocols import Kubectl


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, warden: Warden) -> Iterator[Plane]:
    with Plane.create("alpha", tmp_path_factory.mktemp("alpha"), warden=warden) as plane:
        yield plane


def test_a_deployment_becomes_running_pods(plane: Plane, kubectl: Kubectl) -> None:
    kubectl(plane.kubeconfig, "create", "deployment", "web", "--image=web", "--replicas=3")
    kubectl(plane.kubeconfig, "rollout", "status", "deployment/web", "--timeout=20s")
    pods = json.loads(kubectl(plane.kubeconfig, "get", "pods", "-l", "app=web", "-o", "json"))["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3


def test_the_kubeconfig_needs_no_other_file(plane: Plane, kubectl: Kubectl, tmp_path: Path) -> None:
    alone = tmp_path / "config"
    alone.write_bytes(plane.kubeconfig.read_bytes())
    assert str(plane.folder) not in alone.read_text()
    assert json.loads(kubectl(alone, "version", "-o", "json"))["serverVersion"]["gitVersion"] == "v1.36.3"


def test_another_user_may_do_what_rbac_grants(plane: Plane, kubectl: Kubectl) -> None:
    reader = plane.kubeconfig_for("rita", "readers")
    kubectl(
        plane.kubeconfig, "create", "clusterrolebinding", "readers", "--clusterrole=view", "--group=readers"
    )
    assert "No resources found" not in kubectl(reader, "get", "configmaps", "-n", "default")
    with pytest.raises(RuntimeError, match="is forbidden"):
        kubectl(reader, "create", "configmap", "mine")


def test_stop_and_start_keep_objects_and_kubeconfig(plane: Plane, kubectl: Kubectl) -> None:
    kubectl(plane.kubeconfig, "create", "configmap", "kept", "--from-literal=a=1")
    before, server = plane.kubeconfig.read_bytes(), plane.server
    plane.stop()
    assert plane.running() == {}
    plane.start()
    plane.wait_ready()
    assert (plane.kubeconfig.read_bytes(), plane.server) == (before, server)
    assert "kept" in kubectl(plane.kubeconfig, "get", "configmaps")
    kubectl(plane.kubeconfig, "create", "deployment", "after", "--image=web")
    kubectl(plane.kubeconfig, "rollout", "status", "deployment/after", "--timeout=20s")


def test_a_killed_plane_starts_again_with_its_objects(plane: Plane, kubectl: Kubectl) -> None:
    kubectl(plane.kubeconfig, "create", "configmap", "survivor")
    plane.kill()
    assert plane.running() == {}
    plane.start()
    plane.wait_ready()
    assert "survivor" in kubectl(plane.kubeconfig, "get", "configmaps")


def test_a_paused_plane_answers_nothing_until_it_is_resumed(plane: Plane, kubectl: Kubectl) -> None:
    plane.pause()
    try:
        with pytest.raises(RuntimeError, match=r"(?i)timeout|deadline"):
            kubectl(plane.kubeconfig, "get", "--raw", "/readyz", "--request-timeout=500ms")
    finally:
        plane.resume()
    assert kubectl(plane.kubeconfig, "get", "--raw", "/readyz") == "ok"


def test_two_api_servers_share_one_etcd_under_different_prefixes(
    plane: Plane, kubectl: Kubectl, tmp_path: Path, warden: Warden
) -> None:
    second = Plane.create(
        "beta",
        tmp_path / "beta",
        components=Components.API_ONLY,
        warden=warden,
        etcd=plane.etcd,
        prefix="/beta",
    )
    with second:
        assert set(second.running()) == {"kube-apiserver"}
        kubectl(second.kubeconfig, "create", "configmap", "of-beta", "-n", "kube-system")
        assert "of-beta" not in kubectl(plane.kubeconfig, "get", "configmaps", "-n", "kube-system")


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path, warden: Warden) -> None:
    broken = Plane.create(
        "broken",
        tmp_path,
        components=Components.API_ONLY,
        warden=warden,
        api_flags=("--no-such-flag",),
    )
    with pytest.raises(PlaneFailed, match=r"kube-apiserver of broken ended .*(?s:.*)no-such-flag"), broken:
        pass
    assert broken.running() == {}


def test_a_port_that_was_taken_meanwhile_is_given_up_for_another(tmp_path: Path, kubectl: Kubectl) -> None:
    plane = Plane.create("late", tmp_path / "late", components=Components.API_ONLY)
    taken = plane.port
    with socket.create_server(("127.0.0.1", taken)), plane:
        assert plane.port != taken
        assert kubectl(plane.kubeconfig, "get", "--raw", "/readyz") == "ok"
    # Without a warden of ours it had its own, and so its folder is gone as well.
    assert not plane.folder.exists()


def test_a_port_that_was_asked_for_is_not_changed(tmp_path: Path, warden: Warden) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        plane = Plane.create(
            "fixed",
            tmp_path,
            components=Components.API_ONLY,
            warden=warden,
            port=holder.getsockname()[1],
        )
        with pytest.raises(PlaneFailed, match="address already in use"), plane:
            pass


def test_a_name_that_kubernetes_would_refuse_is_refused(tmp_path: Path, warden: Warden) -> None:
    with pytest.raises(ValueError, match="lower case"):
        Plane.create("Not_a name", tmp_path, warden=warden)
