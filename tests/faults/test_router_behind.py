# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The router does not keep up. Clients that go on talking to others are read no further; nothing is
# refused and nothing is lost, and everybody else goes on.

import threading

import pytest

from tests.faults.talk import Watch

# Far more than may wait for the router and in the buffers of a connection.
COUNT = 200
SIZE = 100_000


@pytest.fixture(scope="module")
def node_of_talkers(make_node):
    """No limit on rates, a router that may stand still for as long as it likes, and room in it for
    everything, since the gateway of the test reads more slowly than routers write."""
    return make_node(settings={"c2s": {"rate-exempt": "127.0.0.0/8"},
                               "router": {"queue-size": "64M"}})


def talk(client, to):
    body = "x" * SIZE
    for number in range(COUNT):
        client.send(f"<message type='headline' id='{number}' to='{to}'><body>{body}</body>"
                    "</message>")


def test_talkers_wait(node_of_talkers, friends, gateway, login):
    node, pair, door = node_of_talkers, friends(node_of_talkers), gateway(node_of_talkers)
    talker = login(where=node)
    watch = Watch(node, "c2s", "router")
    with node.daemon("router").paused():
        thread = threading.Thread(target=talk, args=(talker, door.bot))
        thread.start()
        pair.talk()  # inside c2s, while the talker is held
        thread.join(1)
        assert thread.is_alive()  # it could not get rid of everything
    heard = [int(door.wait_for(lambda e: e.get("type") == "headline").get("id"))
             for _ in range(COUNT)]
    thread.join()
    assert heard == list(range(COUNT))
    talker.settle()
    assert watch.same_processes()
