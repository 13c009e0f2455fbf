# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A network of private nodes for tests. Every link goes through a relay of its own, one for each
# node that dials and each that is dialled.

import contextlib
import itertools
import os
import shutil
import tempfile

from tests.harness import relay, wait
from tests.harness.node import WORKERS, TestNode
from tests.node import configuration, control, place
from tests.node.network import Network
from tests.node.ports import ADDRESS

# Faster than in earnest, so that tests need not wait.
QUICK = {"net": {"heartbeat": "200ms", "suspect-after": "1s", "down-after": "2s",
                 "dial-after": "1s", "retry-min": "50ms", "retry-max": "500ms",
                 "negotiation-timeout": "5s"}}
LINK_SECONDS = 60


class TestNetwork(Network):
    __test__ = False  # no test, whatever its name looks like

    def __init__(self, count=3, settings=None, quick=True, relays=True, workers=WORKERS,
                 muc=False, network=place.NETWORK):
        """settings: {section: {key: value}} for the kontalk.conf of all nodes; quick=False: the
        times of links as they are by default; relays=False: links go straight; network: its
        domain."""
        parent = os.environ.get("TEST_SCRATCH")
        directory = tempfile.mkdtemp(prefix="net-" if parent else "kontalk-test-",
                                     dir=parent or "/tmp")
        merged = configuration.merge(QUICK if quick else {}, settings)
        super().__init__(directory, os.environ.get("BIN", "build"), count, durable=False,
                         usual_ports=False, make_node=make_test_node, settings=merged,
                         workers=workers, muc=muc, network=network)
        self.relays = {}
        for dialling, other in itertools.permutations(self.nodes, 2) if relays else ():
            self.relays[dialling, other] = relay.Relay(self._target(other))

    def _target(self, name):
        return lambda: (ADDRESS, self.nodes[name].ports["NET"])

    def sections_of(self, one):
        base = super().sections_of(one)
        for (dialling, other), way in self.relays.items():
            if dialling == one.place.name:
                base[f'peer "{self.nodes[other].place.host}"'] = {
                    "net-address": f"{way.address[0]}:{way.address[1]}"}
        return base

    # Nodes by name: network.alpha, network["alpha"].

    def __getitem__(self, name):
        return self.nodes[name]

    def __getattr__(self, name):
        nodes = self.__dict__.get("nodes", {})
        if name in nodes:
            return nodes[name]
        raise AttributeError(name)

    def __iter__(self):
        return iter(self.nodes.values())

    # Links.

    def between(self, one, other):
        """The relays of a pair, in both ways of dialling."""
        return [self.relays[one, other], self.relays[other, one]]

    def cut(self, one, other):
        """Silently, in both directions."""
        for way in self.between(one, other):
            way.cut()

    def cut_one_way(self, source, sink):
        """What `source` says does not arrive at `sink`."""
        self.relays[source, sink].cut(relay.FORWARD)
        self.relays[sink, source].cut(relay.BACKWARD)

    def split(self, *halves):
        """split(["alpha"], ["beta", "gamma"]): only those inside a part hear each other."""
        for left, right in itertools.combinations(halves, 2):
            for one, other in itertools.product(left, right):
                self.cut(one, other)

    def heal(self):
        for way in self.relays.values():
            way.heal()

    def reset(self, one, other):
        for way in self.between(one, other):
            way.reset()

    def status(self, name):
        """{host: {"state": …, key: value}} as the net daemon of that node sees the others."""
        return control.links(self.nodes[name])

    def is_linked(self, one, other):
        with contextlib.suppress(OSError, place.Error):
            there = self.status(one).get(self.nodes[other].place.host, {})
            return there.get("state") == "up"
        return False

    def wait_linked(self, *pairs, seconds=LINK_SECONDS):
        """Both ends of these pairs, or of all, have a link."""
        for one, other in pairs or itertools.combinations(self.nodes, 2):
            for left, right in ((one, other), (other, one)):
                wait.until(lambda: self.is_linked(left, right), seconds,
                           f"a link from {left} to {right}")

    def wait_state(self, one, other, state, seconds=LINK_SECONDS):
        """`one` sees `other` as up, lost or down."""
        host = self.nodes[other].place.host
        wait.until(lambda: self.status(one).get(host, {}).get("state") == state, seconds,
                   f"{other} {state} at {one}")

    # The document.

    def change(self, edit=None, serial=None):
        """A document with the next serial, which `edit` may change before it is signed, in force at
        all nodes when this returns."""
        changed = self.document.next()
        changed.serial = serial or changed.serial
        if edit:
            edit(changed)
        self.write_document(changed)
        for one in self:
            if one.daemon("net").pid:
                one.control("reload")

    def publish(self, edit=None, name="alpha"):
        """The same at one node only: the others get it over the links. Nobody is told."""
        changed = self.document.next()
        if edit:
            edit(changed)
        self.document = changed
        place.write(self.nodes[name].place.document, changed.text(), 0o644)
        return changed.serial

    def serial(self, name):
        """Of the document in force at the net daemon of a node."""
        return int(self.status(name)[self.nodes[name].place.host]["serial"])

    def wait_serial(self, *names, serial=None):
        """These nodes, or all, have the newest document, or the one with that serial."""
        wanted = serial or self.document.serial
        for name in names or self.nodes:
            wait.until(lambda: self.serial(name) == wanted, LINK_SECONDS,
                       f"serial {wanted} at {name}")

    @contextlib.contextmanager
    def changed(self, edit):
        """Inside the block the document is another one."""
        before = self.document
        self.change(edit)
        try:
            yield
        finally:
            def undo(document):
                document.members, document.homes = before.members, before.homes
            self.change(undo)

    def restore(self):
        """As at the beginning: every daemon runs, nothing is cut, all are linked."""
        problems = [problem for one in self for problem in one.problems()]
        self.heal()
        self.wait_linked()
        return problems

    def end(self):
        orderly = self.stop()
        found = [] if orderly else ["a part of the network did not end by itself"]
        for one in self:
            found += one.leftovers()
            one.dns.close()
        for way in self.relays.values():
            way.close()
        self.cluster.remove()
        shutil.rmtree(self.place.run)
        return found


def make_test_node(where, **options):
    return TestNode(where=where, **{key: options[key]
                                    for key in ("postgres", "member_of", "workers", "muc")})


@contextlib.contextmanager
def running(*arguments, **options):
    network = TestNetwork(*arguments, **options)
    problems = []
    try:
        with network.locked():
            network.start()
        network.wait_linked()
        yield network
        problems = [problem for one in network for problem in one.problems()]
    finally:
        problems += network.end()
    assert not problems, "\n".join(problems)
