# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The certificates of the peers: what a domain shows follows from its first label.

import hashlib
import os
import subprocess

from tests.node.certificates import issue_self_signed
from tests.peers.names import CROWD, WAYS

# jabberd2 knows only dialback, but its certificate is good.
SELF_SIGNED = [way.at(server) for way in WAYS for server in ("kontalk", "prosody", "ejabberd")
               if way.proof == "dialback"]
OTHER_NAME = "elsewhere.example"


class Credentials:
    def __init__(self, authority, directory):
        self._authority = authority
        self._directory = directory
        self.ca = authority.certificate
        os.makedirs(directory, exist_ok=True)

    def of(self, domain):
        """(certificate, key) of a domain: self-signed where dialback is to be all there is."""
        domain = domain.encode("idna").decode()
        path = f"{self._directory}/{domain}"
        issue = self._authority
        label = domain.partition(".")[0]
        if domain in SELF_SIGNED or label in ("selfsigned", "dane"):
            return issue_self_signed(path, [domain])
        if label == "expired":
            return issue.issue_expired(path, [domain])
        if label == "othername":
            return issue.issue_server(path, [OTHER_NAME])
        if label == "serveronly":
            return issue.issue_server_only(path, [domain])
        if domain == CROWD:
            return issue.issue_server(path, [domain, f"multicast.{domain}"])
        return issue.issue_server(path, [domain])

    def both(self, domain):
        """Certificate and key in one file."""
        path = f"{self._directory}/{domain}.both"
        text = "".join(open(part, encoding="utf-8").read() for part in self.of(domain))
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def tlsa(self, domain):
        """The data of a TLSA record "3 1 1": SHA-256 of the public key."""
        done = subprocess.run(["certtool", "--pubkey-info", "--outder", "--infile",
                               self.of(domain)[0]], capture_output=True, timeout=60, check=True)
        return f"3 1 1 {hashlib.sha256(done.stdout).hexdigest()}"
