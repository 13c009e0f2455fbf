# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The node of this group has kontalk-files.

import pytest

from tests.faults.disk import disk
from tests.files import upload
from tests.harness.plugin import running


@pytest.fixture(scope="session")
def session_node():
    with running(files=True) as node:
        yield node


@pytest.fixture
def slot(login, node):
    """slot(size=1): one of somebody who never asked before."""
    return lambda **wish: upload.slot(login(), node, **wish)


@pytest.fixture(scope="module")
def full_disk():
    with disk() as made:
        yield made
