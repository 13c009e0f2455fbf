# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Where everything of a node is. All below RUN, except for sockets (a path in sun_path has at most
# 107 bytes, unix(7)) and a database that its user could not reach there: RUN/<host> has links to
# these.

import os
import re
import tempfile

HOSTS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
HOST = HOSTS[0]
NETWORK = "example.test"
COMPONENT = f"test.{NETWORK}"
INSTANCE = re.compile(r"kontalk\.(c2s-\d+)\.conf")


class Error(Exception):
    """Something a person has to read; no trace is wanted."""


class Place:
    def __init__(self, run, bin_directory, host=HOST, network=NETWORK):
        self.run = os.path.realpath(run)
        self.bin = os.path.abspath(bin_directory)
        self.name = host
        self.network = network
        self.component = f"test.{network}"
        self.upload = f"upload.{network}"
        self.conference = f"conference.{network}"
        self.host = f"{host}.{network}"
        self.node = f"{self.run}/{self.host}"
        self.ca = f"{self.run}/ca"
        self.secrets = f"{self.run}/secrets"
        self.accounts = f"{self.run}/accounts"
        self.lock = f"{self.run}/lock"
        self.tls = f"{self.node}/tls"
        self.log = f"{self.node}/log"
        self.pids = f"{self.node}/pid"
        self.ports = f"{self.node}/ports"
        self.configuration = f"{self.node}/kontalk.conf"
        self.document = f"{self.node}/network.document"
        self.environment = f"{self.node}/node.env"
        self.database = f"{self.node}/database"
        self.files = f"{self.node}/files"
        self.sockets = f"{self.node}/sockets"

    def prepare(self):
        # PostgreSQL of another user has to pass through, nobody has to look.
        passable = 0o711 if os.getuid() == 0 else 0o700
        for directory in (self.run, self.node, self.ca):
            os.makedirs(directory, mode=0o755, exist_ok=True)
            os.chmod(directory, passable)
        for directory in (self.secrets, self.tls, self.log, self.pids):
            os.makedirs(directory, mode=0o700, exist_ok=True)

    def configuration_of(self, instance):
        """The same file for a further process of a daemon."""
        return f"{self.node}/kontalk.{instance}.conf"

    def instances(self):
        """Those that have such a file, from an earlier start too."""
        names = os.listdir(self.node) if os.path.isdir(self.node) else []
        return [match[1] for match in map(INSTANCE.fullmatch, names) if match]

    def program(self, name):
        return f"{self.bin}/{name}"

    def make_sockets(self):
        """A new short directory; the link to it is put in place at once."""
        self.remove_sockets()
        short = tempfile.mkdtemp(prefix="kontalk-", dir="/tmp")
        os.chmod(short, 0o711 if os.getuid() == 0 else 0o700)
        os.symlink(short, self.sockets)

    def remove_sockets(self):
        if not os.path.islink(self.sockets):
            return
        remove_tree(os.path.realpath(self.sockets))
        os.unlink(self.sockets)

    def short(self, name=""):
        """The path of a socket, short enough to be used."""
        return os.path.join(os.path.realpath(self.sockets), name).rstrip("/")


def remove_tree(directory):
    for parent, directories, leaves in os.walk(directory, topdown=False):
        for leaf in leaves:
            os.unlink(os.path.join(parent, leaf))
        for name in directories:
            inner = os.path.join(parent, name)
            (os.unlink if os.path.islink(inner) else os.rmdir)(inner)
    if os.path.isdir(directory):
        os.rmdir(directory)


def write(path, text, mode=0o600):
    """Whole or not at all."""
    new = path + ".new"
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w",
              encoding="utf-8") as file:
        file.write(text)
    os.chmod(new, mode)
    os.rename(new, path)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()
