# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Network documents (docs/NETWORK.md), written and signed here so that tests can make any.

import base64
import copy
import hashlib
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.node import certificates, place

KEYHOLDER = "ada"
ROLES = ("front", "home", "s2s", "registrar")
EXPIRES = "2099-01-01T00:00:00Z"
PREFIX = b"urn:kontalk:document:1\n"


def encode(data):
    return base64.b64encode(data).decode()


def signing_key(path):
    """Ed25519, made once."""
    if not os.path.exists(path):
        place.write(path, Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()).decode())
    return serialization.load_pem_private_key(place.read(path).encode(), None)


def public_of(key):
    return encode(key.public_key().public_bytes(serialization.Encoding.Raw,
                                                serialization.PublicFormat.Raw))


def pin_of(certificate):
    """SHA-256 of the SubjectPublicKeyInfo, in Base64."""
    loaded = x509.load_der_x509_certificate(ssl.PEM_cert_to_DER_cert(place.read(certificate)))
    return encode(hashlib.sha256(loaded.public_key().public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)).digest())


class Document:
    """members: {host: {key: value or list}}, homes: {name: {"epoch": …, "host": …}}; both may be
    changed before text()."""

    def __init__(self, domain, keyholder):
        self.domain = domain
        self.keyholders = {KEYHOLDER: keyholder}
        self.signers = dict(self.keyholders)  # who signs it
        self.serial = 1
        self.registrar = None
        self.lost_registrar = None
        self.members = {}
        self.homes = {}
        self.note = ""  # behind all of the body

    def add(self, host, address, certificate, key):
        """A member with all roles and a home of its own."""
        home = host.split(".")[0]
        self.registrar = self.registrar or home
        self.members[host] = {"number": len(self.members) + 1, "address": [address],
                              "pin": pin_of(certificate), "signing-key": public_of(key),
                              "role": list(ROLES), "state": "active"}
        self.homes[home] = {"epoch": 1, "host": host}

    def next(self):
        """The same with a higher serial, to be changed."""
        successor = copy.copy(self)
        successor.members = copy.deepcopy(self.members)
        successor.homes = copy.deepcopy(self.homes)
        successor.keyholders = dict(self.keyholders)
        successor.signers = dict(self.keyholders)
        successor.serial += 1
        return successor

    def text(self):
        body = self._body()
        signatures = [section("signature", name, {"value": encode(key.sign(
            PREFIX + body.encode()))}) for name, key in self.signers.items()]
        return body + "\n".join(line for lines in signatures for line in lines)

    def _body(self):
        lines = section("network", self.domain, {
            "format": 1, "serial": self.serial, "expires": EXPIRES,
            "registrar": self.registrar, "required-signatures": 1,
            **({"registrar-lost": self.lost_registrar} if self.lost_registrar else {})})
        for name, key in self.keyholders.items():
            lines += section("keyholder", name, {"key": public_of(key)})
        for host, values in self.members.items():
            lines += section("member", host, values)
        for name, values in self.homes.items():
            lines += section("home", name, values)
        return "\n".join(lines) + "\n" + self.note


def section(kind, name, values):
    lines = [f'[{kind} "{name}"]']
    for key, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            lines.append(f"{key} = {one}")
    return [*lines, ""]


def node_key(path, host):
    """(certificate, key) of a node, made once."""
    return certificates.issue_self_signed(path, [host], days=36500)
