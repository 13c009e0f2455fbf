# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Names: given once in the whole network, known everywhere, never given by two.

import pytest

from tests.harness import wait
from tests.node import place


def lookup(node, jid):
    """(home, host) of a name as that node knows it; None: nobody has it."""
    try:
        words = node.control("directory", "lookup", jid).split()
    except place.Error as problem:
        if "nobody has this name" in str(problem):
            return None
        raise
    return words[2], words[4]


def add(node, jid):
    node.control("user", "add", jid, password="a password\n")


def refused(node, jid):
    """What adding it is answered with."""
    with pytest.raises(place.Error) as problem:
        add(node, jid)
    return str(problem.value)


def test_known_everywhere(network):
    jid = f"known@{network.place.network}"
    assert lookup(network.gamma, jid) is None
    add(network.beta, jid)
    for one in network:
        wait.until(lambda: lookup(one, jid) == ("beta", network.beta.place.host), 10, jid)
    assert "exists" in refused(network.gamma, jid)
    assert "exists" in refused(network.beta, jid)


def test_deleted_names_stay_reserved(network):
    jid = f"gone@{network.place.network}"
    add(network.gamma, jid)
    network.gamma.control("user", "del", jid)
    wait.until(lambda: lookup(network.alpha, jid) is None, 10, "the name to be released")
    assert "exists" in refused(network.beta, jid)
    assert "reserved" in refused(network.gamma, jid)


def test_split(network):
    """Cut off from the registrar nobody gets a name, and nothing is said of names not known."""
    jid = f"split@{network.place.network}"
    network.split(["alpha", "gamma"], ["beta"])
    network.wait_state("beta", "alpha", "down")
    assert "try again later" in refused(network.beta, jid)
    with pytest.raises(place.Error, match="not known now"):
        lookup(network.beta, jid)
    add(network.gamma, jid)
    network.heal()
    network.wait_linked()
    assert "exists" in refused(network.beta, jid)
    assert lookup(network.beta, jid) == ("gamma", network.gamma.place.host)


def test_verify(network):
    add(network.beta, f"verified@{network.place.network}")
    wait.until(lambda: lookup(network.gamma, f"verified@{network.place.network}"), 10, "a name")

    def same():
        try:
            return network.gamma.control("directory", "verify")
        except place.Error:
            return None

    text = wait.until(same, 20, "the same directory everywhere")
    assert "0 without a valid grant" in text
    assert "home beta" in text and "different" not in text


def test_import(network, tmp_path):
    domain = network.place.network
    add(network.beta, f"taken@{domain}")
    file = tmp_path / "accounts"
    file.write_text("".join(f"import{i}@{domain}\ta password\n" for i in range(70)) +
                    f"taken@{domain}\ta password\n")
    with pytest.raises(place.Error, match="another home of the network has this name"):
        network.gamma.control("user", "import", str(file))
    assert lookup(network.beta, f"import69@{domain}") == ("gamma", network.gamma.place.host)


def test_epoch(network, login):
    """A home is served only where its data has the epoch of the document."""
    beta = network.beta
    client = login(where=beta)
    c2s = beta.daemon("c2s")
    c2s.mark_log()
    network.change(lambda document: document.homes["beta"].update(epoch=2))
    c2s.wait_log("event=home_not_served home=beta epoch=1 reason=.*lower epoch")
    client.read_to_end()
    assert "home beta epoch 1" in beta.control("home", "show")
    beta.control("home", "raise", "2")
    c2s.wait_log("event=directory_recovered home=beta epoch=2")
    wait.until(lambda: logs_in(login, beta), 20, "a login")
    with pytest.raises(place.Error, match="not lower than 2"):
        beta.control("home", "raise", "2")


def logs_in(login, node):
    try:
        return login(where=node)
    except (OSError, AssertionError):
        return None
