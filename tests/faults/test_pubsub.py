# SPDX-License-Identifier: AGPL-3.0-or-later
#
# c2s killed around publishing: what was answered is there, what was not is there or is not, and
# never half of it.

from tests.harness import pubsub
from tests.harness.pubsub import PUBSUB, Desk, what

NODE = "urn:example:node"
COUNT = 40


def send_all(client, first):
    for i in range(first, first + COUNT):
        client.send(f"<iq type='set' id='p{i}'><pubsub xmlns='{PUBSUB}'><publish node='{NODE}'>"
                    f"<item id='{i}'><x xmlns='urn:example'/></item></publish></pubsub></iq>")


def wait_answer(client, number):
    return client.wait_for(lambda e: e.get("id") == f"p{number}")


def test_what_was_answered_is_there(login, account, node):
    someone = account()
    answered = 0
    for round_ in range(3):
        desk = Desk(login(someone))
        if round_ == 0:
            assert what(desk.create(NODE, max_items="max", title="whole")) is None
        send_all(desk.client, round_ * COUNT)
        assert wait_answer(desk.client, round_ * COUNT + 10 * round_).get("type") == "result"
        answered = round_ * COUNT + 10 * round_
        node.daemon("c2s").kill()
        node.daemon("c2s").start()
        again = Desk(login(someone))
        numbers = {int(one) for one in again.ids(NODE)}
        assert set(range(round_ * COUNT, answered + 1)) <= numbers
        # In the order in which they were sent, without gaps.
        rest = {one for one in numbers if one >= round_ * COUNT}
        assert rest == set(range(round_ * COUNT, round_ * COUNT + len(rest)))
        assert again.config(NODE)["pubsub#title"] == ["whole"]
        again.client.logout()


def test_node_is_made_with_its_item(login, account, node):
    """Publishing to a new node: both, or none of them."""
    for _ in range(3):
        someone = account()
        client = login(someone)
        client.send(f"<iq type='set' id='p'><pubsub xmlns='{PUBSUB}'><publish node='{NODE}'>"
                    "<item id='i'><x xmlns='urn:example'/></item></publish><publish-options>"
                    f"{pubsub.options('publish-options', {'access_model': 'whitelist'})}"
                    "</publish-options></pubsub></iq>")
        node.daemon("c2s").kill()
        node.daemon("c2s").start()
        again = Desk(login(someone))
        found = again.items(NODE)
        if what(found) is None:
            assert pubsub.item_ids(found) == ["i"]
            assert again.config(NODE)["pubsub#access_model"] == ["whitelist"]
        else:
            assert what(found) == "item-not-found"
