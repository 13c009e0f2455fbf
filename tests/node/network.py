# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Several nodes of one network below one RUN: they share the authority, the accounts and a cluster
# of PostgreSQL, in which each has a database.

import contextlib
import itertools
import time

from tests.node import accounts, configuration, control, document, place
from tests.node.node import Node
from tests.node.ports import ADDRESS
from tests.node.postgres import Postgres

SECONDS = 60
PAUSE_SECONDS = 0.1


class Database:
    """A node's part of the cluster; looks like the cluster itself."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name

    @property
    def process(self):
        return self.cluster.process

    @property
    def data(self):
        return self.cluster.data

    @property
    def conninfo(self):
        return self.cluster.conninfo_of(self.name)

    def start(self):
        self.cluster.create(self.name)

    def stop(self):
        return True

    def conninfo_of(self, _database, role):
        return self.cluster.conninfo_of(self.name, role)

    def create_role(self, role):
        """It is the cluster's; the schema is ours."""
        self.cluster.create_role(role, self.name)

    def query(self, database, sql):
        return self.cluster.query(self.name if database == "kontalk" else database, sql)


class Network:
    def __init__(self, run, bin_directory, count, durable=True, usual_ports=True,
                 network=place.NETWORK, make_node=Node, settings=None, workers=1, muc=False):
        """muc: kontalk-muc at every node, which serve one domain together."""
        if count > len(place.HOSTS):
            raise place.Error(f"at most {len(place.HOSTS)} nodes have names")
        self.place = place.Place(run, bin_directory, host="database", network=network)
        self.cluster = Postgres(self.place, durable)
        self.settings = settings or {}
        if muc:
            self.settings = configuration.merge(
                {"node": {"shared-service": self.place.conference}}, self.settings)
        self.document = None
        self.nodes = {}
        for i, name in enumerate(place.HOSTS[:count]):
            where = place.Place(run, bin_directory, host=name, network=network)
            self.nodes[name] = make_node(where, durable=durable,
                                         usual_ports=usual_ports and i == 0,
                                         postgres=Database(self.cluster, name), member_of=self,
                                         workers=workers, muc=muc)

    @contextlib.contextmanager
    def locked(self):
        """One start or stop at a time."""
        with contextlib.ExitStack() as stack:
            self.place.prepare()
            for one in self.nodes.values():
                one.place.prepare()
            stack.enter_context(next(iter(self.nodes.values())).locked())
            yield

    def is_running(self):
        return bool(self.cluster.process.pids()) and all(
            one.is_running() for one in self.nodes.values())

    @property
    def title(self):
        return f"{self.place.network} with {len(self.nodes)} nodes"

    def missing(self):
        return [f"{name} of {one.place.host}" for one in self.nodes.values()
                for name in one.missing()]

    def part(self, title):
        name, _, host = title.partition(" of ")
        return next(one for one in self.nodes.values() if one.place.host == host).part(name)

    def processes(self):
        return [process for one in self.nodes.values() for process in one.daemons.values()]

    def start(self):
        """All of it; if a part fails everything is stopped again."""
        self.stop()
        try:
            self.place.make_sockets()
            self.cluster.start()
            for one in self.nodes.values():
                one.choose_ports()
            self.write_document(self.first_document())
            for one in self.nodes.values():
                one.start()
            self.wait_links()
            self.add_accounts()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        orderly = all([one.stop() for one in reversed(list(self.nodes.values()))])
        orderly = self.cluster.stop() and orderly
        self.place.remove_sockets()
        return orderly

    def wait_links(self):
        """Every node has a link to every other one."""
        for one, other in itertools.permutations(self.nodes.values(), 2):
            patiently(lambda: control.links(one).get(other.place.host, {}).get("state") == "up",
                      f"{one.place.host} has no link to {other.place.host}")

    def add_accounts(self):
        """Alice at the first node, bob at the second. The registrar gives out names as soon as the
        node knows that it is there."""
        first, second = (list(self.nodes.values()) * 2)[:2]
        for one, name in ((first, "alice"), (second, "bob")):
            patiently(lambda: self._add_account(one, name), f"{name} cannot be added")

    def _add_account(self, one, name):
        try:
            accounts.ensure(one, [name])
        except place.Error as problem:
            if "try again later" not in str(problem):
                raise
            return False
        return True

    # The document.

    def address_of(self, name):
        """What the document says of where the node listens."""
        return f"{ADDRESS}:{self.nodes[name].ports['NET']}"

    def first_document(self):
        made = document.Document(self.place.network,
                                 document.signing_key(f"{self.place.secrets}/keyholder"))
        for name, one in self.nodes.items():
            made.add(one.place.host, self.address_of(name), net_key(one)[0], signing_key(one))
        return made

    def write_document(self, changed):
        """For every node; they have to be told."""
        self.document = changed
        for one in self.nodes.values():
            place.write(one.place.document, changed.text(), 0o644)

    def sections_of(self, one):
        """What the configuration of a node has because it is a member."""
        certificate, key = net_key(one)
        signing_key(one)
        base = {"node": {"document": one.place.document, "signing-key": signing_key_file(one)},
                "net": {"listen": f"{ADDRESS}:{one.ports['NET']}",
                        "certificate": certificate, "key": key}}
        return configuration.merge(base, self.settings)


def patiently(condition, problem):
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise place.Error(problem)
        time.sleep(PAUSE_SECONDS)


def net_key(one):
    """(certificate, key) of a node for links."""
    return document.node_key(f"{one.place.tls}/net", one.place.host)


def signing_key_file(one):
    return f"{one.place.tls}/signing.key"


def signing_key(one):
    return document.signing_key(signing_key_file(one))

