# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Debian's Prosody as a peer.

import os

from tests.peers.foreign import PASSWORD, Foreign
from tests.peers.names import DISTRUSTED, PROSODY, SPECIAL, special

CONFIGURATION = """
run_as_root = true
pidfile = "{directory}/pid"
data_path = "{directory}/data"
interfaces = {{ "{address}" }}
local_interfaces = {{ "{address}" }}
c2s_ports = {{ 5222 }}
s2s_ports = {{ 5269 }}
s2s_direct_tls_ports = {{ 5270 }}
modules_enabled = {{
    "roster"; "saslauth"; "tls"; "dialback"; "disco"; "ping"; "version"; "uptime"; "time"; "smacks";
    "pep";
}}
authentication = "internal_plain"
storage = "internal"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = true
s2s_secure_auth = false
s2s_secure_domains = {{ "{distrusted}" }}
unbound = {{ resolvconf = true; dnssec = false }}
log = {{ debug = "*console" }}
ssl = {{ cafile = "{ca}" }}
"""
HOST = """
VirtualHost "{domain}"
    certificate = "{certificate}"
"""


class Prosody(Foreign):
    name = "prosody"
    address = PROSODY
    acknowledges = True

    @property
    def domains(self):
        return [*super().domains, *map(special, SPECIAL)]

    def commands(self):
        return [["prosody", "-F", "--config", self.path("prosody.cfg.lua")]]

    def configure(self):
        ca = self.certificates.ca
        text = CONFIGURATION.format(directory=self.home.path, address=self.address, ca=ca,
                                    distrusted=DISTRUSTED)
        for domain in self.domains:
            text += HOST.format(domain=domain, certificate=self.certificates.both(domain))
            for user in self.users:
                self.home.write(f"data/{escape(domain)}/accounts/{user}.dat",
                                f'return {{ ["password"] = "{PASSWORD}" }};\n')
        self.home.write("prosody.cfg.lua", text)


def escape(domain):
    """As its storage names directories."""
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"%{byte:02x}"
                   for byte in domain.encode())
