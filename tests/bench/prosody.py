# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Debian's Prosody with the features that this server has now, and no others.

import os

from tests.bench.accounts import ROUNDS
from tests.bench.foreign import Foreign
from tests.node import ports
from tests.node.ports import ADDRESS

CONFIGURATION = """
run_as_root = {root}
data_path = "{directory}/data"
interfaces = {{ "{address}" }}
c2s_ports = {{ }}
c2s_direct_tls_ports = {{ {port} }}
modules_enabled = {{
    "roster"; "saslauth"; "tls"; "disco"; "ping"; "version"; "uptime"; "time"; "lastactivity";
    "vcard"; "private"; "blocklist"; {modules}
}}
{federation}
authentication = "internal_hashed"
password_hash = "SHA-256"
storage = "internal"
log = {{ info = "{directory}/prosody.log" }}
ssl = {{ certificate = "{certificate}"; key = "{key}"; cafile = "{ca}" }}
VirtualHost "{domain}"
{rooms}"""
ALONE = 'modules_disabled = { "s2s" }'
# As Debian has it: certificates are required, and nothing is lost between servers (smacks).
FEDERATION = """
s2s_ports = {{ {port} }}
s2s_secure_auth = true
unbound = {{ resolvconf = false; hoststxt = false; forward = {{ "{dns}" }};
    options = {{ ["do-not-query-localhost:"] = "no" }} }}
"""
FEDERATION_MODULES = ("dialback", "smacks")
ROOMS = 'Component "{conference}" "muc"\n'
ACCOUNT = """return {{
    ["iteration_count"] = {rounds};
    ["salt"] = "{salt}";
    ["stored_key"] = "{stored_key}";
    ["server_key"] = "{server_key}";
}};
"""


class Prosody(Foreign):
    name = "prosody"
    program = "prosody"

    def __init__(self, directory, accounts, authority, modules=(), dns=None,
                 rooms=False):
        """modules: further ones; dns: by which it federates; rooms: with rooms."""
        super().__init__(directory, accounts, authority)
        self.modules = modules
        self._dns = dns
        self._rooms = rooms
        self.s2s_port = None

    @staticmethod
    def federation(dns):
        """What makes it federate, by the names that this DNS knows."""
        return {"dns": dns, "modules": FEDERATION_MODULES}

    def command(self):
        return ["prosody", "-F", "--config", f"{self.directory}/prosody.cfg.lua"]

    def choose_ports(self, reservation):
        super().choose_ports(reservation)
        self.s2s_port = ports.first_free([], reservation)

    def configure(self):
        federation = FEDERATION.format(port=self.s2s_port, dns=self._dns.server) if self._dns \
            else ALONE
        self.write("prosody.cfg.lua", CONFIGURATION.format(
            root="true" if os.getuid() == 0 else "false", directory=self.directory,
            address=ADDRESS, port=self.port, domain=self.accounts.domain,
            certificate=self.certificate, key=self.key, ca=self.ca, federation=federation,
            rooms=ROOMS.format(conference=self.conference) if self._rooms else "",
            modules="".join(f'"{name}"; ' for name in self.modules)))
        account = ACCOUNT.format(rounds=ROUNDS, salt=self.verifier.salt,
                                 stored_key=self.verifier.stored_key.hex(),
                                 server_key=self.verifier.server_key.hex())
        store = self.accounts.domain.replace(".", "%2e")
        for user in self.accounts.users():
            self.write(f"data/{store}/accounts/{user}.dat", account)
