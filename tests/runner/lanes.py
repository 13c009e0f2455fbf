# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Groups side by side: most of them wait most of the time. Whoever has a lane free takes the next.

import threading

from tests.runner import process


def run(count, works):
    """Calls all functions, `count` at a time, each in the order of the list. An interruption ends
    what runs and begins nothing more; what a function raises is raised when all have ended."""
    waiting = list(reversed(works))
    raised = []

    def lane():
        try:
            while waiting and not raised:
                waiting.pop()()
        except process.Stopped:
            pass
        except BaseException as problem:  # told by the one who waits
            raised.append(problem)

    threads = [threading.Thread(target=lane) for _ in range(min(count, len(works)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        process.RUNNING.stop()
        for thread in threads:
            thread.join()
        raise
    if raised:
        raise raised[0]
