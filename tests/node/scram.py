# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The client's side of SCRAM (RFC 5802, RFC 7677), without SASLprep: names and passwords are ASCII.

import base64
import functools
import hashlib
import hmac
import secrets

HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


@functools.lru_cache(maxsize=4096)
def salted_password(name, password, salt, rounds):
    """The most of what a login costs a client, who may keep it (RFC 5802 §3)."""
    return hashlib.pbkdf2_hmac(name, password, salt, rounds)


class Scram:
    def __init__(self, mechanism, user, password, gs2="n", binding=b"", authzid=""):
        """gs2: "n", "y" or "p=tls-exporter"; binding: that channel's data."""
        self.hash = HASHES[mechanism.removesuffix("-PLUS")]
        self.password = password.encode()
        authorization = f"a={authzid}" if authzid else ""
        self.gs2_header = f"{gs2},{authorization},".encode()
        self.binding = binding
        self.nonce = secrets.token_urlsafe(18)
        escaped = user.replace("=", "=3D").replace(",", "=2C")
        self.first_bare = f"n={escaped},r={self.nonce}".encode()
        self.server_signature = None

    def first(self):
        return self.gs2_header + self.first_bare

    def final(self, server_first):
        fields = attributes(server_first)
        if not fields["r"].startswith(self.nonce):
            raise ValueError("the server's nonce does not begin with ours")
        salt = base64.b64decode(fields["s"], validate=True)
        salted = salted_password(self.hash, self.password, salt, int(fields["i"]))
        channel = base64.b64encode(self.gs2_header + self.binding)
        without_proof = b"c=" + channel + b",r=" + fields["r"].encode()
        message = b",".join((self.first_bare, server_first, without_proof))

        client_key = self._hmac(salted, b"Client Key")
        stored_key = hashlib.new(self.hash, client_key).digest()
        signature = self._hmac(stored_key, message)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.server_signature = self._hmac(self._hmac(salted, b"Server Key"), message)
        return without_proof + b",p=" + base64.b64encode(proof)

    def verify(self, server_final):
        """The server knows us too."""
        given = base64.b64decode(attributes(server_final)["v"], validate=True)
        if self.server_signature is None or not hmac.compare_digest(given, self.server_signature):
            raise ValueError("the server's signature is wrong")

    def _hmac(self, key, message):
        return hmac.new(key, message, self.hash).digest()


def attributes(message):
    return dict(part.split("=", 1) for part in message.decode().split(","))
