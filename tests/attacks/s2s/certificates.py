# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Certificates of servers, good ones and such as no tool makes.

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

XMPP_ADDRESS = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.5")
SRV_NAME = x509.ObjectIdentifier("1.3.6.1.5.5.7.8.7")
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.utcnow()
UTF8_STRING, IA5_STRING = 12, 22


def der(tag, text):
    data = text.encode() if isinstance(text, str) else text
    assert len(data) < 128
    return bytes([tag, len(data)]) + data


def xmpp_address(text):
    return x509.OtherName(XMPP_ADDRESS, der(UTF8_STRING, text))


def srv_name(text):
    return x509.OtherName(SRV_NAME, der(IA5_STRING, text))


def raw_dns_name(data):
    """A subjectAltName of one dNSName with any bytes in it."""
    name = der(0x82, data)
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), der(0x30, name))


def subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Authority:
    """Issues below a directory. `above`: the authority that this one is under."""

    def __init__(self, directory, name, above=None):
        self.path = f"{directory}/{name}.pem"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = subject(name)
        self._count = 0
        maker = above or self
        builder = builder_of(self.name, maker.name, self.key, NOW - DAY, NOW + 100 * DAY)
        self.certificate = builder.add_extension(x509.BasicConstraints(True, None), True) \
            .sign(maker.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        write(self.path, self.pem)

    def issue(self, *domains, names=(), common="peer", begin=NOW - DAY, end=NOW + DAY,
              purposes=(), extension=None, weak=False, self_signed=False, chain=b""):
        """(chain, key) files for dNSNames and further names."""
        key = rsa.generate_private_key(65537, 1024) if weak else ec.generate_private_key(
            ec.SECP256R1())
        issuer, signer = (subject(common), key) if self_signed else (self.name, self.key)
        builder = builder_of(subject(common), issuer, key, begin, end)
        every = [*(x509.DNSName(domain) for domain in domains), *names]
        if every:
            builder = builder.add_extension(x509.SubjectAlternativeName(every), False)
        if extension:
            builder = builder.add_extension(extension, False)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
        self._count += 1
        path = f"{self.path}.{self._count}"
        certificate = builder.sign(signer, hashes.SHA256())
        write(f"{path}.pem", certificate.public_bytes(serialization.Encoding.PEM) + chain)
        write(f"{path}.key", key.private_bytes(serialization.Encoding.PEM,
                                               serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return f"{path}.pem", f"{path}.key"


def builder_of(name, issuer, key, begin, end):
    return (x509.CertificateBuilder().subject_name(name).issuer_name(issuer)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(begin).not_valid_after(end))


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
