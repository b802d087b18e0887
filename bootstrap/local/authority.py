"""A certificate authority of one local control plane (or Git server), and the files it issues.

Contract: keys are ECDSA P-256; private keys are written with mode 0600 in folders that only the user may
enter. Kubernetes reads a client certificate's common name as the user and its organisations as the groups.
"""

import base64
import datetime as dt
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = dt.timedelta(days=3650)
_EARLIER = dt.timedelta(hours=1)  # clocks that differ


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """One CA in a folder: `ca.crt`, `ca.key`, and what it issued beside them."""

    def __init__(self, folder: Path, name: str) -> None:
        """Load the CA that is in `folder`, or make one called `name`."""
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.files = Pair(folder / "ca.crt", folder / "ca.key")
        if self.files.certificate.exists():
            key = serialization.load_pem_private_key(self.files.key.read_bytes(), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                msg = f"{self.files.key} is no key of ours"
                raise TypeError(msg)
            self._key = key
            self._certificate = x509.load_pem_x509_certificate(self.files.certificate.read_bytes())
        else:
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._certificate = self._self_signed(name)
            _write(self.files.key, _key_pem(self._key))
            _write(self.files.certificate, _pem(self._certificate))

    @property
    def data(self) -> str:
        """The CA's certificate as kubeconfig's `certificate-authority-data`: PEM in base64."""
        return base64.b64encode(_pem(self._certificate)).decode()

    def server(self, name: str) -> Pair:
        """Issue a serving certificate for 127.0.0.1 and localhost, made once."""
        names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName("kubernetes.default.svc")]
        names += [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1", "10.0.0.1")]
        return self._issue(name, _subject(name), ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client(self, name: str, user: str, *groups: str) -> Pair:
        """Issue a client certificate for a user in these groups, made once, in files called `name`."""
        return self._issue(name, _subject(user, *groups), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def signing_key(self, name: str) -> Pair:
        """Make a bare key pair, once, as for service account tokens; `certificate` holds the public key."""
        pair = Pair(self._folder / f"{name}.pub", self._folder / f"{name}.key")
        if not pair.certificate.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            _write(pair.key, _key_pem(key))
            form = serialization.PublicFormat.SubjectPublicKeyInfo
            _write(pair.certificate, key.public_key().public_bytes(serialization.Encoding.PEM, form))
        return pair

    def _self_signed(self, name: str) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        return (
            _builder(_subject(name), _subject(name), self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _issue(
        self, name: str, subject: x509.Name, purpose: x509.ObjectIdentifier, names: list[x509.GeneralName]
    ) -> Pair:
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        if pair.certificate.exists():
            return pair
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _builder(subject, self._certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(authority, critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        _write(pair.key, _key_pem(key))
        _write(pair.certificate, _pem(builder.sign(self._key, hashes.SHA256())))
        return pair


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(name: str, *groups: str) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    # controller-manager's token controller reads SEC 1 ("EC PRIVATE KEY") and PKCS 8 alike.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
