# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The accounts of the load: u0, u1 and so on, all with one password that nobody else knows.

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from tests.node import place

ROUNDS = 10000


@dataclass
class Accounts:
    domain: str
    count: int
    path: str  # lines "jid<TAB>password"
    password: str

    def users(self):
        return [f"u{n}" for n in range(self.count)]


@dataclass
class Verifier:
    """What SCRAM-SHA-256 leaves with the server (RFC 5802 §3), the same for all accounts."""

    salt: str
    stored_key: bytes
    server_key: bytes


def make(directory, domain, count):
    accounts = Accounts(domain, count, f"{directory}/accounts", secrets.token_urlsafe(12))
    place.write(accounts.path, "".join(f"{user}@{domain}\t{accounts.password}\n"
                                       for user in accounts.users()))
    return accounts


def verifier(accounts):
    salt = secrets.token_hex(16)
    salted = hashlib.pbkdf2_hmac("sha256", accounts.password.encode(), salt.encode(), ROUNDS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return Verifier(salt, hashlib.sha256(client_key).digest(),
                    hmac.digest(salted, b"Server Key", "sha256"))
