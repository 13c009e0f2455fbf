# SPDX-License-Identifier: AGPL-3.0-or-later
#
# An authority of our own and certificates from it (certtool of GnuTLS), with keys on P-256.

import os
import subprocess

from tests.node import place

AUTHORITY = """cn = "Kontalk test authority"
ca
cert_signing_key
crl_signing_key
expiration_days = 3650
"""
COMMON = """cn = "{name}"
signing_key
expiration_days = {days}
"""
SERVER = COMMON + "tls_www_server\ntls_www_client\n"
CLIENT = COMMON + "tls_www_client\n"
EXPIRED = """cn = "{name}"
signing_key
tls_www_server
tls_www_client
activation_date = "2020-01-01 00:00:00 UTC"
expiration_date = "2020-02-01 00:00:00 UTC"
"""


class Authority:
    def __init__(self, directory):
        self.certificate = f"{directory}/ca.pem"
        self.key = f"{directory}/ca.key"
        self.directory = directory

    def ensure(self):
        if os.path.exists(self.certificate):
            return
        make_key(self.key)
        certtool(AUTHORITY, self.certificate, "--generate-self-signed", "--load-privkey", self.key)

    def issue_server(self, path, names, days=3650):
        """path.pem and path.key for DNS names, usable at both ends of s2s; returns both paths."""
        lines = [f'dns_name = "{name}"' for name in names]
        return self._issue(path, SERVER.format(name=names[0], days=days), lines)

    def issue_server_only(self, path, names, days=3650):
        """For one end of s2s, as public authorities issue them."""
        lines = [f'dns_name = "{name}"' for name in names] + ["tls_www_server"]
        return self._issue(path, COMMON.format(name=names[0], days=days), lines)

    def issue_expired(self, path, names):
        lines = [f'dns_name = "{name}"' for name in names]
        return self._issue(path, EXPIRED.format(name=names[0]), lines)

    def issue_client(self, path, jids, days=3650):
        """With id-on-xmppAddr (RFC 6120 §13.7.1.4) for each JID."""
        lines = [f'xmpp_name = "{jid}"' for jid in jids]
        return self._issue(path, CLIENT.format(name=jids[0] if jids else "nobody", days=days),
                           lines)

    def _issue(self, path, template, lines):
        certificate, key = f"{path}.pem", f"{path}.key"
        if not os.path.exists(certificate):
            make_key(key)
            certtool(template + "\n".join(lines) + "\n", certificate, "--generate-certificate",
                     "--load-privkey", key, "--load-ca-certificate", self.certificate,
                     "--load-ca-privkey", self.key)
        return certificate, key


def issue_self_signed(path, names, days=3650):
    """Nobody but itself says whose it is; returns both paths."""
    certificate, key = f"{path}.pem", f"{path}.key"
    if not os.path.exists(certificate):
        make_key(key)
        lines = [f'dns_name = "{name}"\n' for name in names]
        certtool(SERVER.format(name=names[0], days=days) + "".join(lines), certificate,
                 "--generate-self-signed", "--load-privkey", key)
    return certificate, key


def make_key(path):
    place.write(path, run("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1"))


def certtool(template, out, *arguments):
    place.write(out + ".template", template)
    place.write(out, run("--template", out + ".template", *arguments), 0o644)
    os.unlink(out + ".template")


def run(*arguments):
    try:
        done = subprocess.run(["certtool", *arguments], capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError as problem:
        raise place.Error("certtool is missing (Debian package gnutls-bin)") from problem
    if done.returncode != 0:
        raise place.Error(f"certtool {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
