# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Retraction (XEP-0424): which message of an archive becomes a tombstone, and which does not.

import pytest

from tests.harness import archive, wait
from tests.harness.retraction import RETRACT, said, say, take_back

HINTS = "urn:xmpp:hints"
ROOM = "<x xmlns='http://jabber.org/protocol/muc#user'/>"
OMEMO = "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload>p</payload></encrypted>"


@pytest.fixture
def pair(login):
    romeo, juliet = login(), login()
    juliet.send_presence()
    return romeo, juliet


def has(client, rows):
    """In the end: it may come by the router, or from another worker."""
    wait.until(lambda: len(said(client)) >= len(rows), what=f"{len(rows)} messages")
    assert said(client) == rows


def have(romeo, juliet, rows):
    has(romeo, rows)
    has(juliet, rows)


# what was sent, what is taken back, what the retraction has beside it: what becomes of it
ROWS = {
    "body": (("m", "<body>b</body>"), ("m", ""), "r"),
    "encrypted": (("m", OMEMO), ("m", ""), "r"),
    "odd-id": (("'\"<&>ü", "<body>b</body>"), ("'\"<&>ü", ""), "r"),
    "other-id": (("m", "<body>b</body>"), ("M", ""), None),
    "no-id": (("m", "<body>b</body>"), ("", ""), None),
    "not-to-be-read": (("m", "<received xmlns='urn:xmpp:receipts' id='x'/>"), ("m", ""), None),
    "no-store": (("m", "<body>b</body>"), ("m", f"<no-store xmlns='{HINTS}'/>"), "r"),
    "no-permanent-store":
        (("m", "<body>b</body>"), ("m", f"<no-permanent-store xmlns='{HINTS}'/>"), "r"),
}


@pytest.mark.parametrize("row", ROWS)
def test_which(pair, row):
    romeo, juliet = pair
    (identity, payload), (what, more), tombstone = ROWS[row]
    say(romeo, juliet.bare, identity, payload)
    take_back(romeo, juliet.bare, what, payload=more)
    have(romeo, juliet, [(identity, tombstone), ("r", None)])


def test_twice(pair):
    """The first one stays. Ids need not be unique: the last message with it is meant, alone."""
    romeo, juliet = pair
    say(romeo, juliet.bare, "m")
    say(romeo, juliet.bare, "m")
    take_back(romeo, juliet.bare, "m", "r1")
    take_back(romeo, juliet.bare, "m", "r2")
    have(romeo, juliet, [("m", None), ("m", "r1"), ("r1", None), ("r2", None)])


def test_a_retraction_stays(pair):
    romeo, juliet = pair
    say(romeo, juliet.bare, "m")
    take_back(romeo, juliet.bare, "m", "r1", "<body>b</body>")
    take_back(romeo, juliet.bare, "r1", "r2")
    have(romeo, juliet, [("m", "r1"), ("r1", None), ("r2", None)])


def test_before_and_again(pair):
    """What comes behind a retraction is another message."""
    romeo, juliet = pair
    take_back(romeo, juliet.bare, "m")
    say(romeo, juliet.bare, "m")
    have(romeo, juliet, [("r", None), ("m", None)])


def test_other_conversation(pair, login):
    romeo, juliet = pair
    other = login()
    say(romeo, juliet.bare, "m")
    take_back(romeo, other.bare, "m")
    has(juliet, [("m", None)])
    has(romeo, [("m", None), ("r", None)])


def test_other_device_of_the_author(login, account):
    owner = account()
    romeo, juliet = login(owner), login()
    say(romeo, juliet.bare, "m")
    romeo.settle()
    phone = login(owner)
    take_back(phone, juliet.bare, "m")
    have(phone, juliet, [("m", "r"), ("r", None)])


def test_notes_to_oneself(login):
    romeo = login()
    say(romeo, romeo.bare, "m")
    take_back(romeo, romeo.bare, "m")
    has(romeo, [("m", "r"), ("r", None)])


def test_without_an_id_of_its_own(pair):
    """A tombstone has to name its retraction."""
    romeo, juliet = pair
    say(romeo, juliet.bare, "m")
    romeo.send(f"<message to='{juliet.bare}' type='chat'><retract xmlns='{RETRACT}' id='m'/>"
               "</message>")
    have(romeo, juliet, [("m", None), (None, None)])


@pytest.mark.parametrize("first, second", [(ROOM, ROOM), (ROOM, ""), ("", ROOM)],
                         ids=["both", "message", "retraction"])
def test_occupant_of_a_room(pair, first, second):
    """Whoever has the nickname now need not be who has written: only his own archive is sure."""
    romeo, juliet = pair
    say(romeo, juliet.bare, "m", "<body>b</body>" + first)
    take_back(romeo, juliet.bare, "m", payload=second)
    has(juliet, [("m", None), ("r", None)])
    has(romeo, [("m", "r"), ("r", None)])


def test_archive_that_has_not_the_retraction(pair):
    """No tombstone without it (§4), as the user of the archive does not want it."""
    romeo, juliet = pair
    say(romeo, juliet.bare, "m")
    has(juliet, [("m", None)])
    prefs = "<prefs xmlns='urn:xmpp:mam:2' default='never'><always/><never/></prefs>"
    assert archive.condition(juliet.ask("set", prefs)) is None
    take_back(romeo, juliet.bare, "m")
    has(romeo, [("m", "r"), ("r", None)])
    has(juliet, [("m", None)])


def test_what_is_gone(pair, node):
    """What retention has removed is not missed."""
    romeo, juliet = pair
    say(romeo, juliet.bare, "m")
    have(romeo, juliet, [("m", None)])
    for client in pair:
        node.postgres.query("kontalk", "DELETE FROM message WHERE owner = (SELECT owner"
                            f" FROM account WHERE local = '{client.user}')")
    take_back(romeo, juliet.bare, "m")
    have(romeo, juliet, [("r", None)])


def test_headline_and_room(pair):
    """Neither is kept, so nothing is retracted with it."""
    romeo, juliet = pair
    say(romeo, juliet.bare, "m")
    take_back(romeo, juliet.full, "m", kind="groupchat")
    take_back(romeo, juliet.full, "m", kind="headline")
    have(romeo, juliet, [("m", None)])
