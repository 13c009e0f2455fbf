# SPDX-License-Identifier: AGPL-3.0-or-later
#
# A router alone, with two sections for third-party components:
#   irc.example.test   its own domain and irc2.example.test, no rights
#   bot.test           everything that can be allowed, and 'from' of the network

import pytest

from tests.router.router import Router


@pytest.fixture
def make_router():
    """make_router(key="value") in [router]; shared-hold is 0 unless told otherwise."""
    routers = []

    def make(**settings):
        routers.append(Router(settings))
        return routers[-1]

    yield make
    problems = [problem for router in routers for problem in router.end()]
    assert not problems, "\n".join(problems)


@pytest.fixture
def router(make_router):
    return make_router()
