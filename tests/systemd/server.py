# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A server in a machine, as docs/INSTALL.md tells its administrator to set it up.

import itertools
import os
import re
import secrets
import subprocess
import types

from tests.harness import wait
from tests.harness.node import Account
from tests.node import certificates

NETWORK = "example.test"
TLS = f"/etc/kontalk/tls/{NETWORK}"
# What the certificate is for, as docs/INSTALL.md has it.
NAMES = (NETWORK, f"xmpp.{NETWORK}", f"conference.{NETWORK}", f"upload.{NETWORK}")
SECRETS = tuple(f"/etc/kontalk/secrets/{name}" for name in (
    "c2s/decoy", "s2s/dialback", "components/conference", "components/upload"))
PORTS = {"C2S": 5222, "C2S_TLS": 5223, "S2S": 5269, "FILES": 5443}
DAEMONS = ("kontalk-router", "kontalk-c2s@1", "kontalk-s2s", "kontalk-files", "kontalk-muc")
# What clients may do at once is for people, not for tests of many from one address.
LIMITS = """[c2s]
rate-exempt = 127.0.0.0/8
"""


def build(directory, version="0.1", **variables):
    """The package of that tree; its path."""
    done = subprocess.run(
        ["make", "--no-print-directory", "-C", directory, "deb", f"VERSION={version}",
         *(f"{name}={value}" for name, value in variables.items())],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return os.path.join(directory, re.search(r"^\S+\.deb$", done.stdout, re.MULTILINE)[0])


class Server:
    """Has what tests.harness wants of a node: address(), ca, network, add_account()."""

    network = NETWORK

    def __init__(self, machine, scratch):
        self.machine = machine
        self.scratch = scratch
        self.authority = certificates.Authority(scratch)
        self.authority.ensure()
        self.ca = self.authority.certificate
        self.passwords = []
        self.ports = dict(PORTS)
        self.place = types.SimpleNamespace(upload=f"upload.{NETWORK}",
                                           conference=f"conference.{NETWORK}")
        self._names = itertools.count(1)

    def address(self, service):
        return "127.0.0.1", self.ports[service]

    def install(self, package):
        """By dpkg, which is quicker than apt where everything else is there."""
        name = f"/root/{os.path.basename(package)}"
        self.machine.write(name, open(package, "rb").read())
        self.machine.run("dpkg", "--install", name, seconds=300)

    def install_with_apt(self, package):
        name = f"/root/{os.path.basename(package)}"
        self.machine.write(name, open(package, "rb").read())
        self.machine.run("apt-get", "install", "-q", "-y", name, seconds=300)

    def set_up(self):
        machine = self.machine
        self.put_certificate("first")
        self.lift_limits()
        self.make_cluster()
        machine.run("kontalkctl", "setup", "--domain", NETWORK, "--host", f"xmpp.{NETWORK}",
                    "--certificate", "/root/live/fullchain.pem")

    def lift_limits(self):
        self.machine.write("/etc/kontalk/conf.d/limits.conf", LIMITS)

    def make_cluster(self):
        """One PostgreSQL, as Debian makes it by itself where it is installed for a server."""
        machine = self.machine
        for line in machine.run("pg_lsclusters", "-h").splitlines():
            machine.run("pg_dropcluster", "--stop", *line.split()[:2])
        version = machine.run("sh", "-c", "ls /usr/lib/postgresql | sort -n | tail -1")
        machine.run("pg_createcluster", version, "main", "--", "--no-sync")
        machine.run("systemctl", "start", f"postgresql@{version}-main")

    def start(self):
        self.machine.run("systemctl", "enable", "--now", "kontalk.target", "kontalk-files",
                         "kontalk-muc")

    def issue(self, name):
        """Certificate and key for the domain, other ones for each name."""
        return [open(path, "rb").read()
                for path in self.authority.issue_server(f"{self.scratch}/{name}", NAMES)]

    def put_certificate(self, name):
        """As certbot leaves it."""
        chain, key = self.issue(name)
        self.machine.run("mkdir", "-p", "/root/live")
        self.machine.write("/root/live/fullchain.pem", chain)
        self.machine.write("/root/live/privkey.pem", key, "600")

    def take_certificate(self, name):
        """Brought in place by the hook of certbot."""
        self.put_certificate(name)
        return self.machine.call("env", "RENEWED_LINEAGE=/root/live",
                                 f"RENEWED_DOMAINS={NETWORK} *.{NETWORK}",
                                 "/etc/letsencrypt/renewal-hooks/deploy/kontalk")

    def add_account(self):
        account = Account(f"user{next(self._names)}@{NETWORK}", secrets.token_urlsafe(12))
        self.passwords.append(account.password)
        self.machine.run("kontalkctl", "user", "add", account.jid,
                         data=account.password.encode() + b"\n")
        return account

    def add_accounts(self, count):
        """Many at once."""
        made = [Account(f"many{number}@{NETWORK}", secrets.token_urlsafe(12))
                for number in range(count)]
        lines = "".join(f"{account.jid}\t{account.password}\n" for account in made)
        self.machine.run("kontalkctl", "user", "import", "/dev/stdin", data=lines.encode())
        self.passwords += [account.password for account in made]
        return made

    def property(self, unit, name):
        return self.machine.run("systemctl", "show", "--value", "-p", name, f"{unit}.service")

    def is_active(self, unit):
        return self.property(unit, "ActiveState") == "active"

    def kill(self, unit):
        """SIGKILL to what is its main process; back when another one is ready."""
        before = self.property(unit, "MainPID")
        self.machine.run("kill", "-KILL", before)
        self.wait_other(unit, before)

    def wait_other(self, unit, before, seconds=60):
        wait.until(lambda: self.property(unit, "MainPID") not in ("0", before)
                   and self.is_active(unit), seconds, f"another {unit}")

    def journal(self):
        return self.machine.run("journalctl", "-o", "cat", "--no-pager")
