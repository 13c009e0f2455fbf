# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Waiting for what has no event of its own: never a sleep of a guessed length.

import time

SECONDS = 60
STEP = 0.01


def until(condition, seconds=SECONDS, what="the condition"):
    """Returns condition() as soon as it is true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true in {seconds} s")
        time.sleep(STEP)
