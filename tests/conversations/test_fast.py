# SPDX-License-Identifier: AGPL-3.0-or-later
#
# XEP-0484: tokens in place of the password, with SASL2 and Bind 2.

import uuid

import pytest

from tests.harness.sasl2 import (BOUND, BOUND_SM, FAST, SASL2, SM, Sasl2Stream, condition_of,
                                 request_token)
from tests.node.client import Closed

MECHANISMS = ["HT-SHA-256-NONE", "HT-SHA-512-NONE", "HT-SHA-256-ENDP", "HT-SHA-512-ENDP"]


@pytest.fixture
def device(modern, account):
    """device(mechanism): a client that has just got a token."""
    def make(mechanism="HT-SHA-256-NONE", owner=None, inside=""):
        client = modern(owner or account())
        client.accept(client.with_password(inside + request_token(mechanism)))
        assert client.token
        client.owner = client
        return client
    return make


def again(modern, client, **options):
    """A new connection of the same device."""
    stream = modern(Owner(client), device=client.device, **options)
    stream.password = client.password
    return stream


class Owner:
    def __init__(self, client):
        self.jid, self.password = client.bare, client.password


def tokens(node, client):
    return node.postgres.query(
        "kontalk", "SELECT token_id, count, used FROM token t JOIN account a USING (owner)"
        f" WHERE a.local = '{client.user}' ORDER BY issued").split()


def age(node, client, interval):
    """As if its tokens had been given so long ago."""
    node.postgres.query(
        "kontalk", f"UPDATE token SET issued = issued - interval '{interval}',"
        f" expires = expires - interval '{interval}' FROM account a"
        f" WHERE a.owner = token.owner AND a.local = '{client.user}'")


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_token(modern, device, mechanism):
    """§3.2 to §3.4: asked for with the password, used without it, in one message each way."""
    first = device(mechanism)
    expiry = first.success.find(f"{{{FAST}}}token").get("expiry")
    assert expiry.endswith("Z") and "T" in expiry
    for _ in range(2):
        client = again(modern, first)
        client.accept(client.with_token(first.token, BOUND, mechanism))
        assert client.full and client.token is None
        client.settle()


def test_no_token_without_wish(modern):
    client = modern()
    client.accept(client.with_password(BOUND))
    assert client.token is None


@pytest.mark.parametrize("wish", [
    f"<request-token xmlns='{FAST}'/>", request_token("SCRAM-SHA-256"), request_token("HT-X")])
def test_wish_for_nothing(modern, wish):
    """§3.2: of a mechanism that is advertised for tokens, else there is none."""
    client = modern()
    client.accept(client.with_password(BOUND + wish))
    assert client.token is None


def test_device_is_needed(modern):
    """§4.1: a token is that of a device, so who does not say which it is gets none."""
    client = modern()
    client.accept(client.with_password(request_token(), agent=""))
    assert client.token is None


def test_no_token_for_a_failure(modern):
    """§3.3: nobody gets one without having proven who it is."""
    client = modern()
    client.password = "wrong"
    outcome = client.with_password(request_token())
    assert condition_of(outcome) == "not-authorized" and outcome.find(f"{{{FAST}}}token") is None


def test_fast_is_needed(modern, device):
    """§3.4: the client says that it proves a token."""
    first = device()
    client = again(modern, first)
    proof = client.user.encode() + b"\0" + b"x" * 32
    assert condition_of(client.ask_for("HT-SHA-256-NONE", proof)) == "invalid-mechanism"
    assert condition_of(client.ask_for("HT-SHA-256-NONE", proof, f"<fast xmlns='{FAST}'/>",
                                       agent="")) == "invalid-mechanism"


@pytest.mark.parametrize("of,by", [("HT-SHA-256-NONE", "HT-SHA-512-NONE"),
                                   ("HT-SHA-256-ENDP", "HT-SHA-256-NONE"),
                                   ("HT-SHA-256-NONE", "HT-SHA-256-ENDP")])
def test_other_mechanism(modern, device, of, by):
    """§3.4: a token is good for the mechanism that it was asked for, and no other."""
    first = device(of)
    client = again(modern, first)
    assert condition_of(client.with_token(first.token, BOUND, by)) == "not-authorized"
    client.accept(client.with_token(first.token, BOUND, of))


def test_other_device_and_account(modern, device, account):
    """A token is that of one device of one account."""
    owner = account()
    first = device(owner=owner)
    other = modern(owner, device=str(uuid.uuid4()))
    assert condition_of(other.with_token(first.token, BOUND)) == "not-authorized"
    stranger = modern(account(), device=first.device)
    assert condition_of(stranger.with_token(first.token, BOUND)) == "not-authorized"
    nobody = again(modern, first)
    nobody.user = "nobody-" + nobody.user
    assert condition_of(nobody.with_token(first.token, BOUND)) == "not-authorized"


def test_count(modern, device):
    """§3.4: what is replayed has a count that was seen."""
    first = device()
    for count, good in ((1, True), (1, False), (0, False), (7, True), (3, False), (8, True)):
        client = again(modern, first)
        outcome = client.with_token(first.token, BOUND, fast=f" count='{count}'")
        if good:
            client.accept(outcome)
        else:
            assert condition_of(outcome) == "not-authorized"
            client.accept(client.with_token(first.token, BOUND))


@pytest.mark.parametrize("count", ["", "-1", "x", "99999999999999999999", "2147483648"])
def test_count_is_none(modern, device, count):
    first = device()
    client = again(modern, first)
    outcome = client.with_token(first.token, BOUND, fast=f" count='{count}'")
    assert condition_of(outcome) == "malformed-request"


def test_expired(modern, device, node):
    """§4.2: told to who has it, and to nobody else."""
    first = device()
    age(node, first, "31 days")
    client = again(modern, first)
    assert condition_of(client.with_token(first.token, BOUND)) == "credentials-expired"
    assert condition_of(client.with_token("secret-token:guess", BOUND)) == "not-authorized"
    client.accept(client.with_password(BOUND + request_token()))
    assert client.token and client.token != first.token


def test_rotation(modern, device, node):
    """§3.5: a token that is due is replaced unasked, and stays good until the new one is used."""
    first = device()
    age(node, first, "4 days")
    second = again(modern, first)
    second.accept(second.with_token(first.token, BOUND))
    assert second.token and second.token != first.token
    lost = again(modern, first)  # the answer has not arrived
    lost.accept(lost.with_token(first.token, BOUND))
    assert lost.token not in (None, second.token)
    stale = again(modern, first)  # given once more, the one that was never used has ended
    assert condition_of(stale.with_token(second.token, BOUND)) == "not-authorized"
    third = again(modern, first)
    third.accept(third.with_token(lost.token, BOUND))
    assert third.token is None
    old = again(modern, first)
    assert condition_of(old.with_token(first.token, BOUND)) == "not-authorized"
    assert len(tokens(node, first)) == 1


def test_wish_with_a_token(modern, device):
    """§3.3: a new one may be asked for at any login, of another mechanism too."""
    first = device()
    second = again(modern, first)
    second.accept(second.with_token(first.token, BOUND + request_token("HT-SHA-512-NONE")))
    third = again(modern, first)
    third.accept(third.with_token(second.token, BOUND, "HT-SHA-512-NONE"))
    old = again(modern, first)
    assert condition_of(old.with_token(first.token, BOUND)) == "not-authorized"


@pytest.mark.parametrize("value", ["true", "1"])
def test_invalidate(modern, device, node, value):
    """§3.6: it is good once more, and no new one is given unasked."""
    first = device()
    age(node, first, "4 days")
    client = again(modern, first)
    client.accept(client.with_token(first.token, fast=f" invalidate='{value}'"))
    assert client.token is None
    client.bind()
    assert not tokens(node, first)
    after = again(modern, first)
    assert condition_of(after.with_token(first.token, BOUND)) == "not-authorized"


def test_invalidate_and_ask(modern, device):
    first = device()
    client = again(modern, first)
    client.accept(client.with_token(first.token, request_token(), fast=" invalidate='true'"))
    assert client.token
    after = again(modern, first)
    assert condition_of(after.with_token(first.token, BOUND)) == "not-authorized"
    after.accept(after.with_token(client.token, BOUND))


def test_resume_with_a_token(modern, device):
    """All in one message: token, resumption, and binding if that fails."""
    first = device(inside=BOUND_SM)
    first.close()
    client = again(modern, first)
    client.accept(client.with_token(first.token, client.resume_of(first) + BOUND_SM))
    assert client.success.find(f"{{{SM}}}resumed") is not None and client.full == first.full
    client.settle()


def test_guessing_is_slowed(modern, device, source):
    """Guesses at tokens count as those at passwords, for the address and for the stream."""
    first, where = device(), source()
    client = again(modern, first, source=where)
    with pytest.raises(Closed) as closed:
        for n in range(20):
            guess = client.with_token(f"secret-token:{n}", BOUND)
            assert condition_of(guess) == "not-authorized"
    assert closed.value.condition == "policy-violation" and 0 < n < 20


def test_replays_are_tries(modern, device):
    first = device()
    client = again(modern, first)
    client.accept(client.with_token(first.token, fast=" count='1'"))
    thief = again(modern, first)
    with pytest.raises(Closed) as closed:
        for n in range(20):
            outcome = thief.with_token(first.token, fast=" count='1'")
            assert condition_of(outcome) == "not-authorized"
    assert closed.value.condition == "policy-violation"


def test_not_kept(modern, device, node):
    """Nothing in the table is the token, nor for NONE what the client sends."""
    import base64
    import hashlib
    import hmac
    for mechanism in MECHANISMS:
        first = device(mechanism)
        kept = node.postgres.query(
            "kontalk", "SELECT value FROM token t JOIN account a USING (owner)"
            f" WHERE a.local = '{first.user}'")
        assert first.token not in kept and first.token.split(":")[1] not in kept
        proof = hmac.new(first.token.encode(), b"Initiator",
                         "sha" + mechanism.split("-")[2]).digest()
        assert base64.b64encode(proof).decode() not in kept
        assert hashlib.sha256(first.token.encode()).hexdigest() not in kept


def test_switched_off(make_node, source):
    """[domain] token-lifetime = 0: none are offered, none are given, none are good."""
    node = make_node()
    owner = node.add_account()
    first = Sasl2Stream(node, owner, source=source())
    first.secure()
    first.accept(first.with_password(request_token()))
    node.reconfigure({f'domain "{node.network}"': {"token-lifetime": "0"}})
    client = Sasl2Stream(node, owner, source=source(), device=first.device)
    client.secure()
    assert not list(client.features.iter(f"{{{FAST}}}fast"))
    assert condition_of(client.with_token(first.token)) == "invalid-mechanism"
    client.accept(client.with_password(request_token()))
    assert client.token is None


def test_many_devices(modern, account, node):
    """32 of an account are remembered; of the one seen last longest ago the token ends too."""
    owner = account()
    first = modern(owner)
    first.accept(first.with_password(request_token()))
    node.postgres.query(
        "kontalk", "INSERT INTO client (owner, device, first_seen, last_seen, password)"
        " SELECT owner, 'device-' || n, now(), now() + interval '1 hour', true"
        f" FROM account, generate_series(1, 40) AS n WHERE local = '{first.user}'")
    last = modern(owner)
    last.accept(last.with_password(request_token()))
    count = node.postgres.query(
        "kontalk", "SELECT count(*) FROM client JOIN account a USING (owner)"
        f" WHERE a.local = '{first.user}'")
    assert count.strip() == "32"
    back = modern(owner, device=first.device)
    assert condition_of(back.with_token(first.token)) == "not-authorized"


def test_user_agent_is_cut(modern, device, node, account):
    """What a client says of itself is kept up to 128 bytes, and whole characters of it."""
    client = modern(account())
    agent = (f"<user-agent id='{client.device}'><software>{'é' * 500}</software>"
             f"<device>{'x' * 127}é</device></user-agent>")
    client.accept(client.with_password(agent=agent))
    row = node.postgres.query(
        "kontalk", "SELECT octet_length(software), octet_length(name) FROM client"
        f" JOIN account a USING (owner) WHERE a.local = '{client.user}'")
    assert row.split() in (["128", "127"], ["128|127"])


def test_disabled(modern, device, node):
    """An account that is disabled is that for tokens too."""
    first = device()
    node.postgres.query("kontalk",
                        f"UPDATE account SET disabled = true WHERE local = '{first.user}'")
    client = again(modern, first)
    assert condition_of(client.with_token(first.token, BOUND)) == "account-disabled"
    assert condition_of(client.with_token("secret-token:x", BOUND)) == "not-authorized"


def test_without_database(make_node, source):
    """No answer of the database is no wrong token."""
    node = make_node(settings={"database": {"deadline": "2s"}})
    owner = node.add_account()
    client = Sasl2Stream(node, owner, source=source())
    client.secure()
    client.accept(client.with_password(request_token()))
    other = Sasl2Stream(node, owner, source=source(), device=client.device)
    other.secure()
    node.postgres.stop()
    try:
        assert condition_of(other.with_token(client.token)) == "temporary-auth-failure"
    finally:
        node.postgres.start()
    assert SASL2
