# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Nodes that federate with each other, by addresses in their configuration.

import pytest

from tests.harness.plugin import running

LEFT, RIGHT = "left.test", "right.test"
QUICK = {"retry-min": "100ms", "retry-max": "2s"}


class Pair:
    """Two nodes of networks of their own that trust the same authority."""

    def __init__(self, left, right):
        self.left, self.right = left, right

    def point_at_each_other(self, service="S2S", **policy):
        """Writes where the other one is, and reloads."""
        for here, there in ((self.left, self.right), (self.right, self.left)):
            key = "address-tls" if service == "S2S_TLS" else "address"
            host, port = there.address(service)
            here.reconfigure({f'peer "{there.network}"': {key: f"{host}:{port}", **policy},
                              "s2s": {**here.settings["s2s"], **QUICK}})


@pytest.fixture(scope="module")
def pair():
    with running(network=LEFT) as left, \
            running(network=RIGHT, authority=left.authority) as right:
        both = Pair(left, right)
        both.point_at_each_other()
        yield both
