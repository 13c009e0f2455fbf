# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Offline messages (XEP-0160) and what arrives while they are being delivered: in order (RFC 6120
# §10.1), however many there are, however slowly the client reads, whether it answers or not.

import pytest

CLIENT = "jabber:client"
BODY = f"{{{CLIENT}}}body"
KIB = 1024


@pytest.fixture(scope="module")
def fast(make_node):
    """Rates would only make the sender wait."""
    return make_node(settings={"c2s": {"rate-exempt": "127.0.0.0/8"}})


@pytest.fixture
def people(login, fast):
    """A sender, and an account that is away."""
    return login(where=fast), fast.add_account()


def leave_messages(sender, owner, count, filler=""):
    for number in range(count):
        sender.send_message(owner.jid, f"{number} {filler}")
    sender.settle()


def next_number(client):
    return int(client.wait_for(lambda e: e.find(BODY) is not None).findtext(BODY).split()[0])


def numbers(client, count):
    return [next_number(client) for _ in range(count)]


def test_message_during_delivery(people, login, fast):
    sender, owner = people
    leave_messages(sender, owner, 250)
    client = login(owner, fast)
    client.send("<presence/>")
    assert next_number(client) == 0  # the delivery has begun; its question is not answered
    sender.send_message(owner.jid, "250")
    sender.settle()
    assert numbers(client, 250) == list(range(1, 251))


@pytest.mark.parametrize("full", [False, True], ids=["to the bare JID", "to the full JID"])
def test_slow_client(people, login, fast, full):
    """40 messages of 200 KiB are more than may wait for a client: it gets them as fast as it reads,
    and what arrives meanwhile behind them, though it never answers."""
    sender, owner = people
    leave_messages(sender, owner, 40, "x" * 200 * KIB)
    client = login(owner, fast)
    client.send("<presence/>")
    assert next_number(client) == 0
    for number in (40, 41):
        sender.send_message(client.full if full else owner.jid, str(number))
    sender.settle()
    assert numbers(client, 41) == list(range(1, 42))


def test_nothing_is_left(people, login, fast):
    """What was answered for does not come again, also when there was more than one question."""
    sender, owner = people
    leave_messages(sender, owner, 20, "x" * 200 * KIB)
    client = login(owner, fast)
    client.send("<presence/>")
    received = answered = 0
    while answered < 20:
        element = client.wait_for(lambda e: e.get("type") == "get" or e.find(BODY) is not None)
        if element.find(BODY) is not None:
            received += 1
            continue
        answered = received
        client.send(f"<iq type='result' id='{element.get('id')}' to='{element.get('from')}'/>")
    client.logout()
    client = login(owner, fast)
    client.send("<presence/>")
    sender.send_message(owner.jid, "20")
    assert next_number(client) == 20
