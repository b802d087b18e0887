"""One question to Vault or OpenBao, put and answered: the only module that knows hvac, and the requests below it.

Contract: everything here blocks, and is for the threads of `door.Door`. Nothing comes from the environment or the
home of the process: hvac would take an address, a token, CAs and client certificates there, requests proxies,
passwords and CAs. No redirect is followed. Answers are read up to a size and no further.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import hvac
import requests
from hvac.adapters import JSONAdapter
from requests.adapters import HTTPAdapter

from fleet.secrets import number
from fleet.secrets.vault.address import Method
from fleet.secrets.vault.failure import Refusal, VaultUnreachable, VaultUntrusted, too_deep
from fleet.secrets.vault.question import Verb

if TYPE_CHECKING:
    from fleet.secrets.vault.address import Login
    from fleet.secrets.vault.question import Question

MOST_BYTES: Final = 4 << 20  # Vault keeps entries of up to 1 MiB
_BLOCK: Final = 1 << 14
Session = requests.Session
"""Connections to one server."""


def session(scheme: str, context: ssl.SSLContext, proxy: str, *, connections: int, seconds: float) -> Session:
    """Connections to one server: so many, over ``proxy`` where that is not empty; an answer has so many seconds."""
    made = Session()
    made.trust_env = False
    made.verify = True
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.proxies = {scheme: proxy} if proxy else {}
    made.adapters.clear()
    made.mount(f"{scheme}://", _Transport(context, connections, seconds))
    return made


class _Transport(HTTPAdapter):
    """Connections that trust the CAs of one context and no others, and answers of bounded size."""

    def __init__(self, context: ssl.SSLContext, connections: int, seconds: float) -> None:
        self._context = context
        self._seconds = seconds
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ARG002 (its signature)
        # The method that is replaced adds the CAs of certifi to those of the context.
        conn.cert_reqs = "CERT_REQUIRED"
        conn.ca_certs = conn.ca_cert_dir = None

    def send(self, request: Any, stream: bool = False, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ARG002, FBT001, FBT002
        response = super().send(request, True, *args, **kwargs)
        deadline = time.monotonic() + self._seconds
        content = bytearray()
        try:
            for block in response.iter_content(_BLOCK):
                content += block
                if len(content) > MOST_BYTES or time.monotonic() > deadline:
                    raise requests.exceptions.ContentDecodingError
        finally:
            response.close()
        response._content = bytes(content)  # noqa: SLF001 (the only way to hand it on)
        return response


class _Refused(Exception):
    """An answer that is no success, on its way out of hvac."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


class _Adapter(JSONAdapter):  # type: ignore[misc]  # hvac has no types
    """hvac's requests, with answers as they came: its own errors hold content and leave headers out."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        # Not by the class in between: that makes floats of numbers, which are then not what somebody wrote.
        answer = super(JSONAdapter, self).request(*args, **kwargs)
        if answer.status_code == HTTPStatus.OK:
            return number.loads(answer.content)
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return {}
        raise _Refused(_refusal(answer))

    def _raise_for_error(self, method: str, url: str, response: requests.Response) -> None:  # noqa: ARG002
        raise _Refused(_refusal(response)) from None


def _refusal(response: requests.Response) -> Refusal:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = {}
    body = body if isinstance(body, Mapping) else {}
    told = [*_texts(body.get("errors")), *_texts(body.get("warnings"))]
    return Refusal(
        response.status_code, " ".join(told).lower(), response.headers.get("Retry-After", ""), body
    )


def _texts(found: Any) -> list[str]:
    return [str(each) for each in found] if isinstance(found, list) else []


def put(
    through: Session, login: Login, token: str, question: Question, timeouts: tuple[float, float]
) -> Mapping[str, Any] | Refusal:
    """Put a question. Raises `failure.VaultError` where there is no answer.

    Each argument that hvac would look for elsewhere is given, if need be as nothing.
    """
    client = hvac.Client(
        url=login.server,
        token=token,
        cert=(),
        verify=True,
        timeout=timeouts,
        proxies=through.proxies,
        allow_redirects=False,
        session=through,
        adapter=_Adapter,
        namespace=login.namespace or None,
    )
    try:
        found: Mapping[str, Any] = _put(client, login, question)
    except _Refused as error:
        return error.refusal
    except requests.exceptions.SSLError as error:
        if not _unverified(error):
            raise VaultUnreachable(f"Vault {login.server}: no TLS connection comes about") from None
        raise VaultUntrusted(
            f"Vault {login.server}: its certificate is not trusted here: it is not for this name, or not signed by "
            f"{'the CA given for it' if login.ca else 'a CA of this system; give its CA'}"
        ) from None
    except requests.exceptions.Timeout:
        raise VaultUnreachable(f"Vault {login.server} did not answer in time") from None
    except requests.exceptions.ContentDecodingError:
        raise VaultUnreachable(
            f"Vault {login.server} answers more than can be a secret, or too slowly"
        ) from None
    except number.TooDeep:
        raise too_deep(login.server, question.path or question.verb.value) from None
    except (requests.exceptions.RequestException, OSError, ValueError, KeyError, TypeError):
        raise VaultUnreachable(f"Vault {login.server} cannot be reached") from None
    if not isinstance(found, Mapping):
        raise VaultUnreachable(f"what answers at {login.server} is no Vault")
    return found


def _unverified(error: BaseException | None) -> bool:
    """Whether a certificate was looked at and refused; requests wraps what TLS says several times."""
    for _ in range(8):
        if error is None or isinstance(error, ssl.SSLCertVerificationError):
            break
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return isinstance(error, ssl.SSLCertVerificationError)


def _put(client: Any, login: Login, question: Question) -> Any:
    path = question.path
    match question.verb:
        case Verb.SEAL:
            return client.sys.read_seal_status()
        case Verb.LOGIN:
            return _log_in(client, login, question.credential)
        case Verb.LOOKUP:
            return client.auth.token.lookup_self()
        case Verb.RENEW:
            return client.auth.token.renew_self()
        case Verb.MOUNT if path is not None:
            return client.adapter.get(f"/v1/sys/internal/ui/mounts/{quote(path.mount)}/{quote(path.path)}")
        case Verb.METADATA if path is not None:
            return client.secrets.kv.v2.read_secret_metadata(path.path, mount_point=path.mount)
        case Verb.DATA if path is not None and path.engine == 1:
            return client.secrets.kv.v1.read_secret(path.path, mount_point=path.mount)
        case Verb.DATA if path is not None:
            return client.secrets.kv.v2.read_secret_version(
                path.path, question.number or None, mount_point=path.mount, raise_on_deleted_version=True
            )
    raise ValueError("the question names no path")


def _log_in(client: Any, login: Login, credential: str) -> Any:
    match login.method:
        case Method.JWT:
            return client.auth.jwt.jwt_login(login.role, credential, use_token=False, path=login.mount)
        case Method.KUBERNETES:
            return client.auth.kubernetes.login(
                login.role, credential, use_token=False, mount_point=login.mount
            )
        case Method.APPROLE:
            return client.auth.approle.login(login.role, credential, use_token=False, mount_point=login.mount)
