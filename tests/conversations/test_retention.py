# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What is too old is removed (docs/rules/archive.md, R7, R9 to R12). Rows are made older than they
# are; searches follow each other at once.

import pytest

from tests.faults.talk import texts_until
from tests.harness import wait
from tests.harness.archive import query
from tests.harness.node import Account
from tests.node import place

OLD = "now() - interval '30 days'"
DOMAIN = f'domain "{place.NETWORK}"'


@pytest.fixture(scope="module")
def library(make_node):
    return make_node(settings={DOMAIN: {"archive-retention": "20d"},
                               "sm": {"retention-interval": "100ms", "offline-messages": "3"}})


def ask(node, sql):
    return node.postgres.query("kontalk", sql)


def owner_of(jid):
    return f"owner = (SELECT owner FROM account WHERE local = '{jid.partition('@')[0]}')"


def rows(node, table, jid):
    return int(ask(node, f"SELECT count(*) FROM {table} WHERE {owner_of(jid)}"))


def make_old(node, jid, *texts):
    """As soon as they are there: the recipient may be with another worker."""
    for text in texts:
        wait.until(lambda text=text: ask(
            node, f"UPDATE message SET received = {OLD} WHERE {owner_of(jid)}"
                  f" AND stanza LIKE '%>{text}<%' RETURNING seq"), what=f"{text} to be stored")


def pass_round(node):
    """Returns when everything has been searched once more."""
    daemon = node.daemon("c2s")
    daemon.mark_log()
    daemon.wait_log(r"event=retention_done[^$]*event=retention_done")


@pytest.fixture
def reader(library):
    """An account that is offline."""
    return library.add_account()


@pytest.fixture
def writer(library, login):
    return login(where=library)


def write(writer, to, *texts, inside=""):
    for text in texts:
        writer.send(f"<message to='{to}' type='chat'><body>{text}</body>{inside}</message>")
    writer.settle()


def test_messages(library, login, reader, writer):
    write(writer, reader.jid, "1", "2", "3")
    mine = login(Account(writer.bare, writer.password), library)
    first = wait.until(lambda: query(mine).ids, what="what was written to be in the archive")[0]
    for jid in (reader.jid, writer.bare):
        make_old(library, jid, "1", "2")
        wait.until(lambda jid=jid: rows(library, "message", jid) == 1, what="the old ones to go")
    assert rows(library, "pending", reader.jid) == 1
    assert query(mine).bodies == ["3"]
    assert query(mine, rsm={"after": first}).error == ("cancel", "item-not-found")
    client = login(reader, library)
    client.send("<presence/>")
    assert texts_until(client, "3") == ["3"]


def test_room_for_others(library, reader, writer):
    """An account in memory knows that less waits for it."""
    write(writer, reader.jid, "1", "2", "3")
    writer.send_message(reader.jid, "too much")
    writer.wait_for(lambda e: e.get("type") == "error")
    make_old(library, reader.jid, "1")
    wait.until(lambda: rows(library, "pending", reader.jid) == 2, what="the old one to go")
    pass_round(library)
    write(writer, reader.jid, "4")
    assert rows(library, "pending", reader.jid) == 3


def test_more_than_fit_into_a_transaction(library, reader):
    ask(library, f"INSERT INTO message SELECT owner, n, 'x@y.z', '', false, '', 'x', {OLD}, 1, true"
                 f" FROM account, generate_series(1, 1200) AS n WHERE {owner_of(reader.jid)}")
    wait.until(lambda: rows(library, "message", reader.jid) == 0, what="all of them to go")


def test_what_is_in_no_archive(library, login, reader, writer):
    """It is kept to know it when it comes again, and as long as it waits."""
    hint = "<no-permanent-store xmlns='urn:xmpp:hints'/>"
    write(writer, reader.jid, "1", "2", inside=hint)
    client = login(reader, library)
    ask(library, f"UPDATE message SET received = now() - interval '9 days'"
                 f" WHERE {owner_of(reader.jid)}")
    pass_round(library)
    assert rows(library, "message", reader.jid) == 2
    client.send("<presence/>")
    assert texts_until(client, "2") == ["1", "2"]
    question = client.wait_for(lambda e: e.get("id", "").startswith("barrier-"))
    client.send(f"<iq type='result' id='{question.get('id')}' to='{question.get('from')}'/>")
    wait.until(lambda: rows(library, "message", reader.jid) == 0, what="both to go")


def test_what_nobody_asks_for_again(library, reader):
    """Offers that were taken and never forgotten; sessions that have ended."""
    for age, count in (("2 days", 1), ("9 days", 0)):
        ask(library, f"INSERT INTO taken SELECT owner, 'x', 1, now() - interval '{age}'"
                     f" FROM account WHERE {owner_of(reader.jid)} ON CONFLICT (owner, id_hash)"
                     " DO UPDATE SET taken = excluded.taken")
        pass_round(library)
        assert rows(library, "taken", reader.jid) == count
    for age, count in (("1 hour", 1), ("2 days", 1)):
        ask(library, "INSERT INTO session (owner, session_id, slot, resource, device, worker,"
                     f" ended) SELECT owner, '{age}', slot, 'r', 'd', 'w',"
                     f" now() - interval '{age}' FROM account WHERE {owner_of(reader.jid)}")
        pass_round(library)
        assert rows(library, "session", reader.jid) == count


def test_for_ever(library, reader, writer):
    """The default; and a reload changes it."""
    library.reconfigure({DOMAIN: {"archive-retention": None}})
    pass_round(library)  # no search goes on that began before
    write(writer, reader.jid, "1")
    make_old(library, reader.jid, "1")
    pass_round(library)
    assert rows(library, "message", reader.jid) == 1
    library.reconfigure({DOMAIN: {"archive-retention": "20d"}})
    wait.until(lambda: rows(library, "message", reader.jid) == 0, what="the old one to go")
