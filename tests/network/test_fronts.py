# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Any client at any node: logins that the front relays to the home, and what a session is like whose
# front is not its home (docs/FRONTS.md).

import base64
import contextlib
import hashlib
import itertools

import pytest

from tests.harness.node import SOURCES
from tests.harness.smacks import SmStream
from tests.node.client import CLIENT, SASL, Closed, encode, local_name
from tests.node.scram import Scram

NODES = ("alpha", "beta", "gamma")
BODY = f"{{{CLIENT}}}body"
PRESENCE = f"{{{CLIENT}}}presence"


@pytest.fixture
def connect(network):
    """connect("beta", owner): a client of this account at that node, not logged in yet."""
    with contextlib.ExitStack() as stack:
        def make(front, owner, **options):
            stream = SmStream(network[front], owner, source=next(SOURCES), **options)
            stack.callback(stream.close)
            return stream
        yield make


def failure(stream, mechanism, first, answer=None):
    """The condition of a login that fails."""
    stream.send(f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{encode(first)}</auth>")
    element = stream.receive()
    if answer and local_name(element.tag) == "challenge":
        final = answer(base64.b64decode(element.text))
        stream.send(f"<response xmlns='{SASL}'>{encode(final)}</response>")
        element = stream.receive()
    assert element.tag == f"{{{SASL}}}failure"
    return local_name(element[0].tag)


def failed_scram(stream, user, password):
    scram = Scram("SCRAM-SHA-256", user, password)
    return failure(stream, "SCRAM-SHA-256", scram.first(), scram.final)


def test_every_front_for_every_home(network, connect):
    """Messages between all pairs of (front, home), and everybody gets answers."""
    clients = []
    for home in NODES:
        owner = network[home].add_account()
        clients += [connect(front, owner).login() for front in NODES]
    for client in clients:
        client.send_presence()
    for source, sink in itertools.product(clients, clients):
        source.send_message(sink.full, f"from {source.full}")
    for client in clients:
        missing = {f"from {other.full}" for other in clients}
        while missing:
            message = client.wait_for(lambda e: e.findtext(BODY) is not None)
            assert message.findtext(BODY) == f"from {message.get('from')}"
            missing.remove(message.findtext(BODY))


def test_channel_binding_of_the_front(network, connect):
    """SCRAM-PLUS: the front's connection is what is bound."""
    stream = connect("beta", network.alpha.add_account())
    stream.secure()
    certificate = stream.socket.getpeercert(binary_form=True)
    binding = hashlib.sha256(certificate).digest()
    scram = Scram("SCRAM-SHA-256-PLUS", stream.user, stream.password,
                  gs2="p=tls-server-end-point", binding=binding)
    stream.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256-PLUS'>"
                f"{encode(scram.first())}</auth>")
    answer = scram.final(base64.b64decode(stream.expect(f"{{{SASL}}}challenge").text))
    stream.send(f"<response xmlns='{SASL}'>{encode(answer)}</response>")
    scram.verify(base64.b64decode(stream.expect(f"{{{SASL}}}success").text))
    stream.begin()
    stream.bind()


def test_channel_binding_of_another_connection(network, connect):
    stream = connect("beta", network.alpha.add_account())
    stream.secure()
    scram = Scram("SCRAM-SHA-256-PLUS", stream.user, stream.password,
                  gs2="p=tls-server-end-point", binding=b"\0" * 32)
    assert failure(stream, "SCRAM-SHA-256-PLUS", scram.first(), scram.final) == "not-authorized"


def test_downgrade_is_noticed(network, connect):
    """RFC 5802 §6: the client thinks that there is no -PLUS, but the front has offered it."""
    stream = connect("beta", network.alpha.add_account())
    stream.secure()
    scram = Scram("SCRAM-SHA-256", stream.user, stream.password, gs2="y")
    assert failure(stream, "SCRAM-SHA-256", scram.first(), scram.final) == "not-authorized"
    stream.authenticate()


def test_wrong_password_and_unknown_name(network, connect):
    """They look the same, and the stream goes on."""
    owner = network.alpha.add_account()
    stream = connect("beta", owner)
    stream.secure()
    assert failed_scram(stream, owner.user, "wrong") == "not-authorized"
    assert failed_scram(stream, f"{owner.user}-nobody", "wrong") == "not-authorized"
    stream.authenticate()
    stream.bind()


def mechanisms(stream):
    return {element.text for element in stream.features.iter(f"{{{SASL}}}mechanism")}


def plain_failure(stream):
    message = f"\0{stream.user}\0{stream.password}".encode()
    return failure(stream, "PLAIN", message)


@pytest.fixture
def plain_at_beta(network):
    """plain_at_beta("yes"): whether it is offered there; "no" behind the test."""
    def offer(yes):
        network.beta.reconfigure({f'domain "{network.place.network}"': {"plain-in-network": yes}})

    yield offer
    offer("no")


def test_plain_is_not_offered(network, connect):
    """Whoever is asked for it shows a password to a node that may not be the account's home."""
    for front in ("alpha", "beta"):
        stream = connect(front, network.alpha.add_account())
        stream.secure()
        assert "PLAIN" not in mechanisms(stream) and "SCRAM-SHA-256" in mechanisms(stream)
        assert plain_failure(stream) == "invalid-mechanism"
        stream.authenticate()


def test_plain_goes_to_nobody_else(network, connect, plain_at_beta):
    """Where it is offered it is for accounts whose home is there."""
    plain_at_beta("yes")
    stream = connect("beta", network.alpha.add_account())
    stream.secure()
    assert "PLAIN" in mechanisms(stream)
    assert plain_failure(stream) == "invalid-mechanism"
    stream.authenticate()
    there = connect("beta", network.beta.add_account())
    there.secure()
    message = encode(f"\0{there.user}\0{there.password}".encode())
    there.send(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{message}</auth>")
    there.expect(f"{{{SASL}}}success")
    there.begin()
    there.bind()


def test_home_away(network, connect):
    """An unreachable home is no wrong password."""
    owner = network.alpha.add_account()
    assert connect("beta", owner).login().full
    network.cut("alpha", "beta")
    network.wait_state("beta", "alpha", "down")
    stream = connect("beta", owner)
    stream.secure()
    assert failed_scram(stream, owner.user, owner.password) == "temporary-auth-failure"
    network.heal()
    network.wait_linked()
    stream.authenticate()
    stream.bind()


def test_resume_at_any_front(network, connect):
    """XEP-0198: what was sent meanwhile comes there, and the counters go on."""
    owner, friend = network.alpha.add_account(), network.beta.add_account()
    other = connect("beta", friend).login()
    first = connect("beta", owner).login()
    first.enable()
    first.send_presence()
    first.cut()
    bodies = iter(f"message {n}" for n in range(9))
    for front in ("gamma", "alpha", "beta"):
        body = next(bodies)
        other.send_message(first.full, body)
        other.settle()
        again = connect(front, owner).authenticated()
        again.resume(first)
        again.wait_message(body)
        h = again.ask_h()
        again.send_message(other.full, f"at {front}")
        other.wait_message(f"at {front}")
        assert again.ask_h() == h + 1
        again.cut()
        first = again


def test_live_session_is_taken_over(network, connect):
    """The old front hears `conflict`."""
    owner = network.alpha.add_account()
    first = connect("beta", owner).login()
    first.enable()
    second = connect("gamma", owner).authenticated()
    second.resume(first)
    with pytest.raises(Closed, match="conflict"):
        first.wait_for(lambda _: False)
    second.settle()


def test_resource_conflict(network, connect):
    owner = network.alpha.add_account()
    first = connect("beta", owner, resource="phone").login()
    second = connect("gamma", owner, resource="phone").login()
    with pytest.raises(Closed, match="conflict"):
        first.wait_for(lambda _: False)
    second.settle()


def test_two_devices_at_two_nodes(network, connect):
    owner, friend = network.alpha.add_account(), network.gamma.add_account()
    devices = [connect(front, owner).login() for front in ("alpha", "beta")]
    for device in devices:
        device.send_presence()
    sender = connect("gamma", friend).login()
    sender.send_message(owner.jid, "to both")
    for device in devices:
        device.wait_message("to both")


def test_new_password_ends_sessions_elsewhere(network, connect):
    owner = network.alpha.add_account()
    client = connect("beta", owner).login()
    owner.password = "another password"
    network.alpha.passwords.append(owner.password)
    network.alpha.control("user", "passwd", owner.jid, password=owner.password + "\n")
    with pytest.raises(Closed, match="not-authorized"):
        client.wait_for(lambda _: False)
    connect("beta", owner).login()


def test_deleted_account_ends_sessions_elsewhere(network, connect):
    owner = network.alpha.add_account()
    client = connect("beta", owner).login()
    network.alpha.control("user", "del", owner.jid)
    with pytest.raises(Closed, match="not-authorized"):
        client.wait_for(lambda _: False)


def test_a_login_under_way_with_the_old_password(network, connect):
    """The home has looked into the account before its password was changed."""
    owner = network.alpha.add_account()
    stream = connect("beta", owner)
    stream.secure()
    go_on = stream.begin_scram()
    owner.password = "another password"
    network.alpha.passwords.append(owner.password)
    network.alpha.control("user", "passwd", owner.jid, password=owner.password + "\n")
    with pytest.raises(AssertionError, match="failure"):
        go_on()
    connect("beta", owner).login()


def test_end_of_a_session_is_seen(network, connect):
    """</stream:stream> at the front: the other device hears that it has gone."""
    owner = network.alpha.add_account()
    here, there = connect("alpha", owner).login(), connect("beta", owner).login()
    here.send_presence()
    there.send_presence()
    here.wait_for(lambda e: e.tag == PRESENCE and e.get("from") == there.full)
    there.logout()
    here.wait_for(lambda e: e.get("type") == "unavailable" and e.get("from") == there.full)
