"""The process that forks confined children, so that none costs a start of Python and the hub's threads never fork.

Run by path (``python -I -S launcher.py FD FOLDER``): standard library only, one thread. Over the sequenced-packet
socket FD come JSON orders, each with three file descriptors: the child's output, its errors, and a pipe on which
its end is told.

    {"id": N, "program": PATH, "beside": {NAME: PATH}, "argv": [...], "box": PATH, "folder": "files/x", "env": {...},
     "limits": {"data": B, "cpu": S, "file": B, "files": N}, "level": "namespaces"}
    {"kill": N}

At the end of the socket, which comes when the hub dies by whatever way too, every child is killed and FOLDER is
removed. Levels, each with what the weaker ones have: ``limits`` (resource limits, a process group), ``landlock``
(no file outside the box, no socket), ``namespaces`` (a root that holds nothing else, no network, own process ids).
"""

import contextlib
import ctypes
import json
import os
import platform
import selectors
import shutil
import signal
import socket
import struct
import sys

with contextlib.suppress(ImportError):  # not on Windows, where this is read and never run
    import resource

LEVELS = ("namespaces", "landlock", "limits")
FAILED = 125  # the exit code of a child that could not be confined
LINUX = sys.platform == "linux"
_MACHINE = platform.machine()

_CLONE = (
    0x00020000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
)  # ns uts ipc user pid net
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = (
    1,
    2,
    4,
    32,
    4096,
    16384,
    1 << 18,
)
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
# socket, socketpair, io_uring_setup, ptrace, by architecture (linux/audit.h for the first number)
_REFUSED = {
    "x86_64": (0xC000003E, (41, 53, 425, 101)),
    "aarch64": (0xC00000B7, (198, 199, 425, 117)),
}
_X32 = 0x40000000
# Landlock (linux/landlock.h): all accesses to files of ABI 1, later ones by ABI
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_ALL = ((1 << 13) - 1, 1 << 13, 1 << 14, 0, 1 << 15)
_NEEDED = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/etc/ld.so.cache",
)  # of a program that is linked dynamically


def main(fd: int, folder: str) -> None:
    """Take orders until the socket ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    wake_read, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wake_read, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    orders = socket.socket(fileno=fd)
    orders.setblocking(True)
    children: dict[int, tuple[int, int]] = {}  # pid: id, the descriptor on which its end is told
    with selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        selector.register(wake_read, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 4096)
            _reap(children)
            if orders.fileno() in ready and not _order(orders, children):
                break
    for pid in children:
        _kill(pid)
    for pid in children:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
    shutil.rmtree(folder, ignore_errors=True)


def _order(orders: socket.socket, children: dict[int, tuple[int, int]]) -> bool:
    """Carry out one order; False at the end of the socket."""
    data, fds, _, _ = socket.recv_fds(orders, 1 << 20, 3)
    if not data:
        return False
    order = json.loads(data)
    if "kill" in order:
        for pid, (number, _) in children.items():
            if number == order["kill"]:
                _kill(pid)
        return True
    out, errors, told = fds
    pid = os.fork()
    if pid == 0:
        try:
            signal.set_wakeup_fd(-1)
            _child(order, out, errors)
        except BaseException as error:  # noqa: BLE001 (whatever it is, the child must not go on as a launcher)
            with contextlib.suppress(OSError):
                os.write(errors, f"it could not be confined: {type(error).__name__}: {error}".encode())
        os._exit(FAILED)
    os.close(out)
    os.close(errors)
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)
    children[pid] = (order["id"], told)
    return True


def _reap(children: dict[int, tuple[int, int]]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _, told = children.pop(pid, (0, -1))
        if told >= 0:
            _kill(pid)  # whatever of its group is left
            with contextlib.suppress(OSError):
                os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(told)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _child(order: dict, out: int, errors: int) -> None:  # type: ignore[type-arg]
    """Become the program; returns only by raising."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (errors, 2)):
        os.dup2(source, target)
    os.closerange(3, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 65536))
    level, box = order["level"], order["box"]
    program, folder, temporary = order["program"], f"{box}/{order['folder']}", f"{box}/files/.tmp"
    beside = order.get("beside", {})
    limits(order["limits"])
    if level == "namespaces":
        namespaces(box, {"program": program, **beside})
        program, box, temporary = "/program", "/", "/files/.tmp"
        beside = {name: f"/{name}" for name in beside}
        folder = f"/{order['folder']}"
    os.chdir(folder)
    if level != "limits":
        landlock(f"{box}/files" if box != "/" else "/files", (program, *beside.values()))
    if order.get("probe"):
        os._exit(probe())
    environment = {**order["env"], "HOME": temporary, "TMPDIR": temporary, "PATH": ""}
    argv = order["argv"]
    for name, path in beside.items():
        argv = [one.replace("{" + name + "}", path) for one in argv]
    os.execve(program, argv, environment)


def probe() -> int:
    """What a confined process can still do: 1 reads a file outside, 2 opens a socket, 4 cannot write its own; 0 is right."""
    found = 0
    with contextlib.suppress(OSError):
        os.close(os.open("/etc/passwd", os.O_RDONLY))
        found |= 1
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with contextlib.suppress(OSError):
            socket.socket(socket.AF_INET, kind).close()
            found |= 2
    try:
        with open("probe", "w") as file:
            file.write("1")
    except OSError:
        found |= 4
    return found


def limits(given: dict[str, int]) -> None:
    """Bound what the process may take; the kernel ends it beyond that."""
    # RLIMIT_DATA counts what is really mapped to be written; RLIMIT_AS would end every Go program at its start.
    for name, value in (
        (resource.RLIMIT_DATA, given["data"]),
        (resource.RLIMIT_CPU, given["cpu"]),
        (resource.RLIMIT_FSIZE, given["file"]),
        (resource.RLIMIT_NOFILE, given["files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(name)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(name, (most, most))


def namespaces(box: str, programs: dict[str, str]) -> None:
    """Go on, as another process, in a world that holds the box and the programs alone, by these names."""
    libc = _libc()
    user, group = os.getuid(), os.getgid()
    _ask(libc.unshare(_CLONE))
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")
    _mount("none", "/", _MS_REC | _MS_PRIVATE)
    _mount(box, box, _MS_BIND | _MS_REC)
    for name, program in programs.items():
        _bind(program, f"{box}/{name}", file=True, flags=_MS_RDONLY)
    _bind("/dev/null", f"{box}/dev/null", file=True, flags=0)
    if any(_dynamic(program) for program in programs.values()):
        for needed in _NEEDED:
            if os.path.exists(needed):
                _bind(needed, box + needed, file=os.path.isfile(needed), flags=_MS_RDONLY)
    os.chdir(box)
    old = f"{box}/.old"
    os.mkdir(old, 0o700)
    _ask(libc.syscall(_PIVOT_ROOT[_MACHINE], box.encode(), old.encode()))
    os.chdir("/")
    _ask(libc.umount2(b"/.old", _MNT_DETACH))
    os.rmdir("/.old")
    pid = os.fork()
    if pid:  # outside: waits, and ends as the other did
        os.closerange(0, 3)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code < 0:
            with contextlib.suppress(OSError):  # KILL has no other way
                signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        os._exit(code if code >= 0 else 128 - code)
    _ask(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def landlock(work: str, programs: tuple[str, ...]) -> None:
    """Forbid every file but those of the folder and the programs, and every socket."""
    libc = _libc()
    _ask(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    abi = landlock_abi()
    if abi:
        every = 0
        for access in _ALL[:abi]:
            every |= access
        attributes = struct.pack("=QQQ", every, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
        attributes = attributes[: 8 if abi < 4 else 16 if abi < 6 else 24]
        ruleset = _ask(libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
        _allow(
            libc, ruleset, work, every & ~(1 | 0x40 | 0x800 | 0x200 | 0x400)
        )  # no exec, no device, no socket
        for program in programs:
            _allow(libc, ruleset, program, _EXECUTE | _READ_FILE)
        _allow(libc, ruleset, "/dev/null", _READ_FILE | _WRITE)
        if any(_dynamic(program) for program in programs):
            for needed in _NEEDED:
                if os.path.exists(needed):
                    directory = 0 if os.path.isfile(needed) else _READ_DIR
                    _allow(libc, ruleset, needed, _EXECUTE | _READ_FILE | directory)
        _ask(libc.syscall(_RESTRICT, ruleset, 0))
        os.close(ruleset)
    _no_sockets(libc)


def landlock_abi() -> int:
    """The version of Landlock that the kernel has; 0 where it has none."""
    if not LINUX:
        return 0
    found = _libc().syscall(_CREATE, None, ctypes.c_size_t(0), 1)
    return max(0, int(found))


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", access, fd)
        _ask(libc.syscall(_ADD, ruleset, 1, rule, 0))
    finally:
        os.close(fd)


def _no_sockets(libc: ctypes.CDLL) -> None:
    """A seccomp filter (linux/filter.h): a socket is refused, what is foreign to the architecture ends the process."""
    architecture, calls = _REFUSED[_MACHINE]
    load, equal, least, answer = 0x20, 0x15, 0x35, 0x06
    allow, refuse, end = 0x7FFF0000, 0x00050000 | 13, 0x80000000
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, end), (load, 0, 0, 0)]
    if _MACHINE == "x86_64":
        steps += [(least, 0, 1, _X32), (answer, 0, 0, end)]
    for call in calls:
        steps += [(equal, 0, 1, call), (answer, 0, 0, refuse)]
    steps.append((answer, 0, 0, allow))
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("=H6xQ", len(steps), ctypes.addressof(held))
    _ask(libc.prctl(_PR_SET_SECCOMP, 2, program, 0, 0))


def _bind(source: str, target: str, *, file: bool, flags: int) -> None:
    if file:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "ab"):
            pass
    else:
        os.makedirs(target, exist_ok=True)
    _mount(source, target, _MS_BIND | (0 if file else _MS_REC))
    if flags:
        _mount("none", target, _MS_BIND | _MS_REMOUNT | _MS_NOSUID | _MS_NODEV | flags)


def _mount(source: str, target: str, flags: int) -> None:
    _ask(_libc().mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), None), target)


def _dynamic(program: str) -> bool:
    """Whether an ELF file names an interpreter (elf(5)): it needs libraries then."""
    with open(program, "rb") as file:
        head = file.read(64)
        if head[:4] != b"\x7fELF" or head[4] != 2:
            return head[:2] == b"#!" or head[:4] == b"\x7fELF"
        start, size, count = struct.unpack_from("=Q", head, 32)[0], *struct.unpack_from("=HH", head, 54)
        file.seek(start)
        table = file.read(size * count)
    return any(struct.unpack_from("=I", table, at)[0] == 3 for at in range(0, len(table), size))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _ask(answer: int, what: str = "") -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return answer


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
