# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What a member may not do as the front of clients, or as the home of their accounts: it is refused,
# counted, and harms nobody else (docs/FRONTS.md, "Who may say what").

import pytest

from tests.harness import wait
from tests.harness.node import SOURCES
from tests.harness.smacks import SmStream
from tests.network import worker as workers
from tests.network.hostile import Trunk, named
from tests.network.worker import TRUNK, address
from tests.node.client import SASL, encode, local_name
from tests.node.scram import Scram

BETA = "beta.example.test"
PING = "<ping xmlns='urn:xmpp:ping'/>"
MANY_LOGINS = 1100
MANY_TRUNKS = 70


@pytest.fixture
def beta(network):
    """The worker of the test serves what is beta's."""
    network.beta.daemon("c2s").stop()
    with workers.worker(network.beta, network.beta.network) as component:
        yield component
    network.beta.daemon("c2s").start()


@pytest.fixture
def front(network, beta):
    """A trunk to alpha's c2s. Ended with the test: alpha has only so many of one member."""
    trunk = Trunk(beta, address(network.beta), f"{network.alpha.place.host}/c2s-1")
    yield trunk
    trunk.frame(reset="1")


@pytest.fixture
def refused(network):
    """refused(reason): how often alpha has said so."""
    def count(reason):
        text = network.alpha.control("ask", "c2s", "show", "counts")
        rows = [line.split() for line in text.splitlines()]
        return sum(int(row[2]) for row in rows if row[:2] == ["session_refused", reason])
    return count


@pytest.fixture
def counted(refused):
    """counted(reason, function): what that returns; alpha has counted one more for it."""
    def check(reason, function):
        before = refused(reason)
        result = function()
        wait.until(lambda: refused(reason) == before + 1, what=f"one more {reason}")
        return result
    return check


@pytest.fixture(autouse=True)
def goes_on(network, request):
    """Alpha serves the others, in the same process."""
    pid = network.alpha.daemon("c2s").pid
    yield
    with_session(network.alpha, network.alpha.add_account())
    assert network.alpha.daemon("c2s").pid == pid


def with_session(node, owner):
    client = SmStream(node, owner, source=next(SOURCES)).login()
    client.settle()
    client.close()


def ping(front, i):
    """The iq that answers a ping of this channel's session."""
    front.say(f"<s i='{i}'><iq xmlns='jabber:client' type='get' id='p' to='example.test'>{PING}"
              "</iq></s>")
    return front.hear("s", "close", "gone")


def test_as_it_should_be(network, front):
    """What follows is refused for what is wrong with it, and for nothing else."""
    account = network.alpha.add_account()
    i, end = front.login(account)
    assert named(end) == "success"
    assert front.bind(i).get("jid") == f"{account.jid}/x"
    assert ping(front, i)[0].get("type") == "result"


def test_nobody_is_believed_to_be_logged_in(network, front, counted):
    account = network.alpha.add_account()

    def claim():
        front.say(f"<open i='7' jid='{account.jid}' addr='192.0.2.7' sid='x' age='0'/>")
        front.say("<bind i='7' resource='x'/>")
        return front.hear()

    assert named(counted("open", claim)) == "gone"


def test_logins_without_proof(network, front):
    """PLAIN and EXTERNAL are no business of others; a proof is good for one exchange."""
    account = network.alpha.add_account()
    for mechanism in ("PLAIN", "EXTERNAL", "ANONYMOUS"):
        message = f"\0{account.user}\0{account.password}".encode()
        front.begin_login(account.user, mechanism, message)
        assert front.hear("success", "failure").get("condition") == "invalid-mechanism"
    _, end = front.login(account)
    assert named(end) == "success"
    _, end = front.login(account, answer=front.final)
    assert end.get("condition") == "not-authorized"


def test_stanzas_of_somebody_else(network, front, counted):
    account, victim = network.alpha.add_account(), network.alpha.add_account()
    for source in (victim.jid, f"{account.jid}/other", "example.test", BETA, "a@jabber.example"):
        i, _ = front.login(account)
        assert front.bind(i, f"r{i}").get("jid")

        def forge(source=source, i=i):
            front.say(f"<s i='{i}'><message xmlns='jabber:client' from='{source}' "
                      f"to='{victim.jid}'><body>x</body></message></s>")
            return front.hear("close")

        assert counted("from", forge).get("condition") == "invalid-from"
        assert named(ping(front, i)) == "gone"


def test_before_there_is_a_session(network, front, counted):
    account = network.alpha.add_account()
    i, _ = front.login(account)
    assert counted("early", lambda: ping(front, i)).get("condition") == "not-authorized"
    i, _ = front.login(account)
    front.bind(i)
    assert named(counted("early", lambda: front.bind(i))) == "close"


def test_sessions_of_other_fronts(network, front):
    """A number of a channel means something on its own trunk only."""
    client = SmStream(network.gamma, network.alpha.add_account(), source=next(SOURCES)).login()
    for i in range(1, 20):
        assert named(ping(front, i)) == "gone"
        front.say(f"<end i='{i}' how='closed'/>")
    client.settle()
    client.close()


def test_messages_that_are_no_frames(network, beta, front, counted):
    for inner in (f"<t xmlns='{TRUNK}' v='1' me='x'/>", f"<t xmlns='{TRUNK}' v='1'/>",
                  f"<t xmlns='{TRUNK}' v='1' me='{'a' * 16}' n='x'/>", f"<x xmlns='{TRUNK}'/>"):
        counted("kind", lambda inner=inner: beta.send(
            f"<message from='{front.source}' to='{front.target}'>{inner}</message>"))


def test_acknowledges_what_was_never_sent(network, front):
    i, _ = front.login(network.alpha.add_account())
    front.came += 1000
    front.frame()
    front.came -= 1000
    front.say(f"<bind i='{i}'/>")
    with pytest.raises(EOFError, match="reset"):
        front.hear("bound")


def test_a_member_that_is_no_front(network, front, counted):
    """Nor any more: who is connected there is cut off."""
    account = network.alpha.add_account()
    i, end = front.login(account)
    assert named(end) == "success"

    def without(changed):
        changed.members[BETA]["role"] = ["home", "s2s"]

    with network.changed(without):
        with pytest.raises(EOFError, match="reset"):
            while True:
                front.say(f"<bind i='{i}'/>")
                front.hear()
        again = Trunk(front.component, front.source, front.target)
        _, end = counted("role", lambda: again.login(account))
        assert end.get("condition") == "temporary-auth-failure"


def test_too_many_logins_and_trunks(network, front, refused):
    """Of one member; others are not in their way."""
    account = network.alpha.add_account()
    for _ in range(MANY_LOGINS):
        front.begin_login(account.user, initial=b"n,,n=nobody,r=0123456789")
    wait.until(lambda: refused("many") > 0, what="logins to be refused")
    before = refused("many")
    trunks = [Trunk(front.component, f"{BETA}/w{number}", front.target)
              for number in range(MANY_TRUNKS)]
    for trunk in trunks:
        trunk.begin_login(account.user)
    wait.until(lambda: refused("many") > before, what="trunks to be refused")
    with_session(network.gamma, account)
    for trunk in trunks:
        trunk.frame(reset="1")
    last = Trunk(front.component, f"{BETA}/w", front.target)
    i, end = last.login(account)
    assert named(end) == "success"
    last.frame(reset="1")


# As a home.


@pytest.fixture
def account(network):
    """Its home is beta, and alpha knows that."""
    made = network.beta.add_account()
    wait.until(lambda: "beta" in network.alpha.control("directory", "lookup", made.jid),
               what="alpha to know it")
    return made


@pytest.fixture
def visit(network, account, beta):
    """visit(): (a client at alpha that logs in, beta's end of the trunk, the channel)."""
    clients, trunks = [], []

    def begin():
        client = SmStream(network.alpha, account, source=next(SOURCES))
        clients.append(client)
        client.secure()
        scram = Scram("SCRAM-SHA-256", account.user, account.password)
        client.send(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{encode(scram.first())}"
                    "</auth>")
        trunk, i = answer_where(network, beta)
        trunks.append(trunk)
        return client, trunk, i

    yield begin
    for trunk in trunks:
        trunk.frame(reset="1")
    for client in clients:
        client.close()


def answer_where(network, beta):
    question = beta.wait_for(lambda e: e.find(f"{{{TRUNK}}}where") is not None)
    source, front = address(network.beta), question.get("from")
    number = question.find(f"{{{TRUNK}}}where").get("id")
    beta.send(f"<message from='{source}' to='{front}'><here xmlns='{TRUNK}' id='{number}'/>"
              "</message>")
    first = beta.wait_for(workers.is_message)
    trunk = Trunk(beta, source, front, first[0].get("me"))
    login = trunk.take(first[0])
    return trunk, login.get("i")


def test_a_session_before_the_login(network, account, visit, counted):
    for said in (f"<resumed i='{{i}}' jid='{account.jid}/x'/>",
                 f"<bound i='{{i}}' jid='{account.jid}/x'/>",
                 f"<begun i='{{i}}' jid='{account.jid}/x'/>",
                 "<s i='{i}'><message xmlns='jabber:client'/></s>", "<read i='{i}'/>"):
        client, home, i = visit()

        def say(home=home, i=i, said=said):
            home.say(said.format(i=i))
            return home.hear("end")

        assert counted("early", say).get("how") == "failed"
        home.frame(reset="1")


def logged_in(client, home, i):
    home.say(f"<success i='{i}'/>")
    assert local_name(client.receive().tag) == "success"
    client.begin()
    client.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    home.hear("bind")


def test_a_session_of_another_account(network, visit, counted):
    victim = network.alpha.add_account()
    client, home, i = visit()
    logged_in(client, home, i)

    def say():
        home.say(f"<bound i='{i}' jid='{victim.jid}/x'/>")
        return home.hear("end")

    assert counted("home", say).get("how") == "failed"


def test_reading_goes_on_more_often_than_it_stops(account, visit):
    client, home, i = visit()
    logged_in(client, home, i)
    for word in ("read", "pause", "read", "read"):
        home.say(f"<{word} i='{i}'/>")
    home.say(f"<bound i='{i}' jid='{account.jid}/x'/>")
    client.receive()
    client.send(f"<iq type='get' id='p'>{PING}</iq>")
    assert home.hear("s")[0].get("id") == "p"
