#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of windows in a real browser, against a server that runs.

browser_test.py DRIVER. Exit status 77 (skipped) without a Chromium, unless JTRACE_REQUIRE names
`browser`. With JTRACE_SCREENSHOTS=DIR a picture is kept there.
"""

import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "browser"))

import chromium
import serve_case
from serve_case import TOKEN, ServeCase

INSIDE = "(document.getElementById('graph') || {}).contentDocument"


class Windows(ServeCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Browser(chromium.find())

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def start(self, *settings, env=None, path="/"):
        self.driver_ = self.driver("serve=127.0.0.1:0", *settings, env=env)
        self.page = self.browser.page()
        self.page.size(1400, 900)
        self.page.call("Page.navigate", url=f"http://127.0.0.1:{self.driver_.ports['serve']}{path}")
        self.page.until("(document.getElementById('state') || {}).textContent")

    def publish(self, *names):
        for name in names:
            self.driver_("window " + name)
        self.driver_("counters")

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
        self.page.until("document.getElementById('window').options.length === 4")
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
        self.publish("java", "hostile", "java")
        self.graph("/window/3.html")
        self.assertFalse(self.page.run("document.getElementById('processes').hidden"))
        targets = self.page.run("[...document.getElementById('process').options].map(o => o.value)")
        other = [i for i, one in enumerate(targets) if one and one != "java (pid 4242)"]
        self.assertEqual(len(other), 1)
        self.page.run(f"""(() => {{ const s = document.getElementById('process'); s.selectedIndex = {other[0]};
            s.dispatchEvent(new Event('change')); }})()""")
        self.graph("/window/2.html")
        self.assertEqual(self.page.run("document.getElementById('window').options.length"), 2)
        self.assertEqual(self.page.run("document.querySelectorAll('img, script:not([src])').length"), 1)
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
