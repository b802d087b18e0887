"""Planes for the command line outlive the command, and go when they are deleted."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.local import binaries, lasting
from bootstrap.local.servers import Components
from tests.unit.bootstrap.local_protocols import Eventually, Kubectl

CREATE = """
import sys
from bootstrap.local import lasting
from bootstrap.local.servers import Components
lasting.create(sys.argv[1], components=Components.API_ONLY)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a cache of the test's own, with the ready programs of the user's."""
    monkeypatch.setenv("FLEETHUB_BINARIES", str(binaries.folder()))
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_plane_outlives_its_command_stops_starts_and_is_deleted(home: Path, kubectl: Kubectl) -> None:
    subprocess.run([sys.executable, "-c", CREATE, "dev"], check=True, timeout=60)
    try:
        (plane,) = lasting.list_all()
        assert (plane.name, plane.components) == ("dev", Components.API_ONLY)
        assert set(plane.running) == {"etcd", "kube-apiserver"}
        kubectl(plane.kubeconfig, "create", "configmap", "kept")
        with pytest.raises(lasting.PlaneExists):
            lasting.create("dev")

        lasting.stop("dev")
        assert lasting.find("dev").running == ()
        assert lasting.start("dev").server == plane.server
        assert "kept" in kubectl(plane.kubeconfig, "get", "configmaps")
    finally:
        lasting.delete("dev")
    assert lasting.list_all() == ()
    assert not any(str(home) in line for line in _commands())


def test_a_create_that_was_interrupted_leaves_nothing(home: Path, eventually: Eventually) -> None:
    with subprocess.Popen([sys.executable, "-c", CREATE, "dev"], stderr=subprocess.DEVNULL) as process:
        eventually((home / "planes" / "dev" / "logs" / "kube-apiserver.log").exists)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) != 0
    assert not (home / "planes" / "dev").exists()
    assert not any(str(home) in line for line in _commands())


def test_a_create_that_was_killed_is_cleaned_by_delete(home: Path, eventually: Eventually) -> None:
    with subprocess.Popen([sys.executable, "-c", CREATE, "dev"]) as process:
        eventually((home / "planes" / "dev" / "logs" / "kube-apiserver.log").exists)
        process.kill()
    lasting.delete("dev")
    assert not any(str(home) in line for line in _commands())


def test_a_process_with_the_number_of_a_server_of_before_is_left_alone(
    home: Path, gone: Callable[[int], bool]
) -> None:
    folder = home / "planes" / "old"
    folder.mkdir(parents=True)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as bystander:
        (folder / "processes.json").write_text(f'{{"etcd": [{bystander.pid}, "1"]}}')
        lasting.delete("old")
        assert not gone(bystander.pid)
        bystander.kill()


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "/etc"])
def test_a_name_never_leaves_the_cache(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        lasting.delete(name)


def test_a_name_that_does_not_exist_is_told_with_those_that_do(home: Path) -> None:
    (home / "planes" / "one").mkdir(parents=True)
    with pytest.raises(lasting.NoSuchPlane, match="there are: one"):
        lasting.delete("two")


def _commands() -> list[str]:
    """Return the command lines of all other processes of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if path.parent.name != str(os.getpid()):
            try:
                found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return found
