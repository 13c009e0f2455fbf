# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Debian's ejabberd as a peer, without distribution (no epmd), so that nothing is left behind.

import glob
import os

from tests.node.process import remove
from tests.peers.foreign import PASSWORD, Foreign
from tests.peers.names import CROWD, EJABBERD

CONFIGURATION = """
hosts:
{hosts}
loglevel: {level}
ca_file: "{ca}"
certfiles:
{certificates}
auth_method: [internal]
s2s_use_starttls: required
s2s_cafile: "{ca}"
s2s_dns_timeout: 10
listen:
  - {{ port: 5222, ip: "{address}", module: ejabberd_c2s }}
  - {{ port: 5269, ip: "{address}", module: ejabberd_s2s_in }}
  - {{ port: 5270, ip: "{address}", module: ejabberd_s2s_in, tls: true }}
modules:
  mod_caps: {{}}
  mod_disco: {{}}
  mod_last: {{}}
  mod_offline: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
  mod_s2s_dialback: {{}}
  mod_time: {{}}
  mod_version: {{}}
append_host_config:
  "{crowd}":
    modules:
      mod_multicast:
        host: "multicast.{crowd}"
"""
# Runs once the server is up; the file says when it is done.
AFTERWARDS = ("{{ok, _}} = application:ensure_all_started(ejabberd), "
              "[ejabberd_auth:try_register(U, H, <<\"{password}\">>) || "
              "U <- [{users}], H <- [{hosts}]], "
              'ok = file:write_file("{ready}", <<>>).')


class Ejabberd(Foreign):
    name = "ejabberd"
    address = EJABBERD

    @property
    def domains(self):
        return [*super().domains, CROWD]

    def commands(self):
        remove(self.path("ready"))
        afterwards = AFTERWARDS.format(password=PASSWORD, users=binaries(self.users),
                                       hosts=binaries(self.domains), ready=self.path("ready"))
        return [["erl", "-noinput", "-mnesia", "dir", f'"{self.path("spool")}"', "-s", "ejabberd",
                 "-eval", afterwards]]

    def environment(self):
        return {
            "ERL_LIBS": os.path.dirname(glob.glob("/usr/lib/*/ejabberd-*")[0]),
            "EJABBERD_CONFIG_PATH": self.path("ejabberd.yml"),
            "EJABBERD_LOG_PATH": self.path("ejabberd.log"),
            "ERL_CRASH_DUMP": self.path("erl_crash.dump"),
        }

    def is_ready(self):
        return os.path.exists(self.path("ready")) and super().is_ready()

    def configure(self):
        self.home.write("ejabberd.yml", CONFIGURATION.format(
            crowd=CROWD, hosts=lines(self.domains), address=self.address,
            ca=self.certificates.ca, level="info",
            certificates=lines(self.certificates.both(domain) for domain in self.domains)))

    def output(self):
        return self.home.read("ejabberd.log") + super().output()


def lines(items):
    return "\n".join(f'  - "{item}"' for item in items)


def binaries(items):
    return ", ".join(f'<<"{item}">>' for item in items)
