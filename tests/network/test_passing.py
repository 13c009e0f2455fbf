# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What passes over links: in order, once, whatever happens to the connections below; and what
# becomes of it when it cannot pass.

import contextlib

import pytest

from tests.harness import wait
from tests.network import worker as workers
from tests.network.worker import address, condition_of, next_message, next_word, offer, text

COUNT = 600
DURABLE_1 = "xmlns='urn:kontalk:durable:1' id='a@example.test/1'"


def in_place_of_c2s(node):
    """A worker of the test has the accounts of the node."""
    node.daemon("c2s").stop()
    with workers.worker(node, node.network) as component:
        yield component
    node.daemon("c2s").start()


@pytest.fixture
def alpha(network):
    yield from in_place_of_c2s(network.alpha)


@pytest.fixture
def beta(network):
    yield from in_place_of_c2s(network.beta)


def test_a_message_passes_as_it_is(network, alpha, beta):
    inner = ("<message xmlns='jabber:client' from='a@example.test/x' to='b@example.test'>"
             "<body>&lt;&amp;</body><x xmlns='urn:example:x' y:z='1' xmlns:y='urn:example:y'/>"
             "</message>")
    alpha.send(f"<message from='{address(network.alpha)}' to='{address(network.beta)}' id='1'>"
               f"<t xmlns='{workers.TRUNK}'>{inner}</t></message>")
    message = next_message(beta)
    assert message.get("from") == address(network.alpha)
    assert message.get("to") == address(network.beta)
    stanza = message.find(f"{{{workers.TRUNK}}}t")[0]
    assert stanza.tag == "{jabber:client}message"
    assert stanza.findtext("{jabber:client}body") == "<&"
    assert stanza.find("{urn:example:x}x").get("{urn:example:y}z") == "1"


@pytest.mark.parametrize("harm", ["nothing", "resets", "cuts", "delay"])
def test_in_order_and_once(network, alpha, beta, harm):
    source, target = address(network.alpha), address(network.beta)
    if harm == "delay":
        for way in network.between("alpha", "beta"):
            way.delay(0.05)
    for number in range(COUNT):
        alpha.send(text(source, target, number, size=1000))
        if number % 200 == 100 and harm == "resets":
            network.reset("alpha", "beta")
        if number % 200 == 100 and harm == "cuts":
            network.cut_one_way("alpha", "beta")
            wait.until(lambda: int(network.status("alpha")["beta.example.test"]["missed"]) > 0)
            network.heal()
    for number in range(COUNT):
        assert next_message(beta).get("id") == str(number)


def test_down_means_wait(network, alpha):
    source, target = address(network.alpha), address(network.beta)
    network.cut("alpha", "beta")
    network.wait_state("alpha", "beta", "down")
    alpha.wait_route("beta.example.test", available=False)
    alpha.send(text(source, target, 1) + offer("a@alpha.example.test", "b@beta.example.test", 2))
    error = alpha.wait_for(lambda element: element.get("type") == "error")
    assert condition_of(error) == ("wait", "remote-server-timeout")
    refused = next_word(alpha, "refused")
    assert (refused.get("id"), refused.get("reason"), refused.get("type")) == (
        "2", "remote-server-timeout", "wait")
    assert refused.get("from") == "b@beta.example.test"
    network.heal()
    alpha.wait_route("beta.example.test")


def test_who_is_no_member(network, alpha):
    source = address(network.alpha)
    alpha.send(text(source, "omega.example.test", 1))
    error = alpha.wait_for(lambda element: element.get("type") == "error")
    assert condition_of(error) == ("cancel", "remote-server-not-found")


@pytest.mark.parametrize("content", [
    "<body xmlns='jabber:component:accept'>hi</body>", "", "<x xmlns='urn:example:x'/>"])
def test_nothing_of_users_goes_out(network, alpha, content):
    alpha.send(f"<message from='{address(network.alpha)}' to='b@beta.example.test' id='1'>"
               f"{content}</message>")
    error = alpha.wait_for(lambda element: element.get("type") == "error")
    assert condition_of(error) == ("cancel", "remote-server-not-found")


def test_offers_and_answers_by_id(alpha, beta):
    """At its node an account is one of the network; between the nodes it is one of that node."""
    source, target = "a@alpha.example.test", "b@beta.example.test"
    durable = "xmlns='urn:kontalk:durable:1' id='a@example.test/1'"
    alpha.send(offer(source, target, "a@example.test/1", "attempt='3' after='a@example.test/0'"))
    got = next_word(beta, "offer")
    assert dict(got.attrib) == {"id": "a@example.test/1", "attempt": "3",
                                "after": "a@example.test/0"}
    assert got[0].get("from") == source and got[0].get("to") == "b@example.test"
    beta.send(f"<refused {durable} from='b@example.test' to='{source}' reason='gone' type='wait' "
              "retry-after='7'>moved</refused>")
    refused = next_word(alpha, "refused")
    assert dict(refused.attrib) == {
        "id": "a@example.test/1", "from": target, "to": "a@example.test", "reason": "gone",
        "type": "wait", "retry-after": "7"}
    assert refused.text == "moved"
    beta.send(f"<took {durable} from='b@example.test' to='{source}'/>")
    took = next_word(alpha, "took")
    assert took.get("from") == target and took.get("to") == "a@example.test"
    alpha.send(f"<forget {durable} from='{source}' to='{target}'/>")
    forgotten = next_word(beta, "forget")
    assert forgotten.get("from") == source and forgotten.get("to") == "b@example.test"


def test_an_answer_is_lost(network, alpha, beta):
    """Beta counts alpha as down, and what was taken cannot be answered. Alpha has only stood still,
    and is told that it has missed something."""
    source, target = "a@alpha.example.test", "b@beta.example.test"
    ours, theirs = address(network.alpha), address(network.beta)
    took = f"<took {DURABLE_1} from='b@example.test' to='{source}'/>"
    network.alpha.reconfigure({"node": {"log-level": "debug"}})
    alpha.send(offer(source, target, "a@example.test/1"))
    next_word(beta, "offer")
    beta.send(text(theirs, ours, 1))
    next_message(alpha)  # whatever beta has said before is behind us
    for daemon in (network.alpha.daemon("net"), network.beta.daemon("net")):
        daemon.mark_log()
    with network.alpha.daemon("net").paused():
        network.wait_state("beta", "alpha", "down")
        beta.send(took + text(theirs, ours, 2))
        beta.wait_for(lambda element: element.get("type") == "error")  # behind the answer
    network.alpha.daemon("net").wait_log("event=net_ready host=beta")
    network.alpha.reconfigure({"node": {"log-level": "info"}})
    network.beta.daemon("net").wait_log("event=net_link_up host=alpha.* session=resumed")


def test_no_room_is_refused_and_said_again(network, alpha, beta):
    """A worker that does not read: who offers to it hears so, and when there is room."""
    source = "a@alpha.example.test"
    alpha.expect_route("beta.example.test")
    refused = None
    number = 0
    while refused is None:
        number += 1
        body = text(source, address(network.beta), number, 60000, xmlns="jabber:client")
        alpha.send(f"<offer xmlns='urn:kontalk:durable:1' id='{number}' attempt='1'>{body}</offer>")
        with contextlib.suppress(TimeoutError):
            refused = alpha.wait_for(
                lambda element: element.tag == "{urn:kontalk:durable:1}refused", 0.05)
        assert number < 2000
    assert refused.get("reason") == "resource-constraint" and refused.get("type") == "wait"
    for _ in range(int(refused.get("id")) - 1):
        next_word(beta, "offer")
    alpha.expect_route("beta.example.test", available=False)
    alpha.expect_route("beta.example.test")


def test_a_stalled_peer_harms_no_other(network, alpha):
    """Beta's net is stopped while much waits for it, and gamma gets all of its own."""
    source = address(network.alpha)
    with network.beta.daemon("net").paused(), workers.worker(network.gamma) as gamma:
        for number in range(COUNT):
            alpha.send(text(source, address(network.beta), number, 5000))
            alpha.send(text(source, address(network.gamma), number))
        for number in range(COUNT):
            assert next_message(gamma).get("id") == str(number)


@pytest.mark.parametrize("daemon", ["router", "c2s", "net"])
def test_offers_are_made_again_when_a_daemon_was_restarted(network, alpha, daemon):
    """The route goes and comes at the other node."""
    alpha.expect_route("beta.example.test")
    network.beta.daemon(daemon).kill()
    network.beta.daemon(daemon).start()
    alpha.expect_route("beta.example.test", available=False)
    alpha.expect_route("beta.example.test")
