"""The Kustomize base and the image: what a cluster is given to run the hub."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local import binaries
from fleet.cli import hub_base, hub_workload
from fleet.documents import read

ROOT = Path(__file__).parents[3]
CONTAINERFILE = ROOT / "bootstrap" / "hub" / "Containerfile"
IMAGE = "registry.test/fleethub:1"


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Any]]:
    """What an installation makes, by kind."""
    return {body["kind"]: body for body in hub_base.manifests("here", IMAGE)}


def built(folder: Path) -> list[dict[str, Any]]:
    """What Kustomize makes of a folder."""
    kubectl = Path(sys.executable).with_name("kubectl")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, check=True, timeout=60)
    return [document.value for document in read.read(done.stdout, path="built").items]


def test_the_base_is_what_install_applies() -> None:
    assert hub_base.stale(hub_base.FOLDER) == ()

    def keyed(bodies: Any) -> dict[tuple[str, str], Any]:
        return {(body["kind"], body["metadata"]["name"]): body for body in bodies}

    assert keyed(built(hub_base.FOLDER)) == keyed(hub_base.manifests("fleethub", hub_workload.IMAGE))


def test_an_overlay_gives_the_base_another_namespace_and_image(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "base").mkdir()
    for name, text in hub_base.files().items():
        if "/" not in name:
            (tmp_path / "base" / name).write_text(text)
    (tmp_path / "hub" / "kustomization.yaml").write_text(
        "namespace: gitops\nresources: [../base]\n"
        "images: [{name: registry.example/fleethub, newName: mirror.test/fleethub, newTag: '2'}]\n"
    )
    found = {(body["kind"], body["metadata"]["name"]): body for body in built(tmp_path / "hub")}
    assert ("Namespace", "gitops") in found
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        assert found[kind, "fleethub"]["subjects"][0]["namespace"] == "gitops"
    pod = found["Deployment", "fleethub"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "mirror.test/fleethub:2"


def test_a_file_of_the_base_that_was_edited_is_told(tmp_path: Path) -> None:
    for name, text in hub_base.files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert hub_base.stale(tmp_path) == ()
    (tmp_path / "service.yaml").write_text("kind: Service\n")
    (tmp_path / "more.yaml").write_text("kind: Pod\n")
    assert hub_base.stale(tmp_path) == ("more.yaml", "service.yaml")


def test_a_pod_of_the_hub_is_no_root_and_writes_only_where_it_has_a_volume(
    made: dict[str, dict[str, Any]],
) -> None:
    pod = made["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["FLEETHUB_DATA"] == environment["HOME"] == mounted["data"]
    assert mounted["tmp"] == "/tmp"  # noqa: S108 (where Python and git put what is for a moment)
    assert mounted.keys() == {volume["name"] for volume in pod["volumes"]}


def test_one_pod_more_than_none_is_left_whatever_drains(made: dict[str, dict[str, Any]]) -> None:
    deployment, budget = made["Deployment"]["spec"], made["PodDisruptionBudget"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["replicas"] > budget["minAvailable"]
    for one in (
        deployment["selector"]["matchLabels"],
        budget["selector"]["matchLabels"],
        made["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        made["Service"]["spec"]["selector"],
    ):
        assert one.items() <= labels.items()


def test_the_page_names_each_port_that_the_policy_lets_out(made: dict[str, dict[str, Any]]) -> None:
    page = (ROOT / "docs" / "installing.md").read_text()
    for rule in made["NetworkPolicy"]["spec"]["egress"]:
        for port in rule["ports"]:
            assert re.search(rf"^\|.*\b{port['port']}\b.*\|$", page, re.MULTILINE), port


def test_the_image_holds_the_programs_that_are_tested() -> None:
    text = CONTAINERFILE.read_text()
    for program in binaries.named(["helm", "kustomize"]):
        assert f"ARG {program.name.upper()}_VERSION={program.version}\n" in text
        assert f"{program.module}" in text
    assert f"USER {hub_workload.USER}:{hub_workload.USER}\n" in text


def test_the_containerfile_reads_and_breaks_no_rule(tmp_path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")

    def read_by(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([hadolint, path], capture_output=True, text=True, timeout=60)

    assert read_by(CONTAINERFILE).stdout == ""
    broken = tmp_path / "Containerfile"
    broken.write_text(CONTAINERFILE.read_text().replace("ENTRYPOINT [", "ENTRY ["))
    assert read_by(broken).returncode == 1
