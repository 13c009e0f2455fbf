# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A node, and `kontalkctl check` with a copy of its configuration that tests change: the node stays
# as it is. Fixtures for test_check*.py.

import contextlib
import json
import os
import shutil
import subprocess

import pytest

from tests.attacks.s2s import zones
from tests.node import place
from tests.node.configuration import text
from tests.node.ports import ADDRESS

SERVICES = {"_xmpp-client": "C2S", "_xmpps-client": "C2S_TLS", "_xmpp-server": "S2S",
            "_xmpps-server": "S2S_TLS"}


@pytest.fixture(scope="module")
def dns():
    with contextlib.closing(zones.Zones()) as names:
        yield names


@pytest.fixture(scope="module")
def checked_node(make_node, dns):
    """libunbound knows by itself that there is nothing below .test (RFC 6761)."""
    return make_node(network="checked.example", files=True, muc=True, settings={
        "s2s": {"dns-server": dns.server, "internal-addresses": "yes"}})


class Checked:
    """The node, as `kontalkctl check` sees it with a configuration of our own."""

    def __init__(self, node, names, directory):
        self.node, self.names, self.directory = node, names, directory
        self.main = f"{directory}/kontalk.conf"
        self.domain, self.host = node.network, node.place.host
        os.mkdir(f"{directory}/conf.d")
        shutil.copy(node.place.configuration, self.main)
        self.change({})
        names.rows.clear()
        for host in (self.host, node.place.upload, node.place.conference):
            names.put(host, zones.address(ADDRESS))
        for service in SERVICES:
            self.put_service(service)

    def put_service(self, service, target=None, port=None):
        target = self.host if target is None else target
        port = self.node.ports[SERVICES[service]] if port is None else port
        self.names.put(f"{service}._tcp.{self.domain}", zones.srv(port, target))

    def change(self, sections):
        sections = {**sections, "s2s": {"dns-server": self.names.server,
                                        **sections.get("s2s", {})}}
        place.write(f"{self.directory}/conf.d/changes.conf", text(sections))

    def run(self, *words):
        program = self.node.place.program("kontalkctl")
        return subprocess.run([program, "-c", self.main, "check", *words], text=True,
                              timeout=110, capture_output=True, check=False)

    def findings(self, *areas):
        """(the status, [finding])"""
        done = self.run("--json", *areas)
        assert not done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout)

    def certificate(self, kind, *names):
        issue = getattr(self.node.authority, kind)
        return issue(f"{self.directory}/{kind}", names)

    def show(self, certificate, key):
        self.change({f'domain "{self.domain}"': {"certificate": certificate, "key": key}})


@pytest.fixture
def checked(checked_node, dns, tmp_path):
    return Checked(checked_node, dns, str(tmp_path))


def bad(found):
    return [row for row in found if row["severity"] in ("warning", "error")]
