# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Several c2s of one node: a client may be at any of them, one of them serves its account, and any
# of them may die or stand still (docs/FRONTS.md).

import contextlib

import pytest

from tests.faults import writers
from tests.harness import wait
from tests.harness.archive import query
from tests.harness.node import SOURCES
from tests.harness.smacks import SmStream
from tests.node.client import Closed, local_name

WORKERS = {"C2S_1": "c2s", "C2S_2": "c2s@c2s-2"}
SETTINGS = {"router": {"ping-interval": "200ms", "ping-timeout": "2s"}}
SECONDS = 60


@pytest.fixture(scope="module")
def workers(make_node):
    return make_node(settings=SETTINGS, workers=2)


@pytest.fixture(autouse=True)
def restored(workers):
    """Both are there and have their slots."""
    yield
    assert not workers.problems()
    wait_slots(workers)


def slots(node):
    text = node.control("ask", "c2s", "show", "counts")
    return [int(line.split()[1]) for line in text.splitlines() if line.startswith("slots ")]


def wait_slots(node, workers=2):
    wait.until(lambda: len(slots(node)) == workers and sum(slots(node)) == 64, SECONDS,
               f"all slots to be with {workers} workers")


@pytest.fixture
def connect(workers):
    """connect("C2S_1", owner): at this worker, not logged in yet."""
    with contextlib.ExitStack() as stack:
        def make(service, owner, **options):
            stream = SmStream(workers, owner, source=next(SOURCES), service=service, **options)
            stack.callback(stream.close)
            return stream
        yield make


def served_elsewhere(node):
    """How many clients of the first worker have their accounts at the other one."""
    counts = node.control("ask", "c2s", "show", "counts")
    return sum(int(line.split()[2]) for line in counts.splitlines()
               if line.startswith("clients_of "))


def wait_until_alone(node):
    wait.until(lambda: served_elsewhere(node) == 0, SECONDS, "the end of earlier clients")


@pytest.fixture
def pair(workers, connect):
    """A client whose front is not the owner: (client, its account, front, owner)."""
    wait_until_alone(workers)  # those of the test before may still be counted
    for _ in range(64):
        account = workers.add_account()
        client = connect("C2S_1", account).login()
        if served_elsewhere(workers):
            return client, account, "C2S_1", "C2S_2"
        client.logout()
    raise AssertionError("every account is served by the first worker")


def returns(connect, service, account, old, seconds=SECONDS):
    """A client that comes back to its session, as often as it takes."""
    def attempt():
        stream = connect(service, account)
        try:
            stream.authenticated()
            answer = stream.try_resume(old.id, old.handled)
        except (Closed, OSError):
            return None
        if local_name(answer.tag) != "resumed":
            return None
        stream.counts, stream.id, stream.full = True, old.id, old.full
        stream.handled = old.handled
        return stream
    return wait.until(attempt, seconds, "the session to be resumed")


def test_clients_at_both(workers, connect):
    """Everybody reaches everybody, whoever serves whom."""
    accounts = [workers.add_account() for _ in range(4)]
    clients = [connect(service, account).login() for account in accounts for service in WORKERS]
    for client in clients:
        client.send_presence()
    for client in clients:
        for other in clients:
            client.send_message(other.full, f"from {client.full}")
    for client in clients:
        missing = {f"from {other.full}" for other in clients}
        while missing:
            message = client.wait_for(lambda e: e.tag.endswith("}message"))
            missing.discard(f"from {message.get('from')}")


def test_administration_reaches_the_owner(workers, pair):
    client, account, _, _ = pair
    account.password = "another password"
    workers.passwords.append(account.password)
    workers.control("user", "passwd", account.jid, password=account.password + "\n")
    with pytest.raises(Closed, match="not-authorized"):
        client.wait_for(lambda _: False)


def test_a_login_under_way_with_the_old_password(workers, connect, pair):
    """The front has looked into the account before; its owner changes the password meanwhile."""
    _, account, front, _ = pair
    stream = connect(front, account)
    stream.secure()
    go_on = stream.begin_scram()
    account.password = "another password"
    workers.passwords.append(account.password)
    workers.control("user", "passwd", account.jid, password=account.password + "\n")
    with pytest.raises((Closed, AssertionError)):
        go_on()
        stream.begin()
        stream.bind()
    connect(front, account).login()


def test_deleted_account(workers, pair):
    client, account, _, _ = pair
    workers.control("user", "del", account.jid)
    with pytest.raises(Closed, match="not-authorized"):
        client.wait_for(lambda _: False)


def test_one_answers_for_the_directory(workers):
    """All of them know it."""
    account = workers.add_account()
    lines = workers.control("directory", "lookup", account.jid).splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{account.jid} home ")


def test_owner_dies(workers, connect, pair):
    """The front closes the stream; the other worker serves the account, and the session goes on
    with everything that was acknowledged."""
    client, account, front, owner = pair
    client.enable()
    client.send_presence()
    client.send_message(client.bare, "to myself")
    client.wait_message("to myself")
    assert client.ask_h() >= 2
    client.answers = False
    workers.daemon(WORKERS[owner]).kill()
    with pytest.raises(Closed, match="reset"):
        client.wait_for(lambda _: False)
    again = returns(connect, front, account, client)
    wait_slots(workers, 1)
    sender = connect(front, workers.add_account()).login()
    sender.send_message(again.full, "after it")
    again.wait_message("after it")


def test_front_dies(workers, connect, pair):
    """Its clients come back by the other one, where the session waits."""
    client, account, front, owner = pair
    client.enable()
    client.send_presence()
    assert client.ask_h() > 0  # from here on it is in the database
    workers.daemon(WORKERS[front]).kill()
    again = returns(connect, owner, account, client)
    again.send_message(again.bare, "again")
    again.wait_message("again")


def test_owner_stands_still(workers, connect, pair):
    """The slots move; when it wakes it can write nothing, and has nobody's account."""
    client, account, front, owner = pair
    client.enable()
    client.send_presence()
    assert client.ask_h() > 0  # from here on it is in the database
    with workers.daemon(WORKERS[owner]).paused():
        with pytest.raises(Closed, match="reset"):
            client.wait_for(lambda _: False, SECONDS)
        again = returns(connect, front, account, client)
        again.send_message(again.bare, "while it slept")
        again.wait_message("while it slept")
    wait_slots(workers)
    again = again if again_is_open(again) else returns(connect, front, account, again)
    again.send_message(again.bare, "after it woke")
    again.wait_message("after it woke")


def again_is_open(client):
    """The slot may have gone back, with a new stream for its clients."""
    try:
        client.settle()
    except Closed:
        return False
    return True


def test_one_writer_at_every_moment(workers, connect, pair):
    """The owner is stopped in the midst of what it writes, and goes on when another worker has
    written further: each message is stored once, and nothing by who does not hold the slot."""
    client, account, front, owner = pair
    friend = workers.add_account().jid
    client.enable()
    assert client.ask_h() == 0  # from here on it is in the database
    with writers.watched(workers):
        say(client, friend)
        with workers.daemon(WORKERS[owner]).paused():
            with pytest.raises(Closed, match="reset"):
                client.wait_for(lambda _: False, SECONDS)
            again = returns(connect, front, account, client)
            say(again, friend)  # all of it: it has heard of no h
            assert again.ask_h() >= len(SAID)
        wait_slots(workers)
        again = again if again_is_open(again) else returns(connect, front, account, again)
        say(again, friend)
        assert again.ask_h() >= 2 * len(SAID)
        assert query(again, rsm={"max": "100"}).bodies == SAID
        assert not writers.intruders(workers)


SAID = [f"message {n}" for n in range(50)]


def say(client, friend):
    """By its id a message is known when it comes again (docs/DURABILITY.md)."""
    for text in SAID:
        client.send(f"<message type='chat' to='{friend}' id='{text}'><body>{text}</body>"
                    f"<origin-id xmlns='urn:xmpp:sid:0' id='{text}'/></message>")


def test_front_stands_still(workers, connect, pair):
    """For the owner its clients are lost; when it wakes it closes their streams."""
    client, account, front, owner = pair
    client.enable()
    client.send_presence()
    assert client.ask_h() > 0  # from here on it is in the database
    with workers.daemon(WORKERS[front]).paused():
        again = returns(connect, owner, account, client)
        again.send_message(again.bare, "while it slept")
        again.wait_message("while it slept")
    with pytest.raises((Closed, OSError)):
        client.wait_for(lambda _: False, SECONDS)


def test_workers_come_and_go_in_order(workers, connect, pair):
    client, account, front, owner = pair
    client.enable()
    workers.daemon(WORKERS[owner]).stop()
    with pytest.raises(Closed):
        client.wait_for(lambda _: False)
    again = returns(connect, front, account, client)
    workers.daemon(WORKERS[owner]).start()
    wait_slots(workers)
    again = again if again_is_open(again) else returns(connect, front, account, again)
    again.settle()
