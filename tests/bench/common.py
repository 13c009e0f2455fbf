# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What the benchmarks share: a node without the limits that would slow down its clients.

import contextlib
import resource

from tests.harness.node import SOURCES, Account, TestNode
from tests.harness.stream import RawStream
from tests.node import place

# Limits lifted: how fast connections, handshakes and stanzas may come.
SETTINGS = {"c2s": {"connection-rate": 1000000, "connection-burst": 1000000,
                    "handshakes-per-second": 1000000, "rate-bytes": "1G", "rate-burst": "1G",
                    "rate-stanzas": 1000000, "rate-stanzas-burst": 1000000}}
PASSWORD = "benchmark"


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def running(**options):
    raise_file_limit()
    node = TestNode(settings=SETTINGS, **options)
    try:
        with node.locked():
            node.start()
        yield node
    finally:
        node.end()


def import_accounts(node, count):
    accounts = [Account(f"bench{n}@{node.network}", PASSWORD) for n in range(count)]
    path = f"{node.place.run}/import"
    place.write(path, "".join(f"{a.jid}\t{a.password}\n" for a in accounts))
    node.control("user", "import", path)
    return accounts


def login(node, account):
    client = RawStream(node, account, source=next(SOURCES)).login()
    client.send_presence()
    return client
