# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl backup and restore at a member of a network: its home begins a new epoch, and is served
# when the document says so (docs/NETWORK.md, "A home from a backup"). What the others know of the
# time that was lost: test_old_backup.py.

import re

from tests.faults.talk import owner
from tests.harness import wait
from tests.harness.node import Account
from tests.network.test_directory import add, logs_in, talk


def epoch(node):
    return int(re.search(r"epoch (\d+)", node.control("home", "show"))[1])


def test_new_epoch(network, login, tmp_path):
    gamma, domain = network.gamma, network.place.network
    client, friend = login(where=gamma), login(where=network.alpha)
    before = epoch(gamma)
    gamma.control("backup", str(tmp_path / "made"))
    add(gamma, f"since@{domain}")
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
    c2s.wait_log(f"event=directory_recovered home=gamma epoch={now}")
    wait.until(lambda: logs_in(login, gamma), 30, "a login")
    talk(login(owner(client), where=gamma), friend)
    # The name is its own, though its database has never heard of it.
    add(gamma, f"since@{domain}")
    login(Account(f"since@{domain}", "a password"), where=gamma)
