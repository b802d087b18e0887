"""Free ports on 127.0.0.1 that stay free while a server restarts.

The kernel gives port 0 and outgoing connections numbers of its ephemeral range, so a server that stops for
a moment could find its port taken by some client. Ports are drawn below that range, and tried by binding.
Another process may draw the same one before the server binds it: callers try again with others.
"""

import random
import socket
import threading
from contextlib import suppress
from pathlib import Path

_LOW = 20_000
_HIGH = 32_000  # Linux' ephemeral range begins at 32768, macOS' and IANA's at 49152
_given: set[int] = set()
_lock = threading.Lock()
# Processes forked or seeded alike must not draw the same row of ports.
_random = random.SystemRandom()


def free(count: int) -> tuple[int, ...]:
    """So many different ports on which nothing listens now, none given before by this process."""
    with _lock:
        found: list[int] = []
        high = min(_HIGH, _ephemeral())
        for _ in range(10_000):
            if len(found) == count:
                break
            port = _random.randrange(_LOW, high)
            if port not in _given and _unused(port):
                _given.add(port)
                found.append(port)
        else:
            msg = f"no {count} free ports between {_LOW} and {high} on 127.0.0.1"
            raise OSError(msg)
        return tuple(found)


def _unused(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do; it does not hide a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _ephemeral() -> int:
    with suppress(OSError, ValueError, IndexError):
        begin = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        return begin if begin > _LOW + 1000 else _HIGH
    return _HIGH
