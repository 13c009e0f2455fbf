# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What the faults happen to: clients, and a third-party component of the node.

import pytest

from tests.faults.talk import Friends, Gateway
from tests.node import place


@pytest.fixture
def gateway():
    """gateway(node): a third-party component that has been let in; closed behind the test."""
    made = []

    def connect(node):
        made.append(Gateway(node.address("COMPONENT"), place.COMPONENT, node.component_secret()))
        return made[-1]

    yield connect
    for one in made:
        one.close()


@pytest.fixture
def friends(login):
    """friends(node): two clients that have sent presence, and what they can say to each other."""
    def meet(node):
        pair = login(where=node), login(where=node)
        for client in pair:
            client.send_presence()
        return Friends(*pair)
    return meet
