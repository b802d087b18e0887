"""`python -m bootstrap.local.build [NAME...]`: make the programs that lack, from Go modules, once a user.

Contract: a program that is there is not built again; each is moved into the cache in one step when it is
ready, so an interrupted build goes on where it stopped. About 5 GB of modules and compiler cache are used
while it runs, in a folder inside the cache folder which is removed at the end, also on failure and on
Ctrl-C. Two builds at once: the second waits, and then finds the programs. Nothing is written elsewhere.
"""

import argparse
import contextlib
import fcntl
import itertools
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from bootstrap.local import binaries
from bootstrap.local.binaries import Program, Replaces
from bootstrap.local.progress import Progress
from bootstrap.local.toolchain import BuildFailed, Go, find_go, remove

_SPACE = 6 * 1024**3
_PATIENCE = 20.0


def build(programs: Iterable[Program] = binaries.PLANE) -> dict[str, Path]:
    """Build what lacks of `programs` and return all by name. Raises BuildFailed."""
    wanted = tuple(programs)
    if not all(binaries.find(program) for program in wanted):
        with _alone(binaries.cache()):
            # Only now: a build that went before may have made them.
            if missing := [program for program in wanted if binaries.find(program) is None]:
                _build(missing)
    return binaries.locate(wanted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build from the command line; 0 when all are there, 1 on failure, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog=binaries.BUILD, description="Build what local clusters need.")
    parser.add_argument("names", nargs="*", help="programs; without any, those of a control plane")
    names = parser.parse_args(arguments).names
    # As Ctrl-C, so that the folders are removed as well when a CI job is cancelled.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        found = build(binaries.named(names) if names else binaries.PLANE)
    except KeyError as error:
        parser.error(str(error.args[0]))
    except (BuildFailed, binaries.BinariesMissing, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was built is kept\n")
        return 130
    for name, path in found.items():
        sys.stdout.write(f"{name}\t{path}\n")
    return 0


def _build(missing: list[Program]) -> None:
    cache = binaries.cache()
    plane = [program.name for program in missing if program in binaries.PLANE]
    if plane and os.environ.get("FLEETHUB_BINARIES"):
        raise binaries.BinariesMissing(plane, binaries.folder())
    if (free := shutil.disk_usage(cache).free) < _SPACE:
        msg = f"{free / 1024**3:.1f} GB free in {cache}, a build needs 6: free some or set FLEETHUB_CACHE"
        raise BuildFailed(msg)
    bin_folder = binaries.built()
    bin_folder.mkdir(parents=True, exist_ok=True)
    scratch = cache / "building"
    remove(scratch)  # of a build that was killed: nobody else holds the lock
    groups = [
        list(group) for _, group in itertools.groupby(missing, key=lambda row: (row.module, row.version))
    ]
    try:
        scratch.mkdir()
        with Progress(len(missing) + len(groups)) as progress:
            go = Go(find_go(scratch, max(row.go for row in missing), progress.note), scratch)
            for group in groups:
                progress.step(f"fetching {group[0].module} {group[0].version} and what it needs")
                module = _prepare(go, group, scratch, progress.detail)
                for program in group:
                    progress.step(f"building {program.name} {program.version}")
                    ready = _compile(go, program, module, progress.detail)
                    ready.replace(bin_folder / program.file)
    finally:
        remove(scratch)


def _prepare(go: Go, group: list[Program], scratch: Path, say: Callable[[str], None]) -> Path:
    """Make a module that requires the group's module with the right replaces, and fetch all it needs."""
    program = group[0]
    folder = scratch / f"module-{program.name}"
    folder.mkdir()
    fetched = json.loads(go.run(["mod", "download", "-json", f"{program.module}@{program.version}"], scratch))
    own = json.loads(go.run(["mod", "edit", "-json", fetched["GoMod"]], scratch))
    lines = [f"module fleethub.invalid/{program.name}", f"go {own.get('Go', '1.24')}"]
    lines += [f"require {program.alias or program.module} {program.version}"]
    lines += [f"replace {line}" for line in _replaces(program, own.get("Replace") or [])]
    (folder / "go.mod").write_text("\n".join(lines) + "\n")
    count = itertools.count(1)

    def fetching(line: str) -> None:
        if line.startswith("go: downloading"):
            say(f"{next(count)} modules fetched")

    packages = [_package(row) for row in group]
    go.run(["list", "-deps", "-f", "{{.ImportPath}}", *packages], folder, fetching)
    return folder


def _replaces(program: Program, own: list[dict[str, dict[str, str]]]) -> Iterator[str]:
    if program.alias:
        yield f"{program.alias} => {program.module} {program.version}"
    for line in own:
        old, new = line["Old"]["Path"], line["New"]
        if program.replaces is Replaces.STAGING and new["Path"].startswith("./staging/"):
            yield f"{old} => {old} v0.{program.version.partition('.')[2]}"
        if program.replaces is Replaces.OWN and new.get("Version"):
            old += f" {version}" if (version := line["Old"].get("Version")) else ""
            yield f"{old} => {new['Path']} {new['Version']}"


def _compile(go: Go, program: Program, module: Path, say: Callable[[str], None]) -> Path:
    out = module / program.file
    in_all = len(go.run(["list", "-deps", _package(program)], module).split())
    count = itertools.count(1)

    def compiled(line: str) -> None:
        # With -v Go names each package as it begins it; packages shared with an earlier program are not.
        if line and " " not in line:
            say(f"{next(count)} of at most {in_all} packages")

    major, minor = program.version.lstrip("v").split(".")[:2]
    filled = [flag.format(version=program.version, major=major, minor=minor) for flag in program.ldflags]
    ldflags = " ".join(["-s", "-w", *(f"-X {flag}" for flag in filled)])
    arguments = ["build", "-v", "-trimpath", "-ldflags", ldflags, "-o", str(out), _package(program)]
    go.run(arguments, module, compiled)
    return out


def _package(program: Program) -> str:
    return "/".join(part for part in (program.alias or program.module, program.package) if part)


@contextlib.contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Hold the cache's build lock; the kernel drops it when this process dies, however it dies."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "build.lock").open("w") as lock:
        said = -_PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - said > _PATIENCE:
                    sys.stderr.write("another build is running, waiting for it\n")
                    said = time.monotonic()
                time.sleep(0.5)
        yield


if __name__ == "__main__":
    sys.exit(main())
