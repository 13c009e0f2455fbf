# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What tests of real clients share: a second node without channel binding, and an authority that no
# certificate of ours comes from.

import pytest

from tests.clients.interop import Interop
from tests.harness.plugin import running
from tests.node.certificates import Authority

NO_BINDING = {'domain "example.test"': {"channel-binding": "no"}}


@pytest.fixture(scope="session")
def unbound_node():
    with running(settings=NO_BINDING) as node:
        yield node


@pytest.fixture(params=["plus", "no-plus"])
def either_node(request, node):
    """The node that offers -PLUS, which is the default, and one that does not."""
    return node if request.param == "plus" else request.getfixturevalue("unbound_node")


@pytest.fixture(scope="session")
def foreign_ca(tmp_path_factory):
    """Of an authority that signed nothing here."""
    authority = Authority(str(tmp_path_factory.mktemp("foreign")))
    authority.ensure()
    return authority.certificate


@pytest.fixture
def interop(unbound_node):
    """interop.check("slixmpp", node, account): it came as docs/INTEROP.md says."""
    return Interop(unbound_node)
