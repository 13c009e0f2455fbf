# SPDX-License-Identifier: AGPL-3.0-or-later
#
# What HTTP does with files (XEP-0363 §§7 to 9, RFC 9110).

import concurrent.futures
import contextlib
import hashlib
import os
import select
import signal
import socket
import ssl
from datetime import datetime, timedelta, timezone

import pytest

from tests.files import upload
from tests.files.beside import free_port
from tests.files.upload import CONTENT
from tests.harness import wait
from tests.harness.node import SOURCES
from tests.node.client import SECONDS
from tests.node.ports import ADDRESS

ID = "0" * 40


def stored(node, slot, content=CONTENT, **wish):
    granted = slot(size=len(content), **wish)
    assert upload.put(node, granted, content).status == 201
    return granted


def content_files(node):
    return [name for _, _, names in os.walk(f"{node.place.files}/content") for name in names]


def test_put_and_get(node, slot):
    granted = stored(node, slot, name="a b.jpg", kind="image/jpeg")
    answer = upload.get(node, granted)
    assert (answer.status, answer.body) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Content-Disposition"] == "inline; filename*=UTF-8''a%20b.jpg"
    assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("kind, expected", [
    ("image/png", "inline"), ("video/mp4", "inline"), ("audio/ogg", "inline"),
    ("image/svg+xml", "attachment"), ("text/html", "attachment"), (None, "attachment"),
    ("application/javascript", "attachment"), ("application/pdf", "attachment")])
def test_D6_no_script_of_a_stranger(node, slot, kind, expected):
    """Only what cannot have a script in it is shown, and nothing is taken for something else."""
    answer = upload.get(node, stored(node, slot, name="x.html", kind=kind))
    assert answer.headers["Content-Disposition"].startswith(f"{expected};")
    assert answer.headers["Content-Type"] == kind or "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", [
    "/", "/a", f"/{ID}/", f"/{ID}/a", "/../index.sqlite", "/..%2findex.sqlite", "/%2e%2e/key",
    "/content/..%00/key", f"/{ID}%00/a", f"/{ID}/..%2f..%2fkey", "/key", "//key", f"/{ID}//key"])
def test_D6_other_paths(node, path):
    assert upload.send(node, "GET", f"https://{upload.service(node)}{path}").status == 404


def test_name_belongs_to_it(node, slot):
    granted = stored(node, slot, name="a.jpg")
    other = granted.get.removesuffix("a.jpg") + "a.html"
    assert upload.send(node, "GET", other).status == 404


def test_head(node, slot):
    answer = upload.send(node, "HEAD", stored(node, slot).get)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))


@pytest.mark.parametrize("wanted, status, part", [
    ("bytes=0-9", 206, CONTENT[:10]), ("bytes=90-", 206, CONTENT[90:]),
    ("bytes=-5", 206, CONTENT[-5:]), ("bytes=0-9999", 206, CONTENT),
    ("bytes=100-", 416, b""), ("bytes=0-1,5-6", 200, CONTENT), ("lines=1", 200, CONTENT)])
def test_ranges(node, slot, wanted, status, part):
    answer = upload.get(node, stored(node, slot), Range=wanted)
    assert (answer.status, answer.body) == (status, part)
    if status == 416:
        assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


def test_content_range(node, slot):
    answer = upload.get(node, stored(node, slot), Range="bytes=10-19")
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"


def test_conditions(node, slot):
    granted = stored(node, slot)
    tag = upload.get(node, granted).headers["ETag"]
    assert upload.get(node, granted, If_None_Match=tag).status == 304
    assert upload.get(node, granted, If_None_Match='"other"').status == 200
    assert upload.get(node, granted, If_Range=tag, Range="bytes=0-0").status == 206
    assert upload.get(node, granted, If_Range='"other"', Range="bytes=0-0").status == 200


def test_cors(node, slot):
    """§8: web clients of any origin."""
    granted = slot()
    answer = upload.send(node, "OPTIONS", granted.put)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert upload.put(node, granted).headers["Access-Control-Allow-Origin"] == "*"
    assert upload.get(node, granted).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "TRACE"])
def test_other_methods(node, slot, method):
    granted = stored(node, slot)
    answer = upload.send(node, method, granted.get, headers=granted.headers)
    assert answer.status == 405 and "PUT" in answer.headers["Allow"]
    assert upload.get(node, granted).body == CONTENT


# PUT: what is refused.

def test_without_slot(node, slot):
    granted = slot()
    assert upload.send(node, "PUT", granted.put, CONTENT).status == 401
    assert upload.get(node, granted).status == 404


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer ", "Bearer AAAA", "Basic YTpi",
                                   "Bearer " + "A" * 400])
def test_bad_slot(node, slot, token):
    answer = upload.send(node, "PUT", slot().put, CONTENT, {"Authorization": token})
    assert answer.status == 403


def test_slot_of_another_file(node, slot):
    one, other = slot(), slot()
    assert upload.send(node, "PUT", one.put, CONTENT, other.headers).status == 403
    renamed = one.put.removesuffix("a.jpg") + "b.jpg"
    assert upload.send(node, "PUT", renamed, CONTENT, one.headers).status == 403


@pytest.mark.parametrize("content, status", [
    (CONTENT + b"x", 413), (CONTENT[:-1], 400), (b"", 400)], ids=["longer", "shorter", "empty"])
def test_D7_other_size(node, slot, content, status):
    """§7: MUST."""
    granted = slot()
    assert upload.put(node, granted, content).status == status
    assert upload.put(node, granted).status == 201  # the slot is still good


def test_D7_second_put(node, slot):
    granted = stored(node, slot)
    assert upload.put(node, granted, b"y" * len(CONTENT)).status == 409
    assert upload.get(node, granted).body == CONTENT


def test_D7_puts_at_once(node, slot):
    """One of them gets it."""
    granted = slot()
    contents = [bytes([n]) * len(CONTENT) for n in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda content: upload.put(node, granted, content).status,
                                contents))
    assert sorted(answers) == [201] + [409] * 7
    assert upload.get(node, granted).body == contents[answers.index(201)]


def unfinished(node):
    """Files without a name yet, which take room on the disk."""
    folder = f"/proc/{node.daemon('files').pid}/fd"
    links = []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(f"{folder}/{name}"))
    return [link for link in links if link.startswith(node.place.files)
            and link.endswith("(deleted)")]


def test_D7_a_slot_is_one_file(node, slot):
    """However many begin to send it; the last one has it."""
    granted = slot()
    wait.until(lambda: not unfinished(node), what="the end of what others began")
    begun = [half(node, granted) for _ in range(5)]
    for connection in begun:
        connection.send(CONTENT[len(CONTENT) // 2:-1])
    wait.until(lambda: len(unfinished(node)) == 1, what="one of them")
    for connection in begun:
        connection.send(CONTENT[-1:])
    assert sorted(one.getresponse().status for one in begun) == [201] + [409] * 4
    for connection in begun:
        connection.close()
    assert upload.get(node, granted).body == CONTENT


def test_other_type(node, slot):
    """§7: SHOULD."""
    granted = slot(kind="image/png")
    assert upload.put(node, granted, Content_Type="text/html").status == 415
    assert upload.put(node, granted, Content_Type="image/png").status == 201


def test_D8_length_twice(node, slot):
    """Where the body ends must not be a question (RFC 9112 §6.3)."""
    granted = slot()
    answer = upload.put(node, granted, Transfer_Encoding="chunked",
                        Content_Length=str(len(CONTENT)))
    assert answer.status == 400


def test_D8_chunks(node, slot):
    granted = slot()
    assert upload.put(node, granted, iter([CONTENT]), Transfer_Encoding="chunked").status == 411


@pytest.mark.parametrize("fields", [{"X-Long": "x" * 24000},
                                    {f"X-{n}": "x" * 100 for n in range(400)}],
                         ids=["long", "many"])
def test_D8_large_header(node, slot, fields):
    """It need not be read to its end, so a client that goes on sending can miss the answer."""
    url = stored(node, slot).get

    def refused():
        with contextlib.suppress(OSError):
            assert upload.send(node, "GET", url, headers=fields).status in (431, 413)
            return True
        return False
    wait.until(refused, what="an answer")


# What happens in the middle.

def half(node, granted, content=CONTENT):
    """A connection that has sent half of a file."""
    connection = upload.Connection(node, upload.service(node))
    connection.putrequest("PUT", "/" + granted.put.split("/", 3)[3])
    for name, value in granted.headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(content)))
    connection.endheaders(content[:len(content) // 2])
    return connection


def test_half_an_upload(node, slot):
    """Nothing of it stays, and the slot is still good."""
    before = len(content_files(node))
    granted = slot()
    half(node, granted).close()
    assert upload.put(node, granted, CONTENT).status == 201
    assert upload.get(node, granted).body == CONTENT
    assert len(content_files(node)) <= before + 1


def test_killed_in_the_middle(node, slot):
    """A slot outlives it, and so does what was answered with 201."""
    kept = stored(node, slot)
    granted = slot()
    connection = half(node, granted)
    node.daemon("files").kill()
    node.daemon("files").start()
    connection.close()
    assert upload.get(node, kept).body == CONTENT
    assert upload.get(node, granted).status == 404
    assert upload.put(node, granted).status == 201


def test_same_content_once(node, slot):
    content = os.urandom(1000)
    before = len(content_files(node))
    files = [stored(node, slot, content, name=f"{n}.bin") for n in range(3)]
    assert len(content_files(node)) == before + 1
    assert [upload.get(node, one).body for one in files] == [content] * 3


def test_large_file(node, slot):
    content = os.urandom(8 * 1024 * 1024)
    assert upload.get(node, stored(node, slot, content)).body == content


def test_many_on_one_connection(node, slot):
    granted = stored(node, slot)
    path = "/" + granted.get.split("/", 3)[3]
    connection = upload.Connection(node, upload.service(node))
    for _ in range(20):
        connection.request("GET", path)
        assert connection.getresponse().read() == CONTENT
    connection.close()


def test_no_tls_before_1_2(node):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(node.address("FILES")) as plain, pytest.raises(OSError):
        context.wrap_socket(plain)


# Life.

def certificate_of(node):
    context = ssl.create_default_context(cafile=node.ca)
    with context.wrap_socket(socket.create_connection(node.address("FILES")),
                             server_hostname=upload.service(node)) as secured:
        return secured.getpeercert(binary_form=True)


def test_certificate_is_changed(node, slot):
    """Connections go on; a certificate that is not good changes nothing."""
    granted = stored(node, slot)
    before = certificate_of(node)
    path = f"{node.place.tls}/{node.place.upload}"
    connection = upload.Connection(node, upload.service(node))
    connection.connect()
    node.authority.issue_server(f"{path}.new", (node.place.upload,))
    for end in ("pem", "key"):
        os.replace(f"{path}.new.{end}", f"{path}.{end}")
    node.control("reload")
    after = certificate_of(node)
    assert after != before
    connection.request("GET", "/" + granted.get.split("/", 3)[3])
    assert connection.getresponse().read() == CONTENT
    connection.close()
    with open(f"{path}.pem", encoding="utf-8") as file:
        good = file.read()
    with open(f"{path}.pem", "w", encoding="utf-8") as file:
        file.write("nonsense")
    with pytest.raises(Exception, match="errors"):
        node.control("ask", "files", "reload")
    assert certificate_of(node) == after
    with open(f"{path}.pem", "w", encoding="utf-8") as file:
        file.write(good)
    node.control("ask", "files", "reload")
    fingerprint = hashlib.sha256(after).hexdigest()
    assert fingerprint in node.control("ask", "files", "show", "tls")
    assert fingerprint in node.control("show", "tls").partition("kontalk-files:")[2]
    metrics = node.control("ask", "files", "metrics")
    assert "kontalk_files_certificate_end_seconds{" in metrics


def test_certificate_that_has_ended(node):
    """Verified as that of other daemons: it is refused, and the one before stays."""
    before = certificate_of(node)
    path = f"{node.place.tls}/{node.place.upload}"
    node.authority.issue_expired(f"{path}.ended", (node.place.upload,))
    for end in ("pem", "key"):
        os.rename(f"{path}.{end}", f"{path}.{end}.kept")
        os.rename(f"{path}.ended.{end}", f"{path}.{end}")
    try:
        with pytest.raises(Exception, match="errors"):
            node.control("ask", "files", "reload")
        assert certificate_of(node) == before
    finally:
        for end in ("pem", "key"):
            os.replace(f"{path}.{end}.kept", f"{path}.{end}")
    node.control("ask", "files", "reload")


@pytest.fixture(scope="module")
def strict(make_node):
    """A node whose limits are reached at once."""
    return make_node(files=True, settings={"files": {
        "slot-valid": "3s", "keep": "3s", "connections": "6", "connections-per-address": "4"}})


def is_closed(sock):
    """It says nothing by itself: a connection that stays is heard of by somebody else."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_too_many_connections(strict, login):
    """[files] connections-per-address: what is beyond it is closed, and others are served. Beyond
    [files] connections one waits, until somebody has gone."""
    granted = upload.slot(login(where=strict), strict)
    here, there = next(SOURCES), next(SOURCES)
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(connected(strict, here))
        with connected(strict, here) as beyond:
            assert is_closed(beyond)
        assert upload.put(strict, granted).status == 201
        for _ in range(2):
            stack.enter_context(connected(strict, there))
        stack.enter_context(connected(strict, there))
    assert upload.get(strict, granted).status == 200


def connected(node, source):
    return socket.create_connection(node.address("FILES"), 60, (source, 0))


def test_slot_that_is_too_old(strict, login):
    granted = upload.slot(login(where=strict), strict)
    wait.until(lambda: upload.put(strict, granted, b"").status == 403)


def test_ephemeral(node, login):
    """XEP-0363 §6.3"""
    ends = datetime.now(timezone.utc) + timedelta(seconds=5)
    granted = upload.slot(login(), node, inside=f"<ephemeral xmlns='{upload.PURPOSE}' "
                          f"expire-before='{ends.strftime('%Y-%m-%dT%H:%M:%SZ')}'/>")
    assert upload.put(node, granted).status == 201
    wait.until(lambda: upload.get(node, granted).status == 404)
    assert datetime.now(timezone.utc) > ends - timedelta(seconds=1)


def test_expiry(strict, login):
    """[files] keep"""
    node = strict
    granted = upload.slot(login(where=node), node)
    assert upload.put(node, granted).status == 201
    wait.until(lambda: upload.get(node, granted).status == 404)
    node.daemon("files").restart()  # it looks for what has expired
    wait.until(lambda: not content_files(node))


def test_stopped_in_an_upload(node, slot):
    """SIGTERM does not wait for clients."""
    connection = half(node, slot())
    node.daemon("files").send(signal.SIGTERM)
    wait.until(lambda: not node.daemon("files").process.runs())
    connection.close()
    node.daemon("files").start()


def test_D7_slow_upload(make_node, login):
    """Its connection is closed; others do not notice."""
    node = make_node(files=True, settings={"files": {"idle": "2s"}})
    client = login(where=node)
    slow = half(node, upload.slot(client, node))
    assert upload.put(node, upload.slot(client, node)).status == 201
    assert slow.sock.recv(1) == b""
    slow.close()


def test_slower_than_is_allowed(make_node, login):
    """Something moves all the time, so it is not idle. In clear, as behind a proxy, it is told."""
    port = free_port()
    node = make_node(files=True, settings={"files": {
        "idle": "4s", "slowest": "1G", "listen": f"{ADDRESS}:{port}"}})
    client = login(where=node)
    granted = upload.slot(client, node, size=100000)
    fields = "".join(f"{name}: {value}\r\n" for name, value in granted.headers.items())
    with socket.create_connection((ADDRESS, port), timeout=SECONDS) as slow:
        slow.sendall(f"PUT /{granted.put.split('/', 3)[3]} HTTP/1.1\r\nHost: a\r\n{fields}"
                     "Content-Length: 100000\r\n\r\n".encode())

        def dribble():
            if select.select([slow], [], [], 0)[0]:
                return True
            slow.send(b"x")
            return False
        wait.until(dribble, what="the end of patience")
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")


def test_room_is_kept_on_the_disk(node, login):
    """For what is to be deleted; who had a slot before hears it too."""
    client = login()
    kept = upload.slot(client, node)
    node.reconfigure({"files": {"keep-free": "1024G"}})
    try:
        assert upload.error(upload.request(client, node)) == ("wait", "resource-constraint")
        assert upload.put(node, kept).status == 507
    finally:
        node.reconfigure({"files": {"keep-free": "64M"}})
    assert upload.put(node, kept).status == 201
    assert upload.get(node, kept).body == CONTENT


def test_disk_is_full(make_node, login, full_disk):
    """What is there stays, and afterwards all goes on."""
    node = make_node(files=True, inside={"files": full_disk.words})
    client = login(where=node)
    kept, refused = upload.slot(client, node), upload.slot(client, node)
    assert upload.put(node, kept).status == 201
    full_disk.fill()
    assert upload.put(node, refused).status == 507
    assert upload.get(node, kept).body == CONTENT
    full_disk.free()
    assert upload.put(node, refused).status == 201
    assert upload.get(node, refused).body == CONTENT
