# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Debian's ejabberd with the features that this server has now, and no others; without distribution
# (no epmd), so that nothing is left behind.

import base64
import glob
import os

from tests.bench.accounts import ROUNDS
from tests.bench.foreign import Foreign
from tests.node.ports import ADDRESS

CONFIGURATION = """
hosts: ["{domain}"]
loglevel: info
certfiles: ["{directory}/both.pem"]
auth_method: [internal]
auth_password_format: scram
auth_scram_hash: sha256
listen:
  - {{ port: {port}, ip: "{address}", module: ejabberd_c2s, tls: true, max_stanza_size: 262144,
      backlog: 1024 }}
modules:
  mod_roster: {{}}
  mod_disco: {{}}
  mod_caps: {{}}
  mod_offline: {{}}
  mod_last: {{}}
  mod_ping: {{}}
  mod_private: {{}}
  mod_privacy: {{}}
  mod_blocking: {{}}
  mod_vcard: {{ search: false }}
  mod_version: {{}}
  mod_time: {{}}
{modules}"""
IMPORT = """<?xml version='1.0'?>
<server-data xmlns='urn:xmpp:pie:0'><host jid='{domain}'>
{users}
</host></server-data>
"""
USER = """<user name='{user}'><scram-credentials xmlns='urn:xmpp:pie:0#scram'
mechanism='SCRAM-SHA-256'><iter-count>{rounds}</iter-count><salt>{salt}</salt>
<server-key>{server_key}</server-key><stored-key>{stored_key}</stored-key>
</scram-credentials></user>
"""
# Run once the server is up; the file says when it is done.
AFTERWARDS = ('{{ok, _}} = application:ensure_all_started(ejabberd), {first}'
              'ok = file:write_file("{directory}/ready", <<>>).')
FIRST = 'ok = ejabberd_piefxis:import_file(<<"{directory}/import.xml">>), '


class Ejabberd(Foreign):
    name = "ejabberd"
    program = "ejabberdctl"

    def __init__(self, directory, accounts, authority, modules=None, rooms=False):
        """modules: further ones, {name: options as YAML}; rooms: with rooms."""
        super().__init__(directory, accounts, authority)
        self.modules = dict(modules or {})
        if rooms:
            self.modules["mod_muc"] = f"{{ host: {self.conference}, max_user_conferences: 10000 }}"
        self._afterwards = FIRST

    @classmethod
    def is_installed(cls):
        return bool(cls._libraries())

    @staticmethod
    def _libraries():
        """Where Debian has the Erlang applications."""
        return [os.path.dirname(path) for path in glob.glob("/usr/lib/*/ejabberd-*")]

    def start_again(self):
        if os.path.exists(f"{self.directory}/ready"):
            os.unlink(f"{self.directory}/ready")
        super().start_again()
        self._afterwards = ""

    def command(self):
        return ["erl", "+K", "true", "+P", "250000", "-noinput", "-mnesia", "dir",
                f'"{self.directory}/spool"', "-s", "ejabberd", "-eval",
                AFTERWARDS.format(directory=self.directory,
                                  first=self._afterwards.format(directory=self.directory))]

    def environment(self):
        return {
            "ERL_LIBS": self._libraries()[0],
            "ERL_MAX_PORTS": "32000",
            "EJABBERD_CONFIG_PATH": f"{self.directory}/ejabberd.yml",
            "EJABBERD_LOG_PATH": f"{self.directory}/ejabberd.log",
            "ERL_CRASH_DUMP": f"{self.directory}/erl_crash.dump",
            "HOME": self.directory,
        }

    def is_ready(self):
        return os.path.exists(f"{self.directory}/ready") and super().is_ready()

    def configure(self):
        os.makedirs(f"{self.directory}/spool")
        both = "".join(open(path, encoding="utf-8").read() for path in (self.certificate, self.key))
        self.write("both.pem", both)
        self.write("ejabberd.yml", CONFIGURATION.format(
            directory=self.directory, domain=self.accounts.domain, address=ADDRESS,
            port=self.port,
            modules="".join(f"  {name}: {options}\n" for name, options in self.modules.items())))
        keys = {"rounds": ROUNDS, "salt": encode(self.verifier.salt.encode()),
                "server_key": encode(self.verifier.server_key),
                "stored_key": encode(self.verifier.stored_key)}
        users = "".join(USER.format(user=user, **keys) for user in self.accounts.users())
        self.write("import.xml", IMPORT.format(domain=self.accounts.domain, users=users))


def encode(data):
    """Twice: it is stored in base64, and importing takes one off."""
    return base64.b64encode(base64.b64encode(data)).decode()
