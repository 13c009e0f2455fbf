# SPDX-License-Identifier: AGPL-3.0-or-later
#
# The disk of a database, which can be full (full_disk.c).

import contextlib
import os
import shutil
import tempfile

from tests.harness.made import made


class Disk:
    """words: what comes before the command of PostgreSQL."""

    def __init__(self, directory):
        library = shutil.copy(made("tests/faults/full_disk.so"), directory)
        self._flag = f"{directory}/full"
        self.words = ["env", f"LD_PRELOAD={library}", f"FULL_DISK={self._flag}"]

    def fill(self):
        open(self._flag, "w", encoding="ascii").close()

    def free(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._flag)


@contextlib.contextmanager
def disk():
    directory = tempfile.mkdtemp(prefix="kontalk-disk-", dir="/tmp")
    os.chmod(directory, 0o755)  # for the user of PostgreSQL
    try:
        yield Disk(directory)
    finally:
        shutil.rmtree(directory)
