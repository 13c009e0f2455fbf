# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl backup and restore at a member of a network: its home begins a new epoch, and is served
# with its rooms when the document says so (docs/NETWORK.md, "A home from a backup"). What the
# others know of the time that was lost: test_old_backup.py.

import re

import pytest

from tests.faults.talk import owner
from tests.harness import archive, wait
from tests.harness.node import Account
from tests.muc import rooms
from tests.network.test_directory import add, logs_in, talk
from tests.network.test_rooms import home


def epoch(node):
    return int(re.search(r"epoch (\d+)", node.control("home", "show"))[1])


@pytest.mark.seconds(600)
def test_new_epoch(network, login, tmp_path):
    gamma, domain = network.gamma, network.place.network
    client, friend = login(where=gamma), login(where=network.alpha)
    before = epoch(gamma)
    kept, moved = (rooms.Room(gamma, lambda: client, name) for name in ("kept", "moved"))
    kept.join(friend, "friend")
    kept.say(friend, "in the backup")
    kept.hears(friend, "in the backup")
    gamma.control("backup", str(tmp_path / "made"))
    add(gamma, f"since@{domain}")
    kept.say(friend, "lost")
    kept.hears(friend, "lost")
    since = rooms.Room(gamma, lambda: client, "since")
    client.ask("set", f"<query xmlns='{rooms.OWNER}'><destroy/></query>", to=moved.jid)
    wait.until(lambda: home(network.alpha, moved.jid) is None, what="its name to be free")
    rooms.Room(network.alpha, lambda: friend, "moved")
    for name in reversed(gamma.daemons):
        gamma.daemon(name.removeprefix("kontalk-")).stop()
    told = gamma.control("restore", "--force", str(tmp_path / "made"))
    now = int(re.search(r'home "gamma" has epoch (\d+)', told)[1])
    assert now == epoch(gamma) == before + 1
    for name in gamma.daemons:
        gamma.daemon(name.removeprefix("kontalk-")).start()
    c2s = gamma.daemon("c2s")
    c2s.wait_log(f"event=home_not_served home=gamma epoch={now}")
    network.change(lambda document: document.homes["gamma"].update(epoch=now))
    c2s.wait_log(f"event=directory_recovered home=gamma epoch={now}", 150)
    wait.until(lambda: logs_in(login, gamma), 60, "a login")
    client = login(owner(client), where=gamma)
    talk(client, friend)
    rooms_are_back(network, client, friend, kept, since, moved)
    # The name is its own, though its database has never heard of it.
    add(gamma, f"since@{domain}")
    login(Account(f"since@{domain}", "a password"), where=gamma)


def rooms_are_back(network, client, friend, kept, since, moved):
    """As the backup has them, with who was in them; what has another home now is left to it, and
    of what it has not the name is still its own."""
    kept.say(friend, "again")
    kept.hears(friend, "again")
    assert archive.query(friend, to=kept.jid, fields={}).bodies == ["in the backup", "again"]
    assert rooms.error(kept.join(client, "client")[-1]) is None
    for place, where in ((kept, "gamma"), (since, "gamma"), (moved, "alpha")):
        assert home(network.beta, place.jid) == where
    assert 201 in {code for seen in since.join(friend, "friend") for code in rooms.codes(seen)}
    assert home(network.alpha, since.jid) == "gamma"
    assert rooms.error(moved.join(client, "client")[-1]) is None
    moved.say(client, "at its other home")
    moved.hears(friend, "at its other home")
