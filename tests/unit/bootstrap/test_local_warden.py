"""Processes end and folders go with their owner, also when nobody can ask it to clean up."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bootstrap.local import watchdog
from bootstrap.local.processes import start
from bootstrap.local.warden import Warden
from tests.unit.bootstrap.local_protocols import Eventually

# A server that ignores TERM and has a child of its own, and a folder: the worst that a warden must end.
OWNER = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from bootstrap.local.warden import Warden

    folder = Path(sys.argv[1])
    warden = Warden(grace=0.2)
    warden.folder(folder)
    script = "trap '' TERM; sleep 1000 & echo $!; wait; wait"
    server = warden.spawn(["sh", "-c", script], stdout=folder / "log")
    while not (folder / "log").read_text().endswith("\\n"):
        time.sleep(0.01)
    try:
        print(server.pid, (folder / "log").read_text().strip(), warden._watchdog.pid, flush=True)
        time.sleep(1000)
    except KeyboardInterrupt:
        print("interrupted", server.running(), flush=True)
        warden.close()
        print("closed", flush=True)
""")


@contextmanager
def owner(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """Start an owner of a server and a folder; also the ids of server, its child and the watchdog."""
    command = [sys.executable, "-c", OWNER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            yield process, [int(word) for word in process.stdout.readline().split()]
        finally:
            process.kill()


def test_an_owner_killed_with_sigkill_leaves_no_process_and_no_folder(
    tmp_path: Path, eventually: Eventually, gone: Callable[[int], bool]
) -> None:
    folder = tmp_path / "owned"
    with owner(folder) as (process, pids):
        assert len(pids) == 3
        assert not any(gone(pid) for pid in pids)
        process.kill()
        process.wait()
        eventually(lambda: all(gone(pid) for pid in pids))
    assert not folder.exists()


def test_ctrl_c_reaches_the_owner_only_which_then_decides(
    tmp_path: Path, eventually: Eventually, gone: Callable[[int], bool]
) -> None:
    folder = tmp_path / "owned"
    with owner(folder) as (process, pids):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.stdout is not None
        assert process.stdout.readline() == "interrupted True\n"
        assert process.stdout.readline() == "closed\n"
        assert not folder.exists()
        eventually(lambda: all(gone(pid) for pid in pids))


def test_a_stopped_process_is_ended_too(tmp_path: Path) -> None:
    with Warden() as warden:
        process = warden.spawn(["sleep", "1000"], stdout=tmp_path / "log")
        process.send(signal.SIGSTOP)
    assert process.exit_code() == -signal.SIGTERM


# Its first thread ends; another one holds what the process has open.
HEADLESS = textwrap.dedent("""
    import ctypes, threading, time

    threading.Thread(target=time.sleep, args=(1000,)).start()
    ctypes.CDLL(None).pthread_exit(None)
""")


@pytest.mark.skipif(
    sys.platform != "linux", reason="tells of threads in /proc, which other systems do not have"
)
def test_a_process_has_ended_when_its_last_thread_has(eventually: Eventually) -> None:
    with subprocess.Popen([sys.executable, "-c", HEADLESS], start_new_session=True) as process:
        stat = Path(f"/proc/{process.pid}/stat")
        eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z")
        began = watchdog.started(process.pid)
        assert began is not None
        watchdog.end([(process.pid, began)], 5.0)
        assert watchdog.started(process.pid) is None
        process.wait(5)


def test_a_folder_that_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    with Warden() as warden:
        kept = warden.folder(tmp_path / "kept")
        removed = warden.folder(tmp_path / "removed")
        warden.keep(kept)
    assert (kept.exists(), removed.exists()) == (True, False)


def test_a_warden_whose_watchdog_was_killed_does_the_work_itself(tmp_path: Path) -> None:
    with Warden() as warden:
        folder = warden.folder(tmp_path / "owned")
        process = warden.spawn(["sleep", "1000"], stdout=tmp_path / "log")
        warden._watchdog.kill()
    assert not process.running()
    assert not folder.exists()


def test_a_program_that_nobody_could_register_never_runs(tmp_path: Path, eventually: Eventually) -> None:
    started = []

    def dies(process: object) -> None:
        started.append(process)
        msg = "the starter dies here"
        raise KeyboardInterrupt(msg)

    with pytest.raises(KeyboardInterrupt):
        start(["touch", tmp_path / "ran"], None, tmp_path / "log", dies)
    eventually(lambda: not started[0].running())
    assert not (tmp_path / "ran").exists()


def test_a_server_does_not_keep_the_watchdog_waiting(tmp_path: Path, eventually: Eventually) -> None:
    with Warden() as warden:
        process = warden.spawn(["sleep", "1000"], stdout=tmp_path / "log")
        eventually(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "sleep\n")
        held = {path.readlink() for path in Path(f"/proc/{process.pid}/fd").iterdir()}
        assert Path(f"/proc/self/fd/{warden._orders.fileno()}").readlink() not in held
