"""A private certificate authority, and the certificates that it gives out."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAY = datetime.timedelta(days=1)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


def _begun(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    named = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer))
    dated = named.not_valid_before(now - _DAY).not_valid_after(now + _DAY)
    return dated.serial_number(x509.random_serial_number()).public_key(key.public_key())


class Authority:
    """One authority. `certificate` is its own, as a PEM file in `folder`, for those who are to trust it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._numbers = itertools.count(1)
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = _begun(name, name, self._key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(self._signed(own))

    def _signed(self, certificate: x509.CertificateBuilder) -> bytes:
        return certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def server(self, host: str) -> ssl.SSLContext:
        """Return what a server shows that is certified to be `host`, a name or an address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_file(host))
        return context

    def server_file(self, host: str) -> Path:
        """Return a PEM file with the key and the certificate of a server, a name or an address."""
        try:
            known_as: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            known_as = x509.DNSName(host)
        return self._file(host, x509.SubjectAlternativeName([known_as]))

    def client_file(self, name: str) -> Path:
        """Return a PEM file with a new key and a certificate of a client; any two of one name differ."""
        return self._file(name, x509.SubjectAlternativeName([x509.DNSName(name)]))

    def _file(self, subject: str, names: x509.SubjectAlternativeName) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(_begun(subject, self._name, key).add_extension(names, critical=False))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._folder / f"{subject}-{next(self._numbers)}-by-{self._name}.pem"
        file.write_bytes(private + certificate)
        return file
