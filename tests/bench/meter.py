# SPDX-License-Identifier: AGPL-3.0-or-later
#
# CPU time of a server while something happens to it.

from tests.bench import processes


class Meter:
    """CPU seconds from one call to the next."""

    def __init__(self, server):
        self.server = server
        self.last = self._read()

    def _read(self):
        pids = [pid for part in self.server.parts().values() for pid in part]
        return processes.cpu_seconds(pids), processes.cpu_seconds(self.server.database())

    def lap(self):
        now = self._read()
        lap = [b - a for a, b in zip(self.last, now)]
        self.last = now
        return lap
