# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Checks of the tree itself: each executable file in tests/lint is one. Status 77 is a skip, whose
# reason is its output.

import os

from tests.runner import process
from tests.runner.result import failed, passed, skipped

SECONDS = 120
SKIP = 77


def checks(name):
    found = sorted(f for f in os.listdir("tests/lint") if os.access(f"tests/lint/{f}", os.X_OK)
                   and os.path.isfile(f"tests/lint/{f}"))
    return [f for f in found if not name or name == "lint" or name in f]


def run(name):
    for check in checks(name):
        status, output = process.run([f"tests/lint/{check}"], SECONDS)
        if status == 0:
            yield passed("lint", check)
        elif status == SKIP:
            yield skipped("lint", check, output)
        else:
            yield failed("lint", check, output or process.describe(status))
