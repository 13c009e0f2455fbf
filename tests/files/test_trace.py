# SPDX-License-Identifier: AGPL-3.0-or-later
#
# kontalkctl trace of requests for slots: granted, or refused and why. The slot itself, which is a
# secret, is not told.

import pytest

from tests.files import upload
from tests.harness.tracing import tracing

SIZE_MAX = 100 * 1024 * 1024  # the default


@pytest.mark.parametrize("size, decision", [
    (7, "a slot for 7 bytes"),
    (SIZE_MAX + 1, f"refused: the file is larger than {SIZE_MAX} bytes"),
    (0, "refused: bad-request"),
])
def test_slots(node, login, size, decision):
    client = login()
    with tracing(node, client.bare) as trace:
        answer = client.ask("get", f"<request xmlns='{upload.UPLOAD}' filename='a' size='{size}'/>",
                            to=upload.service(node))
        trace.wait("files", f"^{decision}$", answer.get("id"))
        trace.wait("files", "^to the router$", answer.get("id"))
        assert "Bearer" not in trace.text and "http" not in trace.text.replace("http:upload", "")
