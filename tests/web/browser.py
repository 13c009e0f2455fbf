# SPDX-License-Identifier: AGPL-3.0-or-later
#
# Debian's chromium, driven by Debian's chromium-driver, with Converse in it:
#
#     with browser.running(node) as chromium:
#         alice = chromium.user(node.add_account())
#         alice.log_in()
#         alice.say(bob.jid, "hello")
#
# Each user has a window and an origin of their own, so nothing of one is known to another. Names of
# the node lead to its listeners, all others nowhere; its certificates are the only ones that need
# no authority.

import base64
import contextlib
import functools
import hashlib
import http.server
import json
import os
import shutil
import tempfile
import threading
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.harness import wait
from tests.node.ports import ADDRESS
from tests.web import packages

SECONDS = 60
TEXTS = ".chat-msg .chat-msg__text"


def modules():
    """Where the page is; skips where there is no browser."""
    if not shutil.which("chromedriver") or not shutil.which("chromium"):
        pytest.skip("chromium and chromium-driver are not installed")
    pytest.importorskip("selenium", reason="python3-selenium is not installed")
    return packages.modules("converse")


def key_hash(path):
    """What Chromium knows a key by (RFC 7469 §2.4)."""
    with open(path, "rb") as file:
        certificate = x509.load_pem_x509_certificate(file.read())
    key = certificate.public_key().public_bytes(serialization.Encoding.DER,
                                                serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


def options(node, directory):
    from selenium.webdriver.chrome.options import Options
    chosen = Options()
    chosen.binary_location = shutil.which("chromium")
    address, port = node.address("HTTPS")
    where = [f"MAP {node.network}:443 {address}:{port}", f"MAP {node.network} {address}",
             f"MAP *.{node.network} {address}", "MAP * ~NOTFOUND", f"EXCLUDE {ADDRESS}"]
    names = [name for name in os.listdir(node.place.tls) if name.endswith(".pem")]
    keys = [key_hash(f"{node.place.tls}/{name}") for name in names]
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu",
                 "no-first-run", "no-proxy-server", "disable-background-networking",
                 "disable-component-update", "disable-sync", "disable-default-apps",
                 "disable-background-timer-throttling", "disable-renderer-backgrounding",
                 "disable-backgrounding-occluded-windows", "window-size=1280,900",
                 f"user-data-dir={directory}", f"host-resolver-rules={', '.join(where)}",
                 f"ignore-certificate-errors-spki-list={','.join(keys)}"):
        chosen.add_argument(f"--{word}")
    chosen.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return chosen


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Site:
    """The page, at an origin that nobody else has."""

    def __init__(self, directory):
        handler = functools.partial(QuietHandler, directory=directory)
        self._server = http.server.ThreadingHTTPServer((ADDRESS, 0), handler)
        self._server.daemon_threads = True
        self.origin = f"http://{ADDRESS}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Chromium:
    def __init__(self, node, pages, driver):
        self.node = node
        self.pages = pages
        self.driver = driver
        self.sites = []

    def user(self, account, **settings):
        """Somebody at the login form; settings: of Converse."""
        site = Site(self.pages)
        self.sites.append(site)
        return User(self, account, site, settings)

    def close(self):
        with contextlib.suppress(Exception):
            self.driver.quit()
        for site in self.sites:
            site.close()


@contextlib.contextmanager
def running(node):
    pages = modules()
    from selenium.webdriver import Chrome
    from selenium.webdriver.chrome.service import Service
    directory = tempfile.mkdtemp(prefix="kontalk-chromium-")
    # What it writes outside of its profile belongs there too.
    home = {**os.environ, "HOME": directory, "XDG_CONFIG_HOME": directory,
            "XDG_CACHE_HOME": directory}
    driver = Chrome(service=Service(shutil.which("chromedriver"), env=home),
                    options=options(node, f"{directory}/profile"))
    driver.set_script_timeout(SECONDS)
    driver.set_page_load_timeout(SECONDS)
    chromium = Chromium(node, pages, driver)
    try:
        yield chromium
    finally:
        chromium.close()
        shutil.rmtree(directory, ignore_errors=True)


class User:
    """A window with Converse."""

    def __init__(self, chromium, account, site, settings):
        self.jid = account.jid
        self._account = account
        self._driver = chromium.driver
        self._site = site
        self._settings = settings
        self._driver.switch_to.new_window("window")
        self._window = self._driver.current_window_handle
        self.load()

    # The page.

    def load(self):
        """Opens the page, or opens it anew."""
        settings = urllib.parse.quote(json.dumps(self._settings))
        self._switch()
        self._driver.get("about:blank")
        self._driver.get(f"{self._site.origin}/page.html#{settings}")

    def close(self):
        self._switch()
        self._driver.close()
        self._driver.switch_to.window(self._driver.window_handles[0])

    def run(self, script, *arguments):
        """What a function body returns."""
        self._switch()
        return self._driver.execute_script(script, *arguments)

    def call(self, script, *arguments):
        """The same of an asynchronous function; "inside" is Converse as its plugins have it."""
        self._switch()
        outcome = self._driver.execute_async_script(
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);"
            f"(async function () {{ const {{api}} = inside; {script} }}).apply(null, given)"
            ".then((value) => done({value}), (error) => done({error: String(error && "
            "(error.outerHTML || error.stack) || error)}))", *arguments)
        assert "error" not in outcome, f"{outcome['error']}\n{self.console()}"
        return outcome.get("value")

    def wait(self, script, *arguments, seconds=SECONDS):
        """Until a function body returns something true, which is returned."""
        try:
            return wait.until(lambda: self.run(script, *arguments), seconds, script)
        except BaseException as error:
            raise AssertionError(f"{error}\n{self.run('return document.body.innerText')}\n"
                                 f"{self.console()}") from error

    def find(self, selector):
        """The first visible or hidden element, as soon as it is there."""
        self.wait("return document.querySelector(arguments[0]) !== null", selector)
        return self._driver.find_element("css selector", selector)

    def console(self):
        self._switch()
        return "\n".join(entry["message"] for entry in self._driver.get_log("browser")[-30:])

    def events(self):
        """What Converse told since the page is there."""
        return self.run("return window.events")

    def _switch(self):
        self._driver.switch_to.window(self._window)

    # What people do.

    def log_in(self):
        """By the form."""
        self.find("#converse-login-jid").send_keys(self._account.jid)
        self.find("#converse-login-password").send_keys(self._account.password)
        self.find("#converse-login button[type=submit]").click()
        self.wait_online()

    def wait_online(self):
        self.wait("return window.inside && inside.api.connection.connected()")
        self.call("await api.waitUntil('rosterContactsFetched')")

    @property
    def full(self):
        return self.run("return inside.session.get('jid')")

    def transport(self):
        """Of the open connection: websocket or bosh."""
        return self.run("return ['websocket', 'bosh'].find((name) =>"
                        " inside.api.connection.isType(name))")

    def open(self, jid):
        """The chat with somebody, or the room; it is what is on the screen. A message that comes
        meanwhile can hide it again."""
        self.call("await api.chats.open(arguments[0], {}, true)", jid)
        self.wait("const chat = inside.state.chatboxes.get(arguments[0]);"
                  "if (chat.get('hidden')) chat.maybeShow(true);"
                  "return !chat.get('hidden') && document.querySelector("
                  "`.chatbox[jid='${arguments[0]}'] converse-message-form textarea`) !== null", jid)

    def join(self, room, nick):
        """Enters a room, which is on the screen then."""
        self.call("await api.rooms.open(arguments[0], {nick: arguments[1]}, true)", room, nick)
        self.wait("const room = inside.state.chatboxes.get(arguments[0]);"
                  "return room && room.session.get('connection_status') === 5"
                  " && document.querySelector(`.chatbox[jid='${arguments[0]}']"
                  " converse-muc-message-form textarea`) !== null", room)

    def type(self, text):
        """Into the chat that is open, with Enter."""
        from selenium.webdriver.common.keys import Keys
        self.find(".chatbox textarea.chat-textarea").send_keys(text, Keys.ENTER)

    def say(self, jid, text):
        self.open(jid)
        self.type(text)

    def texts(self):
        """Of the messages that are on the screen, from top to bottom."""
        return self.run("return [...document.querySelectorAll(arguments[0])]"
                        ".map((text) => text.innerText.trim())", TEXTS)

    def wait_texts(self, *texts):
        """Until these are all that is on the screen."""
        self.wait("const shown = [...document.querySelectorAll(arguments[0])]"
                  ".map((text) => text.innerText.trim());"
                  "return JSON.stringify(shown) === JSON.stringify(arguments[1])",
                  TEXTS, list(texts))

    def send_file(self, path):
        """To who is in the chat that is open, as if chosen in the dialogue."""
        self.find("converse-chat-toolbar .fileupload").send_keys(path)

    def wait_picture(self):
        """The size of the last picture shown in a chat, once all of it is there; and its URL."""
        return self.wait("const all = document.querySelectorAll('.chat-msg img.chat-image'),"
                         " last = all[all.length - 1]; return last && last.complete"
                         " && last.naturalWidth && [last.naturalWidth, last.naturalHeight,"
                         " last.src]")
