"""The process around the library, and the one room with kopf.

Contract: kopf watches the hub's objects and wakes the hub; it holds no finalizer, writes no status, annotation
or Event, and decides nothing. Its end, of whatever kind, is the end of the process.

kopf takes the official client, where it finds it, to know that client's objects when a handler makes some. Ours make
none, and the client is 11 MB and half a second: kopf is loaded as where it is not installed. Who needs it later
(`fleet.kube.trusted`) has it.
"""

import sys
from typing import Any

_CLIENT = "kubernetes"

if _CLIENT not in sys.modules and "kopf" not in sys.modules:
    _modules: dict[str, Any] = sys.modules  # None in it is how one says that there is no such module
    _modules[_CLIENT] = None
    try:
        import kopf  # noqa: F401 (for its loading)
    finally:
        del sys.modules[_CLIENT]
