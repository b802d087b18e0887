"""What a command imports, and where it can be imported: each looked at in a process of its own."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import fleet.cli

POSIX_ONLY = ("fcntl", "pwd", "grp", "termios", "resource", "posix_ipc", "tty", "pty")
HEAVY = ("kopf", "kubernetes", "aiohttp", "rich", "pydantic", "yaml", "msgspec", "structlog", "asyncio")
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(fleet.cli.__path__, "fleet.cli.")
    if not module.name.startswith("fleet.cli.demo") and not module.name.endswith("__main__")
)

_LOADED = """
import json, sys
from fleet.cli import main
code = main.execute({arguments!r})
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""


def loaded(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, set[str]]:
    """Run a command line in a fresh process; its exit code and the top-level names it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED.format(arguments=list(arguments))],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=env,
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("app", "--help"),
        ("app", "sync", "--help"),
        ("cluster", "add", "--help"),
        ("hub", "--help"),
        ("install", "--help"),
        ("local", "create", "--help"),
        ("nonsense",),
        ("app", "get"),
        ("trace", "--help"),
        ("trace",),
        ("version",),
        ("completion", "bash"),
    ],
)
def test_help_errors_and_completion_import_click_alone(arguments: tuple[str, ...]) -> None:
    _, modules = loaded(*arguments)
    assert not modules & set(HEAVY)


@pytest.mark.parametrize("verb", [("app", "list"), ("trace", "app"), ("trace", "0123456")])
def test_a_verb_imports_neither_kopf_nor_kubernetes_nor_rich(verb: tuple[str, ...], tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        json.dumps(
            {
                "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "a", "user": {"token": "t"}}],
                "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
                "current-context": "a",
            }
        )
    )
    code, modules = loaded(*verb, "--kubeconfig", str(kubeconfig))
    assert code == 1
    assert "aiohttp" in modules
    assert not modules & {"kopf", "kubernetes", "rich", "pydantic", "structlog", "git", "prometheus_client"}


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_structured_output_never_imports_rich(output: str) -> None:
    _, modules = loaded("version", "-o", output)
    assert "rich" not in modules
    assert ("yaml" in modules) == (output == "yaml")


def test_every_module_is_importable_where_posix_is_not() -> None:
    program = f"""
import importlib, sys
for name in {POSIX_ONLY!r}:
    sys.modules[name] = None
for name in {MODULES!r}:
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_client_half_is_importable_where_posix_is_not() -> None:
    """What a verb imports inside its function, on a machine without POSIX."""
    program = f"""
import sys
for name in {POSIX_ONLY!r}:
    sys.modules[name] = None
import fleet.cli.live, fleet.cli.objects, fleet.kube.trusted, fleet.kube.client, fleet.clusters.enrol
import fleet.clusters.kubeconfig, fleet.documents.write, fleet.shipped, fleet.projects.default
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
