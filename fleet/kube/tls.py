"""The TLS side of a connection to an API server.

Contract: a client's key goes from memory to memory; where the system has no files in memory, through one that its owner
alone may read and that is removed at once.
"""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fleet.errors import KubeconfigInvalid

if TYPE_CHECKING:
    from fleet.kube.connection import Connection


def context(connection: Connection) -> ssl.SSLContext:
    """The TLS side of a connection. Raises KubeconfigInvalid for PEM that does not read."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    # As Go does: whatever the CA data holds is an anchor, also an intermediate or the server's own cert.
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        if not connection.verify:
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
        elif connection.ca_data is not None:
            made.load_verify_locations(cadata=connection.ca_data.decode("ascii"))
        else:
            made.load_default_certs()
            if connection.roots:
                made.load_verify_locations(cadata=connection.roots.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError, ValueError):
        raise KubeconfigInvalid("the CA data is no PEM certificate", field="caData") from None
    if connection.client_cert is not None:
        key = connection.client_key or b""
        try:
            _load(made, connection.client_cert.rstrip() + b"\n" + key.rstrip() + b"\n")
        except (ssl.SSLError, OSError, ValueError):
            text = "the client certificate or its key does not read, or they do not belong together"
            raise KubeconfigInvalid(text, field="client-certificate-data") from None
    return made


def _load(into: ssl.SSLContext, pem: bytes) -> None:
    """Python reads a certificate from a file only: on Linux one in memory, elsewhere one removed at once."""
    if sys.platform == "linux" and hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
        try:
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, pem)
            into.load_cert_chain(f"/proc/self/fd/{descriptor}", password=_no_password)
        finally:
            os.close(descriptor)
        return
    descriptor, name = tempfile.mkstemp()  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        into.load_cert_chain(name, password=_no_password)
    finally:
        Path(name).unlink()


def _no_password() -> bytes:
    """Without it OpenSSL would ask on the terminal."""
    raise ValueError
