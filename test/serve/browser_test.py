#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of windows in a real browser, against a server that runs.

browser_test.py DRIVER [JTRACE]: with JTRACE, as root, a real trace too. Exit status 77 (skipped) without a Chromium, unless JTRACE_REQUIRE names
`browser`. With JTRACE_SCREENSHOTS=DIR a picture is kept there.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "browser"))

import chromium
import serve_case
from serve_case import TOKEN, ServeCase

INSIDE = "(document.getElementById('graph') || {}).contentDocument"


# Opens so often each time it is told to.
TARGET = """
import os, sys
print("ready", flush=True)
for line in sys.stdin:
    for i in range(int(line)):
        os.close(os.open("/dev/null", os.O_RDONLY))
    print("done", flush=True)
"""


class PageCase(ServeCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Browser(chromium.find())

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def open(self, port, path="/"):
        self.page = self.browser.page()
        self.page.size(1400, 900)
        self.page.call("Page.navigate", url=f"http://127.0.0.1:{port}{path}")
        self.page.until("(document.getElementById('state') || {}).textContent")

    def graph(self, path):
        """Waits until the frame shows that address, drawn."""
        self.page.until(f"""{INSIDE} && {INSIDE}.readyState === 'complete' && {INSIDE}.getElementById('title') &&
            ({INSIDE}.location.pathname + {INSIDE}.location.search) === {path!r} &&
            {INSIDE}.getElementById('title').textContent !== ''""")

    def choose(self, select, value):
        self.page.run(f"""(() => {{ const s = document.getElementById('{select}'); s.value = '{value}';
            s.dispatchEvent(new Event('change')); }})()""")

    def inside(self, element):
        return self.page.run(f"{INSIDE}.getElementById('{element}').textContent")

    def options(self, select):
        return self.page.run(f"[...document.getElementById('{select}').options].map(o => o.text)")

    def hidden(self, select):
        return self.page.run(f"document.getElementById('{select}').parentElement.hidden")

    def all_of(self):
        """What the line above the graph says that there is."""
        return self.page.run(f"{INSIDE}.querySelector('#steps button').textContent")

    def until_all_of(self, text):
        self.page.until(f"({INSIDE}.querySelector('#steps button') || {{}}).textContent === {text!r}")


@unittest.skipUnless(len(sys.argv) > 2 and os.geteuid() == 0, "needs jtrace and root")
class Live(PageCase):
    """A real trace, while it goes on."""

    def setUp(self):
        self.targets = [subprocess.Popen([sys.executable, "-c", TARGET], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for target in self.targets:
            self.addCleanup(self.end, target)
            target.stdout.readline()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tracer = subprocess.Popen(
            [sys.argv[2], "-t", "syscalls:sys_enter_openat", "-p", ",".join(str(t.pid) for t in self.targets),
             "--loop", "1h", "--max-overhead", "off", "--serve", "0"],
            stderr=subprocess.PIPE, text=True, cwd=folder.name)
        self.addCleanup(self.end, self.tracer)
        said = ""
        while not (found := re.search(r"serving http://127\.0\.0\.1:(\d+)/", said)):
            line = self.tracer.stderr.readline()
            self.assertNotEqual(line, "", said)
            said += line
        self.open(int(found[1]))

    @staticmethod
    def end(process):
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def fire(self, *counts):
        for target, count in zip(self.targets, counts):
            target.stdin.write(f"{count}\n")
            target.stdin.flush()
            target.stdout.readline()

    def test_counts_grow_while_it_is_looked_at(self):
        self.fire(300, 200)
        self.graph("/window/live.html")
        self.until_all_of("All 500 events")
        self.page.run(f"{INSIDE}.defaultView.again = true")
        self.fire(30, 20)
        self.until_all_of("All 550 events")
        self.assertRegex(self.page.run("document.getElementById('shown').textContent"), r"^live, as of .*, 550 events$")
        pid = self.targets[0].pid
        (key,) = self.page.run("[...document.getElementById('process').options].filter(o => "
                               f"o.text === 'python3 (pid {pid})').map(o => o.value)")
        self.choose("process", key)
        self.until_all_of("All 330 events")
        self.fire(3, 2)
        self.until_all_of("All 333 events")
        # Its end makes a finished window of it, with which the next one is compared.
        self.page.run("document.getElementById('pause').click()")
        self.tracer.send_signal(signal.SIGHUP)
        self.page.until("document.getElementById('state').textContent === '1 window'")
        self.fire(33, 22)
        self.assertEqual(self.all_of(), "All 333 events")
        self.page.run("document.getElementById('pause').click()")
        self.until_all_of("All 33 events")
        self.choose("base", "1")
        self.graph(f"/diff?base=1&new=live&process={key}".replace("@", "%40").replace(":", "%3A"))
        self.assertEqual(self.all_of(), "All 333 → 33 events")
        self.fire(300, 200)
        self.page.until(f"{INSIDE}.querySelector('#steps button').textContent === 'All 333 events'")
        self.choose("process", "")
        self.until_all_of("All 555 events")
        self.choose("base", "")
        self.choose("window", "1")
        self.choose("to", "live")
        self.until_all_of("All 1,110 events")
        self.assertTrue(self.page.run(f"{INSIDE}.defaultView.again"))
        self.assertEqual(self.page.noise, [])


class Windows(PageCase):
    def start(self, *settings, env=None, path="/"):
        self.driver_ = self.driver("serve=127.0.0.1:0", *settings, env=env)
        self.open(self.driver_.ports["serve"], path)

    def publish(self, *names):
        for name in names:
            self.driver_("window " + name)
        self.driver_("counters")

    def test_a_person_looks_at_windows(self):
        self.start()
        self.page.until("document.getElementById('state').textContent === '0 windows'")
        self.assertFalse(self.page.run("document.getElementById('empty').hidden"))
        self.publish("java")  # and it comes by itself
        self.graph("/window/1.html")
        self.assertTrue(self.page.run("document.getElementById('empty').hidden"))
        self.assertIn("java (pid 4242)", self.inside("meta"))
        self.publish("server")
        self.graph("/window/2.html")
        self.choose("window", "1")
        self.graph("/window/1.html")
        self.publish("java")  # what was chosen stays
        self.page.until("document.getElementById('window').options.length === 5")
        self.graph("/window/1.html")
        self.choose("to", "2")
        self.graph("/merged?from=1&to=2")
        self.choose("to", "")
        self.choose("base", "3")
        self.graph("/diff?base=3&new=1")
        self.assertIn("difference", self.inside("title"))
        self.choose("base", "2")
        self.graph("/diff?base=2&new=1")
        folder = os.environ.get("JTRACE_SCREENSHOTS", tempfile.gettempdir())
        if "JTRACE_SCREENSHOTS" in os.environ:
            self.page.frame()
            self.page.screenshot(os.path.join(folder, "serve-difference.png"))
        self.choose("base", "")
        self.choose("window", "")
        self.graph("/window/3.html")
        self.assertEqual(self.page.noise, [])
        port = self.driver_.ports["serve"]
        self.assertEqual([r for r in self.page.requests if not r.startswith(f"http://127.0.0.1:{port}/")], [])

    def test_what_is_chosen_on_the_page_stays_chosen(self):
        self.start()
        self.publish("weighed", "weighed")
        self.graph("/window/2.html")
        self.page.run(f"[...{INSIDE}.querySelectorAll('#weights button')].find(b => b.textContent === 'Bytes').click()")
        self.page.until(f"{INSIDE}.location.hash.includes('weight=bytes')")
        self.choose("window", "1")
        self.graph("/window/1.html")
        self.assertEqual(self.page.run(f"{INSIDE}.location.hash"), "#weight=bytes")
        self.assertIn("MiB", self.page.run(f"{INSIDE}.querySelector('#steps button').textContent"))
        self.assertEqual(self.page.noise, [])

    def test_processes_are_told_apart(self):
        self.start()
        self.publish("java")
        self.graph("/window/1.html")
        self.assertTrue(self.hidden("process"))
        self.publish("shared", "shared2")
        self.graph("/window/3.html")
        self.page.until("!document.getElementById('process').parentElement.hidden")
        self.assertEqual(self.options("process"), ["All", "app.Main (pid 43)", "two<b> (pid 42)", "one (pid 42)"])
        self.assertEqual(self.all_of(), "All 120 events")
        java, two = "43@2026-01-02T00:00:00.000Z", "42@2026-01-02T00:00:00.000Z"
        query = "process=" + java.replace("@", "%40").replace(":", "%3A")
        self.choose("process", java)
        self.graph(f"/window/3.html?{query}")
        self.assertEqual(self.all_of(), "All 60 events")
        self.assertIn("app.Main (pid 43)", self.inside("meta"))
        # With a range, another weight and one event.
        self.choose("window", "2")
        self.choose("to", "3")
        self.graph(f"/merged?from=2&to=3&{query}")
        self.assertEqual(self.all_of(), "All 90 events")
        self.page.run(f"[...{INSIDE}.querySelectorAll('#weights button')].find(b => b.textContent === 'Bytes').click()")
        self.assertEqual(self.all_of(), "All 360 KiB")
        self.page.run(f"[...{INSIDE}.querySelectorAll('#panel .value')].find(b => b.title.includes('close')).click()")
        self.assertEqual(self.all_of(), "60 KiB of 360 KiB")
        self.choose("process", two)  # which closes nothing
        self.graph(f"/merged?from=2&to=3&{query.replace('43', '42', 1)}")
        self.choose("process", "")
        self.graph("/merged?from=2&to=3")
        self.assertEqual(self.all_of(), "60 KiB of 720 KiB")
        self.assertEqual(self.page.run("document.querySelectorAll('img, script:not([src])').length"), 1)
        self.assertEqual(self.page.noise, [])

    def test_a_difference_of_one_process_event_and_weight(self):
        self.start()
        self.publish("shared", "shared2")
        self.graph("/window/2.html")
        self.assertTrue(self.hidden("event"))
        self.choose("base", "1")
        self.graph("/diff?base=1&new=2")
        self.page.until("!document.getElementById('weight').parentElement.hidden")
        self.assertEqual(self.all_of(), "All 60 → 120 events")
        self.choose("process", "43@2026-01-02T00:00:00.000Z")
        self.page.until(f"{INSIDE}.querySelector('#steps button').textContent === 'All 30 → 60 events'")
        self.choose("event", "syscalls:sys_enter_close")
        self.page.until(f"{INSIDE}.querySelector('#steps button').textContent === 'All 5 → 10 events'")
        self.choose("weight", "bytes")
        self.page.until(f"{INSIDE}.querySelector('#steps button').textContent === 'All 20 KiB → 40 KiB'")
        self.choose("base", "")
        self.page.until(f"{INSIDE}.querySelector('#steps button').textContent === 'All 60 events'")
        self.assertTrue(self.hidden("event"))
        self.assertEqual(self.page.noise, [])

    def live(self, *names):
        for name in names:
            self.driver_(f"window {name} 1")

    def test_the_live_window_comes_and_goes(self):
        self.start()
        self.page.until("document.getElementById('state').textContent === '0 windows'")
        while not self.driver_("watched")["watched"]:
            pass
        self.live("shared")
        self.graph("/window/live.html")
        self.assertRegex(self.page.run("document.getElementById('shown').textContent"),
                         r"^live, as of \d\d:\d\d:\d\d, [\d,]+ events$")
        # What is zoomed to, searched for and chosen stays where numbers grow.
        self.page.run(f"{INSIDE}.getElementById('search').select()")
        self.page.run(f"""(() => {{ const s = {INSIDE}.getElementById('search'); s.value = 'open';
            s.dispatchEvent(new Event('input')); s.focus(); }})()""")
        self.page.run(f"{INSIDE}.defaultView.again = true")  # the page is not loaded again
        self.live("shared2")
        self.page.until(f"{INSIDE}.querySelector('#steps button').textContent === 'All 120 events'")
        self.assertEqual(self.inside("matched"), "91.7 % matched, 110 events")
        self.assertEqual(self.page.run(f"{INSIDE}.activeElement.id"), "search")
        # Paused, it stays while the window goes on and ends.
        self.page.run("document.getElementById('pause').click()")
        self.live("shared")
        self.publish("shared2")
        while self.driver_("watched")["watched"]:
            pass
        self.page.until("document.getElementById('state').textContent === '1 window'")
        self.assertEqual(self.all_of(), "All 120 events")
        self.page.run("document.getElementById('pause').click()")
        self.graph("/window/1.html")
        self.page.until("document.getElementById('shown').textContent === ''")
        # The next one, beside the finished one.
        self.live("shared")
        self.graph("/window/live.html")
        self.choose("window", "1")
        self.graph("/window/1.html")
        self.choose("to", "live")
        self.graph("/merged?from=1&to=live")
        self.choose("to", "")
        self.choose("base", "live")
        self.graph("/diff?base=live&new=1")
        self.choose("window", "finished")
        self.choose("base", "")
        self.graph("/window/1.html")
        self.assertTrue(self.page.run(f"{INSIDE}.defaultView.again"))
        self.assertEqual(self.page.noise, [])

    def test_a_zoom_survives_what_comes_and_goes(self):
        self.start()
        self.live("shared")
        self.graph("/window/live.html")
        graph = f"{INSIDE}.getElementById('graph')"
        self.page.run(f"{graph}.focus()")

        def key(name):
            self.page.run(f"""{graph}.dispatchEvent(new KeyboardEvent('keydown', {{key: '{name}', bubbles: true}}))""")

        for name in ("Home", "ArrowUp", "ArrowUp", "Enter"):
            key(name)
        zoomed = f"({INSIDE}.getElementById('zoomed') || {{}}).textContent"
        self.assertEqual(self.page.run(zoomed), "open_three: 41.7 %")
        before = self.page.run(f"{INSIDE}.location.hash")
        self.live("server")  # without that function
        self.page.until(f"!{INSIDE}.getElementById('zoomed')")
        self.live("shared2")
        self.page.until(f"Boolean({INSIDE}.getElementById('zoomed'))")
        self.assertEqual(self.page.run(zoomed), "open_three: 41.7 %")
        self.assertEqual(self.page.run(f"{INSIDE}.location.hash"), before)
        key("Escape")
        self.page.until(f"!{INSIDE}.getElementById('zoomed')")
        self.live("shared")
        self.page.until(f"{INSIDE}.querySelector('#steps button').textContent === 'All 60 events'")
        self.assertIsNone(self.page.run(f"{INSIDE}.getElementById('zoomed')"))
        self.assertEqual(self.page.noise, [])

    def test_a_token_opens_it_once_for_all(self):
        self.start(env={"JTRACE_SERVE_TOKEN": TOKEN}, path=f"/?token={TOKEN}")
        self.publish("java")
        self.graph("/window/1.html")
        self.assertEqual(self.page.run("location.pathname + location.search"), "/")
        self.assertEqual(self.page.run("document.cookie"), "")  # for the server alone
        self.assertEqual(self.page.noise, [])

    def test_a_server_that_is_gone_is_said(self):
        self.start()
        self.publish("java")
        self.graph("/window/1.html")
        self.driver_("kill")
        self.page.until("document.getElementById('state').textContent.startsWith('jtrace does not answer')")
        self.assertIn("java (pid 4242)", self.inside("meta"))


if __name__ == "__main__":
    serve_case.Driver.program = sys.argv[1]
    if chromium.find() is None and "browser" not in os.environ.get("JTRACE_REQUIRE", ""):
        print("skipped: no chromium")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
