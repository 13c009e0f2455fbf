# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Names: given once in the whole network, known everywhere, never given by two.

import xml.etree.ElementTree as ElementTree

import pytest
from slixmpp.exceptions import IqError

from tests.faults.talk import condition, owner
from tests.harness import slix, wait
from tests.node import accounts, place
from tests.node.place import COMPONENT

DIRECTORY = "urn:kontalk:directory:1"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"


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
    accounts.create(node, jid, "a password")


def refused(node, jid, add_it=add):
    """What adding it is answered with."""
    with pytest.raises(place.Error) as problem:
        add_it(node, jid)
    return str(problem.value)


def try_once(node, jid):
    node.control("user", "add", jid, password="a password\n")


def test_known_everywhere(network):
    jid = f"known@{network.place.network}"
    assert lookup(network.gamma, jid) is None
    add(network.beta, jid)
    for one in network:
        wait.until(lambda: lookup(one, jid) == ("beta", network.beta.place.host), what=jid)
    assert "exists" in refused(network.gamma, jid)
    assert "exists" in refused(network.beta, jid)


def test_deleted_names_stay_reserved(network):
    jid = f"gone@{network.place.network}"
    add(network.gamma, jid)
    network.gamma.control("user", "del", jid)
    wait.until(lambda: lookup(network.alpha, jid) is None, what="the name to be released")
    assert "exists" in refused(network.beta, jid)
    assert "reserved" in refused(network.gamma, jid)


def test_split(network):
    """Cut off from the registrar nobody gets a name, and nothing is said of names not known."""
    jid = f"split@{network.place.network}"
    network.split(["alpha", "gamma"], ["beta"])
    network.wait_state("beta", "alpha", "down")
    assert "try again later" in refused(network.beta, jid, try_once)
    with pytest.raises(place.Error, match="not known now"):
        lookup(network.beta, jid)
    add(network.gamma, jid)
    network.heal()
    network.wait_linked()
    assert "exists" in refused(network.beta, jid)
    assert lookup(network.beta, jid) == ("gamma", network.gamma.place.host)


def test_verify(network):
    domain = network.place.network
    add(network.beta, f"verified@{domain}")
    wait.until(lambda: lookup(network.gamma, f"verified@{domain}"), what="a name")

    def same():
        try:
            return network.gamma.control("directory", "verify")
        except place.Error:
            return None

    text = wait.until(same, what="the same directory everywhere")
    assert "0 without a valid grant" in text
    assert "home beta" in text and "different" not in text
    network.gamma.postgres.query(
        "kontalk", f"UPDATE directory SET version = 7 WHERE jid = 'verified@{domain}'")
    with pytest.raises(place.Error) as problem:
        network.gamma.control("directory", "verify")
    assert f"verified@{domain} of home beta: in another state than there" in str(problem.value)
    network.gamma.postgres.query(
        "kontalk", f"UPDATE directory SET version = 1 WHERE jid = 'verified@{domain}'")


def test_import(network, tmp_path):
    domain = network.place.network
    add(network.beta, f"taken@{domain}")
    file = tmp_path / "accounts"
    file.write_text("".join(f"import{i}@{domain}\ta password\n" for i in range(70)) +
                    f"taken@{domain}\ta password\n")
    with pytest.raises(place.Error, match="another home of the network has this name"):
        network.gamma.control("user", "import", str(file))
    assert lookup(network.beta, f"import69@{domain}") == ("gamma", network.gamma.place.host)


async def ask(part, host, jid):
    """(condition, attributes of <home/>) of what a component is told of a name."""
    iq = part.make_iq_get(ito=host, ifrom=part.boundjid)
    iq.append(ElementTree.Element(f"{{{DIRECTORY}}}lookup", {"jid": jid}))
    try:
        result = await iq.send()
    except IqError as error:
        names = [one.tag.rpartition("}")[2] for one in error.iq.xml.iter()
                 if one.tag.startswith(f"{{{STANZAS}}}") and not one.tag.endswith("}text")]
        return names[0], None
    return None, dict(result.xml.find(f"{{{DIRECTORY}}}home").attrib)


@slix.in_loop
async def test_components_ask(network):
    """The resolver is there for components of the node."""
    gamma, domain = network.gamma, network.place.network
    add(network.beta, f"asked@{domain}")
    account = gamma.add_account()
    async with slix.component(gamma, COMPONENT, gamma.component_secret()) as part:
        known = await ask(part, gamma.place.host, f"asked@{domain}")
        assert known[1]["name"] == "beta" and known[1]["host"] == network.beta.place.host
        assert (await ask(part, domain, account.jid))[1]["name"] == "gamma"
        assert await ask(part, domain, f"nobody@{domain}") == ("item-not-found", None)
        assert await ask(part, domain, "nobody") == ("bad-request", None)


def test_users_do_not_ask(network, user):
    client = user(network.gamma)
    answer = client.ask("get", f"<lookup xmlns='{DIRECTORY}' jid='{client.bare}'/>",
                        to=client.domain)
    assert condition(answer) == ("auth", "forbidden")


def hand_over(network, home):
    """Another registrar."""
    c2s = network[home].daemon("c2s")
    c2s.mark_log()

    def change(document):
        document.registrar = home

    network.change(change)
    c2s.wait_log(f"event=registrar_open home={home}")


def test_handover(network):
    """Another registrar knows what the one before it gave, and so on."""
    domain = network.place.network
    add(network.gamma, f"before@{domain}")
    hand_over(network, "beta")
    wait.until(lambda: "exists" in refused(network.alpha, f"before@{domain}"), what="beta's word")
    wait.until(lambda: can_add(network.alpha, f"after@{domain}"), what="a name of beta's")
    assert lookup(network.beta, f"after@{domain}") == ("alpha", network.alpha.place.host)
    hand_over(network, "alpha")  # which others take for the registrar
    wait.until(lambda: can_add(network.gamma, f"later@{domain}"), what="a name of alpha's")
    assert "exists" in refused(network.gamma, f"after@{domain}")


def can_add(node, jid):
    try:
        add(node, jid)
    except place.Error as problem:
        return "exists" in str(problem)
    return True


def test_epoch(network, login):
    """A home is served only where its data has the epoch of the document."""
    beta = network.beta
    client = login(where=beta)
    guest, friend = login(network.alpha.add_account(), where=beta), login(where=network.alpha)
    c2s = beta.daemon("c2s")
    c2s.mark_log()
    network.change(lambda document: document.homes["beta"].update(epoch=2))
    c2s.wait_log("event=home_not_served home=beta epoch=1 reason=.*lower epoch")
    client.read_to_end()
    assert "home beta epoch 1" in beta.control("home", "show")
    is_front_only(network, login, client, guest, friend)
    c2s.kill()
    c2s.start()
    # its home may not have been found yet
    guest = wait.until(lambda: logs_in(login, beta, owner(guest)), what="a login of a guest")
    is_front_only(network, login, client, guest, friend)
    c2s.mark_log()
    beta.control("home", "raise", "2")
    c2s.wait_log("event=directory_recovered home=beta epoch=2")
    wait.until(lambda: logs_in(login, beta), what="a login")
    talk(guest, friend)
    with pytest.raises(place.Error, match="not lower than 2"):
        beta.control("home", "raise", "2")


def is_front_only(network, login, client, guest, friend):
    """Of a node whose home is not served: accounts of others have sessions there, old and new; its
    own have none, at no node."""
    talk(guest, friend)
    talk(login(owner(guest), where=network.beta), friend)
    for front in (network.beta, network.alpha):
        with pytest.raises(AssertionError, match="temporary-auth-failure"):
            login(owner(client), where=front)


def talk(one, other):
    for source, sink in ((one, other), (other, one)):
        source.send_message(sink.full, f"from {source.full}")
        sink.wait_message(f"from {source.full}")


def logs_in(login, node, account=None):
    try:
        return login(account, where=node)
    except (OSError, AssertionError, place.Error):
        return None
