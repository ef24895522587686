# SPDX-License-Identifier: Apache-2.0
"""What the tests of the page share: the pages, a browser, and what a person does and sees there.

TEST WRITE_PAGES TEMPLATE [JTRACE]: WRITE_PAGES (test/browser/write_pages.cpp) writes the pages,
TEMPLATE is the page as built in; with JTRACE, as root, the page of a real trace is opened too. With
JTRACE_SCREENSHOTS=DIR pictures of the page are kept there. Exit status 77 (skipped) without a
Chromium, unless JTRACE_REQUIRE names `browser`.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

import chromium

# A name that is markup, hidden in JSON only by the exporter's escapes.
MARKUP = "</script><img src=x onerror=alert(1)>"


class PageCase(unittest.TestCase):
    write_pages = template = jtrace = None
    which = []  # of the pages, all but the largest

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="jtrace-pages-")
        subprocess.run([cls.write_pages, cls.folder.name, *cls.which], check=True)
        cls.browser = chromium.Browser(chromium.find())

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.folder.cleanup()

    def setUp(self):
        self.page = self.browser.page()
        self.page.size(1600, 1000)
        self.page.media("light")

    def path(self, name):
        return os.path.join(self.folder.name, name + ".html")

    def open(self, name):
        self.page.open(self.path(name))

    def text(self, element):
        """Text of an element; of one that is not there, nothing."""
        return self.page.run(f"(document.getElementById('{element}') || {{}}).textContent || ''")

    def steps(self):
        """What the line above the graph says is shown."""
        return self.page.run("[...document.querySelectorAll('#steps button')].map(b => b.textContent)")

    def address(self):
        """The fragment, once what is written late has been written."""
        self.page.run("new Promise(done => setTimeout(done, 300))")
        return self.page.run("decodeURIComponent(location.hash)")

    def rows(self):
        return self.page.run("[...document.querySelectorAll('#rows .row')]"
                             ".map(r => [...r.children].map(c => c.textContent))")

    def press(self, element):
        self.page.run(f"document.getElementById('{element}').click()")
        self.page.frame()

    def go_to(self, *keys):
        """The keyboard's frame after keys from the root."""
        self.page.run("document.getElementById('graph').focus()")
        for key in ("Home",) + keys:
            self.page.key(key)
        return self.text("spoken").split(", ")[0]

    def search(self, text):
        self.page.run("document.getElementById('search').select()")
        self.page.type(text)
        return self.text("matched")

    def tip(self):
        return self.page.run("document.getElementById('tip').hidden ? null :"
                             " document.querySelector('#tip strong').textContent")

    def box(self):
        return self.page.run("(({left, top, width, height}) => ({left, top, width, height}))"
                             "(document.getElementById('graph').getBoundingClientRect())")

    def colours(self):
        """How many different pixels the canvas has, sampled."""
        return self.page.run("""(() => {
            const c = document.getElementById('graph');
            const d = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);
            const seen = new Set();
            for (let i = 0; i < d.length; i += 13) seen.add(d[i]);
            return seen.size; })()""")

    def point_at(self, name, click=False, **how):
        """Moves the mouse over the canvas until the tooltip shows `name`."""
        at = self.page.run("""((name) => {
            const canvas = document.getElementById('graph');
            const box = canvas.getBoundingClientRect();
            for (let y = box.bottom - 16; y > box.top; y -= 20) {
              for (const share of [.02, .1, .25, .4, .55, .7, .85, .97]) {
                const at = {clientX: box.left + box.width * share, clientY: y};
                canvas.dispatchEvent(new MouseEvent('mousemove', at));
                if (document.querySelector('#tip strong').textContent === name &&
                    !document.getElementById('tip').hidden) return at;
              }
            }
            return null; })(""" + json.dumps(name) + ")")
        self.assertIsNotNone(at, f"no frame shows {name!r}")
        self.page.mouse(at["clientX"], at["clientY"], click, **how)
        if not click:
            self.assertEqual(self.tip(), name)

    def quiet(self, name=None):
        self.assertEqual(self.page.noise, [])
        wanted = [] if name is None else ["file://" + self.path(name)]
        self.assertEqual(self.page.requests, wanted)

    def saved(self, key, suffix):
        """The file that a key saves."""
        self.browser.call("Browser.setDownloadBehavior",
                          {"behavior": "allow", "downloadPath": self.folder.name})
        path = pathlib.Path(self.folder.name, "syscalls_sys_enter_openat" + suffix)
        path.unlink(missing_ok=True)
        self.page.key(key)
        end = time.monotonic() + 20
        while not path.exists() and time.monotonic() < end:
            self.page.frame()
        return path.read_bytes()


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    PageCase.write_pages, PageCase.template, PageCase.jtrace = (sys.argv[1:] + [None])[:3]
    if chromium.find() is None and "browser" not in os.environ.get("JTRACE_REQUIRE", ""):
        print("skipped: no chromium")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
