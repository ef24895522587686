# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium spoken to over a pipe (--remote-debugging-pipe), standard library only."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

ALT, CTRL, SHIFT = 1, 2, 8  # modifiers of keys and clicks


def find():
    """Path of a Chromium, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Page:
    """One tab. `events` has what the page did that a quiet page does not do."""

    def __init__(self, browser, session):
        self._browser = browser
        self._session = session
        self.noise = []
        self.requests = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        return self._browser.call(method, params, self._session)

    def heard(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.noise.append("exception: " + json.dumps(params["exceptionDetails"])[:2000])
        elif method == "Log.entryAdded":
            self.noise.append("log: " + params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.noise.append("console: " + json.dumps(params["args"])[:2000])
        elif method == "Page.javascriptDialogOpening":
            self.noise.append("dialog: " + params["message"])
            self._browser.post("Page.handleJavaScriptDialog", {"accept": True}, self._session)

    def open(self, path, fragment=""):
        """Opens a file, anew even where only the fragment differs from what is open."""
        self.call("Page.navigate", url="about:blank")
        del self.noise[:], self.requests[:]
        self.call("Page.navigate", url="file://" + os.path.abspath(path) + fragment)
        self.until("document.readyState === 'complete'")

    def size(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=False)

    def media(self, scheme):
        """Prefers `scheme`, light or dark, and no animations."""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def run(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(expression + ": " + json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def until(self, expression, seconds=20):
        end = time.monotonic() + seconds
        while not self.run(expression):
            if time.monotonic() > end:
                raise AssertionError("never true: " + expression)
            self.frame()

    def frame(self):
        """Waits until what was asked for has been drawn."""
        self.run("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(1))))")

    def key(self, key):
        """`key` as in KeyboardEvent.key; capitals are typed with Shift."""
        named = {"Backspace": 8, "Enter": 13, "Escape": 27, "Home": 36, "ArrowLeft": 37,
                 "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        params = {"key": key, "windowsVirtualKeyCode": named.get(key, ord(key.upper()[0])),
                  "modifiers": SHIFT if len(key) == 1 and key.isupper() else 0}
        if len(key) == 1:
            params["text"] = key
        self.call("Input.dispatchKeyEvent", type="keyDown", **params)
        self.call("Input.dispatchKeyEvent", type="keyUp", **params)
        self.frame()

    def type(self, text):
        self.call("Input.insertText", text=text)
        self.frame()

    def mouse(self, x, y, click=False, button="left", modifiers=0):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        if click:
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button,
                          modifiers=modifiers, clickCount=1)
        self.frame()

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


class Browser:
    """Owns the process, its pipes and its profile folder."""

    def __init__(self, path):
        self._folder = tempfile.mkdtemp(prefix="jtrace-browser-")
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # Chromium wants its ends as descriptors 3 and 4; above 9 they cannot be in the way.
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (theirs_in, theirs_out)]

        def place():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        self._process = subprocess.Popen(
            [path, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--remote-debugging-pipe",
             "--user-data-dir=" + self._folder, "about:blank"],
            preexec_fn=place, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in [theirs_in, theirs_out] + theirs:
            os.close(fd)
        self._in, self._out = ours_in, ours_out
        self._buffer = b""
        self._next = 0
        self._pages = {}

    def page(self):
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = Page(self, session["sessionId"])
        self._pages[session["sessionId"]] = page
        return page

    def post(self, method, params, session=None):
        self._next += 1
        message = {"id": self._next, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        return self._next

    def call(self, method, params, session=None, seconds=60):
        number = self.post(method, params, session)
        end = time.monotonic() + seconds
        while True:
            message = self._receive(end)
            if message.get("id") == number:
                if "error" in message:
                    raise AssertionError(method + ": " + message["error"]["message"])
                return message["result"]
            page = self._pages.get(message.get("sessionId"))
            if page and "method" in message:
                page.heard(message["method"], message["params"])

    def _receive(self, end):
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], max(0, end - time.monotonic()))
            part = os.read(self._in, 1 << 16) if ready else b""
            if not part:
                raise AssertionError("the browser is gone or does not answer")
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def close(self):
        try:
            self.call("Browser.close", {}, seconds=10)
            self._process.wait(10)
        except (AssertionError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._folder, ignore_errors=True)
