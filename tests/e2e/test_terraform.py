"""The Terraform example from nothing to a running fleet and back, by each of the programs that people run it with."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bootstrap.local import binaries
from bootstrap.local.gitserver import GitServer
from fleet import names
from tests.stage.api import Api
from tests.stage.repository import Repository
from tests.stage.theatre import config, manifest

TERRAFORM = Path(__file__).parents[2] / "terraform"
BIN = Path(sys.executable).parent
MEMBERS = ("dev", "prod", "staging")
# Only what the example is to find: no fleethub but this one, no kind, no Go.
SYSTEM = "/usr/bin:/bin"


def programs() -> list[str]:
    """Those that are built here, and what is on PATH besides."""
    return ["terraform", "tofu", *(f"{name} on PATH" for name in ("terraform", "tofu") if shutil.which(name))]


@pytest.fixture(params=programs())
def program(request: pytest.FixtureRequest) -> str:
    name, _, elsewhere = request.param.partition(" ")
    if elsewhere:
        return str(shutil.which(name))
    return str(binaries.locate(binaries.named([name]))[name])


@dataclass(slots=True)
class Ground:
    """A copy of terraform/, a cache for control planes, a repository, and all that was printed."""

    folder: Path
    git: GitServer
    repo: Repository
    program: str
    printed: list[str] = field(default_factory=list)
    taken: dict[str, float] = field(default_factory=dict)

    @property
    def credential(self) -> Path:
        return self.folder / "credential.yaml"

    @property
    def example(self) -> Path:
        return self.folder / "terraform" / "examples" / "local-fleet"

    def run(self, *arguments: str, code: int = 0, folder: Path | None = None, **environment: str) -> str:
        """Run the program in the example's folder; what it printed."""
        begun = time.monotonic()
        done = subprocess.run(
            [self.program, *arguments],
            cwd=folder or self.example,
            env={
                "PATH": f"{BIN}:{SYSTEM}",
                "HOME": str(self.folder),
                "FLEETHUB_CACHE": str(self.folder / "cache"),
                "FLEETHUB_BINARIES": str(binaries.folder()),
                "CHECKPOINT_DISABLE": "1",
                "TF_IN_AUTOMATION": "1",
                "TF_VAR_root_url": self.repo.url,
                "TF_VAR_root_path": "root",
                "TF_VAR_root_revision": "main",
                "TF_VAR_root_credential": str(self.credential),
                "TF_VAR_prefix": "tf",
                "TF_VAR_hub_options": json.dumps([f"--allow-git={self.git.url}/", "--poll-interval=1s"]),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        said = done.stdout + done.stderr
        self.printed.append(said)
        self.taken[f"{arguments[0]} {len(self.taken)}"] = time.monotonic() - begun
        assert done.returncode == code, said
        return said


@pytest.fixture
def ground(tmp_path: Path, program: str) -> Iterator[Ground]:
    shutil.copytree(
        TERRAFORM, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
    )
    for folder in ("repositories", "clones"):
        (tmp_path / folder).mkdir()
    with GitServer(tmp_path / "repositories") as git:
        repo = Repository(git, tmp_path / "repositories", "deploy", tmp_path / "clones")
        made = Ground(tmp_path, git, repo, program)
        opens = {"url": repo.url, "username": "hub", "password": "root-credential-canary"}
        labels = {names.SECRET_TYPE: "repository"}
        metadata = {"labels": labels}
        made.credential.write_text(
            manifest("Secret", "root", names.HUB_NAMESPACE, metadata=metadata, stringData=opens)
        )
        try:
            yield made
        finally:
            _clear(made)


def _clear(ground: Ground) -> None:
    """End what a failed test left."""
    environment = {**os.environ, "FLEETHUB_CACHE": str(ground.folder / "cache")}
    for name in ("hub", *MEMBERS):
        command = [str(BIN / "fleethub"), "local", "delete", f"tf-{name}", "--ignore-missing"]
        subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)


def app(url: str) -> str:
    """An Application that the root repository declares for all members."""
    spec = {
        "source": {"repoURL": url, "path": "apps/hello", "targetRevision": "main"},
        "placement": {"clusterSelector": {"matchExpressions": [{"key": "env", "operator": "Exists"}]}},
        "namespace": "hello",
        "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
    }
    return manifest("Application", "hello", names.HUB_NAMESPACE, spec=spec)


@pytest.mark.timeout(400)
def test_the_example_makes_a_fleet_from_nothing_changes_nothing_again_and_leaves_nothing(
    ground: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.repo.commit({"root/hello.yaml": app(ground.repo.url), "apps/hello/a.yaml": config("a", k="v")})
    ground.run("init", "-input=false", "-no-color")
    apply = ("apply", "-auto-approve", "-input=false", "-no-color")

    # It breaks half-way, and says why; the next one goes on from there.
    said = ground.run(*apply, code=1, TF_VAR_hub_options='["--no-such-option"]')
    assert "No such option" in said
    made = ground.run(*apply)
    assert "module.hub_cluster.terraform_data.created: Creating" not in made
    assert "3 clusters are Ready and synced." in made
    secrets = asyncio.run(fleet(ground))

    again = ground.run("plan", "-detailed-exitcode", "-input=false", "-no-color")
    assert "No changes" in again
    assert "0 added, 0 changed, 0 destroyed" in ground.run(*apply)

    # A new label is given in place: nothing is taken away on the way.
    main = ground.example / "main.tf"
    main.write_text(
        main.read_text().replace('dev     = { env = "dev" }', 'dev     = { env = "dev", tier = "one" }')
    )
    changed = ground.run(*apply)
    assert re.search(r"\bdev +changed\b", changed)
    assert re.search(r"\bprod +unchanged\b", changed)
    assert "cluster remove" not in changed

    # What was handed over is nowhere that Terraform keeps or prints.
    shown = ground.run("show", "-json", "-no-color")
    state = ground.example / "terraform.tfstate"
    assert len(secrets) >= 12
    assert "root-credential-canary" in secrets
    for text in (state.read_text(), shown, *ground.printed):
        assert not [secret for secret in secrets if secret in text]

    gone = ground.run("destroy", "-auto-approve", "-input=false", "-no-color")
    lines = gone.splitlines()
    removed = [
        i
        for i, line in enumerate(lines)
        if re.match(r"module.register.*registration.*Destruction complete", line)
    ]
    ended = [
        i for i, line in enumerate(lines) if re.match(r"module.(members|hub).*lifetime.*: Destroying", line)
    ]
    assert len(removed) == 3
    assert max(removed) < min(ended)
    assert gone.count("Taken back: ClusterRoleBinding fleethub") == 3
    assert list((ground.folder / "cache" / "planes").iterdir()) == []
    assert list((ground.example / ".fleethub").iterdir()) == []
    assert running(str(ground.folder)) == []
    with capsys.disabled():
        steps = ", ".join(f"{step.split()[0]} {seconds:.1f} s" for step, seconds in ground.taken.items())
        print(f"\n{Path(ground.program).name}: {steps}")  # noqa: T201 (the time of each step)
        for line in made.splitlines():
            if "Creation complete after" in line:
                print(f"  {line}")  # noqa: T201


async def fleet(ground: Ground) -> set[str]:
    """Look at the fleet as it is; gives every credential that was made on the way."""
    found: set[str] = set()
    for file in (ground.example / ".fleethub").iterdir():
        assert file.stat().st_mode & 0o077 == 0
        found |= set(re.findall(r"client-key-data\W+([\w+/=]+)", file.read_text()))
    hub = await Api.of(ground.example / ".fleethub" / "tf-hub.kubeconfig")
    try:
        clusters = await hub.list("Cluster", names.HUB_NAMESPACE)
        assert [one["metadata"]["name"] for one in clusters] == sorted(MEMBERS)
        for one in clusters:
            conditions = {each["type"]: each["status"] for each in one["status"]["conditions"]}
            assert conditions["Ready"] == "True"
        for secret in await hub.list("Secret", names.HUB_NAMESPACE):
            found |= _content(secret)
    finally:
        await hub.close()
    for name in MEMBERS:
        member = await Api.of(ground.example / ".fleethub" / f"tf-{name}.kubeconfig")
        try:
            assert await member.get("ConfigMap", "a", "hello") is not None
            for secret in await member.list("Secret", names.MEMBER_NAMESPACE):
                found |= _content(secret)
        finally:
            await member.close()
    return found


def _content(secret: dict[str, Any]) -> set[str]:
    """A Secret's values, in base64 and in clear, and tokens inside."""
    found = set()
    for value in (secret.get("data") or {}).values():
        clear = base64.b64decode(value).decode(errors="replace")
        found |= {value, *re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", clear)}
        if "\n" not in clear and not clear.startswith("http"):
            found.add(clear)
    return {one for one in found if len(one) > 15}


def running(folder: str) -> list[str]:
    """Processes whose command names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if folder in command and "git" not in command.split(" ")[0]:
                found.append(command)
    return found


def test_what_lacks_on_the_machine_is_said_and_the_rest_of_the_folder_reads(ground: Ground) -> None:
    root = ground.folder / "terraform" / "trial"
    root.mkdir()
    apply = ("apply", "-auto-approve", "-input=false", "-no-color")

    def trial(module: str, **environment: str) -> str:
        (root / "main.tf").write_text(
            f'module "it" {{\n  source = "../modules/{module}"\n  name   = "tf-hub"\n}}\n'
        )
        ground.run("init", "-input=false", "-no-color", folder=root)
        said = ground.run(*apply, code=1, folder=root, **environment)
        ground.run("destroy", "-auto-approve", "-input=false", "-no-color", folder=root)
        return said

    assert "fleethub is not on PATH: install it" in trial("cluster-local", PATH=SYSTEM)
    empty = ground.folder / "empty"
    empty.mkdir()
    said = " ".join(trial("cluster-local", FLEETHUB_BINARIES=str(empty)).split())
    assert "not found in" in said
    assert "kube-apiserver" in said
    (root / "terraform.tfstate").unlink()
    (root / "main.tf").write_text(
        'module "it" {\n  source = "../modules/cluster-kind"\n  name   = "tf-hub"\n}\n'
    )
    ground.run("init", "-input=false", "-no-color", folder=root)
    assert "kind is not on PATH" in ground.run(*apply, code=1, folder=root)

    ground.run("fmt", "-check", "-recursive", "-no-color", folder=ground.folder / "terraform")
    managed = ground.folder / "terraform" / "examples" / "managed"
    ground.run("init", "-input=false", "-no-color", folder=managed)
    ground.run("validate", "-no-color", folder=managed)


def test_a_list_longer_than_one_variable_with_values_that_a_shell_would_read_goes_in_one_call(
    ground: Ground,
) -> None:
    root = ground.folder / "terraform" / "trial"
    root.mkdir()
    (root / "main.tf").write_text(
        'module "it" {\n'
        '  source         = "../modules/register"\n'
        '  hub_kubeconfig = "hub file"\n'
        "  wait           = false\n"
        '  clusters = { for index in range(30) : "c${index}" => {\n'
        '    kubeconfig  = "it\'s a $(touch hit) `touch hit` \\"file\\""\n'
        '    annotations = { "acme.example/zones" = join(",", range(1000, 2000)) }\n'
        "  } }\n"
        "}\n"
    )
    stub = ground.folder / "stub"
    stub.mkdir()
    (stub / "fleethub").write_text(
        f'#!/bin/sh\necho "$@" >> {stub}/asked\n[ "$2" != apply ] || cat > {stub}/told\n'
    )
    (stub / "fleethub").chmod(0o755)
    path = f"{stub}:{SYSTEM}"
    ground.run("init", "-input=false", "-no-color", folder=root)
    ground.run("apply", "-auto-approve", "-input=false", "-no-color", folder=root, PATH=path)
    told = json.loads((stub / "told").read_text())
    assert {one["name"] for one in told} == {f"c{index}" for index in range(30)}
    assert {Path(one["memberKubeconfig"]).name for one in told} == {'it\'s a $(touch hit) `touch hit` "file"'}
    assert (stub / "asked").read_text() == "cluster apply -f - --timeout 5m\n"
    ground.run("destroy", "-auto-approve", "-input=false", "-no-color", folder=root, PATH=path)
    removed = (stub / "asked").read_text().splitlines()[1:]
    assert len(removed) == 30
    assert all("--kubeconfig hub file --member-kubeconfig" in line for line in removed)
    assert not (root / "hit").exists()
