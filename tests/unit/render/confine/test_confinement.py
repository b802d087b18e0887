"""What a confined child can reach, and what becomes of one that takes too much: with the real programs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.local import binaries
from fleet.render.confine import launcher, strength
from fleet.render.confine.confinement import Confinement, Limits
from fleet.render.program import CalledOff, LimitExceeded, Name, ProgramFailed, ProgramMissing

CHART = {
    "chart/Chart.yaml": b"apiVersion: v2\nname: web\nversion: 0.1.0\n",
    "chart/values.yaml": b"size: 1\n",
}
MAP = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {size: {{ .Values.size | quote }}}\n"
FOLDERS = (binaries.folder(), binaries.built())


def chart(template: bytes) -> dict[str, bytes]:
    return {**CHART, "chart/templates/a.yaml": template}


def offered() -> list[str]:
    """The levels that this system has: each of them is tried."""
    probe = Confinement(FOLDERS)
    probe.start()
    try:
        return [
            level for level in launcher.LEVELS if level == launcher.LEVELS[-1] or strength.holds(probe, level)
        ]
    finally:
        probe.stop()


@pytest.fixture(scope="module", params=launcher.LEVELS)
def confinement(request: pytest.FixtureRequest) -> Iterator[Confinement]:
    level = request.param if request.param in offered() else launcher.LEVELS[-1]
    made = Confinement(FOLDERS, Limits(seconds=20, cpu=5, memory=512 << 20, output=4 << 20), level)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def strong() -> Iterator[Confinement]:
    made = Confinement(FOLDERS, Limits(seconds=20, cpu=3, memory=256 << 20, output=4 << 20))
    made.start()
    yield made
    made.stop()


def test_the_real_programs_run_and_say_their_versions(confinement: Confinement) -> None:
    programs = confinement.confined()
    assert programs.version(Name.HELM) == "helm v4.3.1"
    assert programs.version(Name.KUBECTL) == "kustomize v5.8.1"
    done = programs.run(Name.HELM, ["template", "r", "chart"], chart(MAP))
    assert b'size: "1"' in done.stdout
    done = programs.run(
        Name.KUBECTL, ["kustomize", "."], {"kustomization.yaml": b"resources: []\nnamePrefix: a-\n"}
    )
    assert done.stdout.strip() == b""


def test_more_parameters_than_a_program_can_be_given_are_told_and_the_next_run_is_well(
    strong: Confinement,
) -> None:
    long, many = ["--set", "a=" + "x" * 140_000], [f"--set=a{number}={'x' * 1000}" for number in range(400)]
    for given, told in (
        (long, "a parameter of helm is longer than"),
        (many, "parameters together are longer"),
    ):
        with pytest.raises(LimitExceeded, match=told):
            strong.confined().run(Name.HELM, ["template", "r", "chart", *given], chart(MAP))
    most = [f"--set=size={'x' * 1000}" for _ in range(150)]
    assert b"xxx" in strong.confined().run(Name.HELM, ["template", "r", "chart", *most], chart(MAP)).stdout


def test_this_system_has_more_than_limits(strong: Confinement) -> None:
    """Linux has Landlock or namespaces, in CI and in a Pod: a hub without either is not what is tested here."""
    assert not launcher.LINUX or strong.level in launcher.LEVELS[:-1]


def test_a_probe_gets_through_where_there_are_no_walls(strong: Confinement) -> None:
    assert not strength.holds(strong, "limits")


class Shell:
    """Runs a program that is no renderer behind the walls, to try what a hostile one would."""

    def __init__(self, confinement: Confinement, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.confinement = confinement
        self.folder = folder
        monkeypatch.setattr(
            confinement, "path", lambda _: Path(shutil.which("busybox") or "/bin/sh").resolve()
        )

    def run(self, script: str) -> str:
        done = self.confinement.confined().run(Name.HELM, ["-c", script], {"own.txt": b"mine"})
        return done.stdout.decode()


@pytest.fixture
def shell(strong: Confinement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(strong, tmp_path, monkeypatch)


def test_it_reads_its_own_files_and_no_other(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    monkeypatch.setenv("FLEETHUB_CANARY", "canary")
    told = shell.run(
        'read -r a < own.txt; echo "own=$a"; '
        f"for f in {secret} /etc/passwd /proc/{os.getpid()}/environ /proc/self/environ /proc/1/environ; do "
        'if read -r line < "$f"; then echo "read $f $line"; fi; done 2>/dev/null; '
        'echo "home=$HOME canary=$FLEETHUB_CANARY"; echo x > new.txt && echo wrote; '
        f"(echo x > {tmp_path}/out) 2>/dev/null && echo escaped; true"
    )
    assert "own=mine" in told
    assert "wrote" in told
    assert "canary=\n" in told
    assert "read " not in told
    assert "escaped" not in told
    assert not (tmp_path / "out").exists()


def test_it_dumps_no_core(shell: Shell) -> None:
    assert shell.run("ulimit -S -c; ulimit -H -c").split() == ["0", "0"]


def test_what_setsid_started_ends_with_it_and_the_folder_goes(shell: Shell) -> None:
    mark = f"own-{uuid.uuid4().hex}"
    shell.run(f"(while :; do : {mark}; done) & (while :; do : {mark}; done) & echo started")
    deadline = time.monotonic() + 20
    while True:
        busy = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        boxes = shell.confinement._boxes
        left = list(boxes.iterdir()) if boxes is not None and boxes.is_dir() else []
        if mark not in busy and not left:
            return
        assert time.monotonic() < deadline, (left, mark in busy)
        time.sleep(0.05)


LOOP = b"{{ range until 999 }}{{ range until 999 }}{{ range until 999 }}{{ range until 999 }}{{ end }}{{ end }}{{ end }}{{ end }}"
EATER = b'{{- $s := "x" }}{{ range until 40 }}{{ $s = printf "%s%s" $s $s }}{{ end }}a: {{ len $s }}\n'
PRINTER = b"{{- range until 400000 }}\n# xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n{{ end }}a: 1\n"


@pytest.mark.parametrize(("template", "words"), [(LOOP, "processor"), (EATER, "memory"), (PRINTER, "MiB")])
def test_a_chart_that_takes_too_much_is_ended_and_others_are_not_delayed(
    strong: Confinement, template: bytes, words: str
) -> None:
    errors: list[Exception] = []

    def hostile() -> None:
        try:
            strong.confined().run(Name.HELM, ["template", "r", "chart"], chart(template))
        except Exception as error:  # noqa: BLE001 (looked at below)
            errors.append(error)

    thread = threading.Thread(target=hostile)
    thread.start()
    done = strong.confined().run(Name.HELM, ["template", "r", "chart"], chart(MAP))
    assert b"ConfigMap" in done.stdout
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(errors[0], LimitExceeded), errors
    assert words in errors[0].text


def test_one_that_is_called_off_ends_at_once(strong: Confinement) -> None:
    programs = strong.confined()
    threading.Timer(0.3, programs.call_off).start()
    begun = time.monotonic()
    with pytest.raises(CalledOff):
        programs.run(Name.HELM, ["template", "r", "chart"], chart(LOOP))
    assert time.monotonic() - begun < 2.5
    with pytest.raises(CalledOff):
        programs.run(Name.HELM, ["template", "r", "chart"], chart(MAP))


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "a//b", "a/./b"])
def test_no_file_is_laid_outside_the_box(strong: Confinement, name: str) -> None:
    with pytest.raises(ProgramFailed):
        strong.confined().run(Name.HELM, ["version"], {name: b"x"})


def test_what_it_wrote_to_its_errors_names_no_path_of_this_machine(strong: Confinement) -> None:
    with pytest.raises(ProgramFailed) as caught:
        strong.confined().run(
            Name.KUBECTL, ["kustomize", "apps"], {"apps/kustomization.yaml": b"resources: [x.yaml]\n"}
        )
    assert "x.yaml" in caught.value.errors
    assert "fleethub-render" not in caught.value.errors


def test_a_program_that_is_not_there_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    made = Confinement([tmp_path])
    with pytest.raises(ProgramMissing, match="helm is not installed: install Helm 4"):
        made.path(Name.HELM)


def test_another_file_of_the_same_name_is_another_version(tmp_path: Path) -> None:
    made = Confinement([tmp_path])
    made.start()
    try:
        for version in ("v1", "v2"):
            program = tmp_path / "kustomize"
            program.unlink(missing_ok=True)
            program.write_text(f"#!/bin/sh\necho {version}\n")
            program.chmod(0o755)
            made.level = "limits"
            assert made.confined().version(Name.KUSTOMIZE) == f"kustomize {version}"
    finally:
        made.stop()


KILLED = """
import os, sys, threading, time
from fleet.render.confine.confinement import Confinement
from fleet.render.program import Name
from pathlib import Path
made = Confinement([Path(one) for one in sys.argv[1:]])
made.start()
chart = {"chart/Chart.yaml": b"apiVersion: v2\\nname: web\\nversion: 0.1.0\\n",
  "chart/templates/a.yaml": b"{{ range until 999 }}{{ range until 999 }}{{ range until 999 }}{{ end }}{{ end }}{{ end }}"}
threading.Thread(target=lambda: made.confined().run(Name.HELM, ["template", "r", "chart"], chart), daemon=True).start()
while not any(made._boxes.glob("*/files/chart/templates/a.yaml")):
    time.sleep(0.01)
print(made._boxes, flush=True)
time.sleep(60)
"""


def test_a_hub_that_is_killed_leaves_neither_process_nor_folder() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, *map(str, FOLDERS)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        boxes = Path(process.stdout.readline().strip())
        assert boxes.is_dir()
        process.kill()
    deadline = time.monotonic() + 10
    while boxes.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not boxes.exists()
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(boxes) not in running


def test_a_launcher_that_was_killed_is_started_anew(strong: Confinement) -> None:
    strong.box()
    assert strong._process is not None
    strong._process.kill()
    strong._process.wait()
    assert b"ConfigMap" in strong.confined().run(Name.HELM, ["template", "r", "chart"], chart(MAP)).stdout


def test_nothing_runs_after_the_stop(strong: Confinement) -> None:
    strong.stop()
    with pytest.raises(CalledOff):
        strong.confined().run(Name.HELM, ["version"], {})


def test_no_socket_of_any_kind_is_had(strong: Confinement) -> None:
    """The probe asks for TCP and UDP in the child; here it is seen that the answer counts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM):
        pass  # the test itself may
    assert strength.holds(strong, strong.level)
