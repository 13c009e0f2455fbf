# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What files of tests here share.

import contextlib

import pytest

from tests.harness.plugin import running
from tests.harness.sasl2 import Sasl2Stream


@pytest.fixture(scope="session")
def session_node():
    """Its database has a minute to answer: tests hold it up, and look."""
    with running(settings={"database": {"deadline": "60s"}}) as node:
        yield node


@pytest.fixture
def modern(node, source):
    """modern(owner, device=…): secured, with the features seen; of a new account without one."""
    with contextlib.ExitStack() as stack:
        def connect(owner=None, where=node, secure=True, **options):
            options.setdefault("source", source())
            stream = Sasl2Stream(where, owner or where.add_account(), **options)
            stack.callback(stream.close)
            if secure:
                stream.secure()
            return stream
        yield connect
