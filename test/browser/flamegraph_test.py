#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The flame graph page in a real browser.

flamegraph_test.py WRITE_PAGES TEMPLATE: WRITE_PAGES (test/browser/write_pages.cpp) writes the pages,
TEMPLATE is assets/flamegraph.html. With JTRACE_SCREENSHOTS=DIR pictures of the page are kept there.
Exit status 77 (skipped) without a Chromium, unless JTRACE_REQUIRE names `browser`.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import chromium

WRITE_PAGES = TEMPLATE = None

# A name that is markup, hidden in JSON only by the exporter's escapes.
MARKUP = "</script><img src=x onerror=alert(1)>"


class FlameGraph(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="jtrace-pages-")
        subprocess.run([WRITE_PAGES, cls.folder.name], check=True)
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
        return self.page.run(f"document.getElementById('{element}').textContent")

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

    def point_at(self, name, click=False):
        """Moves the mouse over the canvas until the tooltip shows `name`."""
        box = self.box()
        y = box["top"] + box["height"] - 16
        while y > box["top"]:
            for share in (.02, .1, .25, .4, .55, .7, .85, .97):
                x = box["left"] + box["width"] * share
                self.page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
                if self.tip() == name:
                    self.page.mouse(x, y, click)
                    return
            y -= 20
        self.fail(f"no frame shows {name!r}")

    def quiet(self, name=None):
        self.assertEqual(self.page.noise, [])
        wanted = [] if name is None else ["file://" + self.path(name)]
        self.assertEqual(self.page.requests, wanted)

    def test_every_page_draws_and_asks_for_nothing(self):
        for path in sorted(pathlib.Path(self.folder.name).glob("*.html")):
            with self.subTest(path.stem):
                self.open(path.stem)
                self.page.frame()
                self.quiet(path.stem)
                if path.stem == "empty":
                    self.assertFalse(self.page.run("document.getElementById('empty').hidden"))
                else:
                    self.assertGreater(self.colours(), 5)

    def test_template_opens_alone(self):
        self.page.open(TEMPLATE)
        self.page.frame()
        self.assertEqual(self.page.noise, [])
        self.assertGreater(self.colours(), 5)
        self.assertEqual(self.text("title"), "syscalls:sys_enter_openat")
        self.assertIn("100 events", self.text("meta"))

    def test_header_and_ledger(self):
        self.open("java")
        for fact in ("java (pid 4242)", "build-7.example", "2026-07-25 17:20:00 UTC", "30.2 s",
                     "1,234 events"):
            self.assertIn(fact, self.text("meta"))
        self.assertEqual(self.text("title"), "syscalls:sys_enter_openat")
        self.assertIn("adds up", self.text("figures"))
        for line in ("ring buffer full76", "recursionnot measurable", "fired1,310"):
            self.assertIn(line, self.text("lines"))
        self.open("unknown")
        self.assertIn("does not add up", self.text("figures"))

    def test_search_counts_nested_matches_once(self):
        self.open("java")
        self.assertEqual(self.search("Audit"), "24.3 % matched, 300 events")
        # app/Server.loop, handle, Store.get and Audit.log lie in one another.
        self.assertEqual(self.search("^app/"), "97.2 % matched, 1,200 events")
        self.assertEqual(self.search("OPEN0"), "0 % matched, 0 events")
        self.assertEqual(self.search("open0|sys_open"), "100.0 % matched, 1,234 events")
        self.assertEqual(self.search("("), "not a regular expression")
        self.page.key("Escape")
        self.assertEqual(self.text("matched"), "")
        self.quiet("java")

    def test_search_marks_frames_and_next_goes_to_them(self):
        self.open("java")
        before = self.colours()
        self.search("Audit")
        self.assertNotEqual(self.colours(), before)
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("n")
        self.assertTrue(self.text("spoken").startswith("app/Audit.log, Java, C1, 300 events"))

    def test_click_zooms_and_escape_goes_back(self):
        self.open("java")
        self.point_at("app/Audit.log", click=True)
        self.page.until("document.getElementById('zoomed').textContent === 'Audit.log: 24.3 %'")
        # Zoomed, the frame is as wide as the canvas.
        box = self.box()
        self.point_at("app/Audit.log")
        for x in (box["left"] + 3, box["left"] + box["width"] - 4):
            y = self.page.run("document.getElementById('tip').getBoundingClientRect().bottom + 14")
            self.page.mouse(x, y)
            self.assertEqual(self.tip(), "app/Audit.log")
        self.assertEqual(self.search("open0"), "97.2 % matched, 1,200 events · 100.0 % of the zoom")
        self.page.key("Escape")
        self.page.key("Escape")
        self.assertEqual(self.text("zoomed"), "")
        self.point_at("app/Audit.log", click=True)
        self.page.key("0")
        self.assertEqual(self.text("zoomed"), "")
        self.quiet("java")

    def test_keyboard_alone(self):
        self.open("java")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("Home")
        self.assertTrue(self.text("spoken").startswith("all"))
        for name in ("java/lang/Thread.run", "app/Server.loop", "app/Server.handle",
                     "app/Store.get", "java/io/FileInputStream.open0"):
            self.page.key("ArrowUp")
            self.assertTrue(self.text("spoken").startswith(name + ", "), self.text("spoken"))
        self.page.key("ArrowLeft")
        self.assertTrue(self.text("spoken").startswith("app/Audit.log"))
        self.page.key("Enter")
        self.page.until("document.getElementById('zoomed').textContent === 'Audit.log: 24.3 %'")
        self.page.key("ArrowDown")
        self.assertTrue(self.text("spoken").startswith("app/Store.get"))
        self.page.key("/")
        self.assertEqual(self.page.run("document.activeElement.id"), "search")

    def test_icicle_has_the_root_at_the_top(self):
        self.open("java")
        box = self.box()
        at_top = (box["left"] + 40, box["top"] + 16)
        at_bottom = (box["left"] + 40, box["top"] + box["height"] - 16)
        self.page.mouse(*at_bottom)
        self.assertEqual(self.tip(), "all")
        self.page.key("i")
        self.page.mouse(*at_bottom)
        self.assertIsNone(self.tip())
        self.page.mouse(*at_top)
        self.assertEqual(self.tip(), "all")

    def test_dark_mode_follows_the_system_and_the_key(self):
        theme = "document.documentElement.dataset.theme"
        self.open("java")
        self.assertEqual(self.page.run(theme), "light")
        self.page.media("dark")
        self.page.until(theme + " === 'dark'")
        self.page.key("d")
        self.assertEqual(self.page.run(theme), "light")
        self.page.open(self.path("java"))
        self.assertEqual(self.page.run(theme), "dark")

    def test_drawing_is_deterministic(self):
        pixels = "document.getElementById('graph').toDataURL()"
        self.open("server")
        self.page.frame()
        first = self.page.run(pixels)
        self.open("server")
        self.page.frame()
        self.assertEqual(self.page.run(pixels), first)

    def test_hostile_names_stay_text(self):
        self.open("hostile")
        self.point_at(MARKUP)
        self.assertEqual(self.page.run("document.images.length"), 0)
        self.assertEqual(self.page.run("document.scripts.length"), 2)
        self.assertEqual(self.page.run("document.querySelectorAll('main *').length"), 4)
        self.assertTrue(self.text("title").startswith("</title><script>alert(1)</script>\\u202etxt"))
        self.assertIn("<img src=x onerror=alert(1)>", self.text("meta"))
        self.assertIn("<script>alert(2)</script>\\x0a", self.text("lines"))
        shown = self.page.run("document.body.innerText")
        for hidden in "\u202e\u2066\u200b\u2028\u001b":
            self.assertNotIn(hidden, shown)
        self.quiet("hostile")

    def test_policy_stops_what_is_not_of_the_page(self):
        source = pathlib.Path(self.path("java")).read_text(encoding="utf-8")
        self.assertNotIn("unsafe-inline';", source.split("</head>")[0].split("<title>")[0])
        spoiled = pathlib.Path(self.folder.name, "spoiled.htm")
        spoiled.write_text(source.replace("<footer>", "<script>window.ran = 1</script>"
                                          "<img src='data:,x' onerror='window.ran = 2'><footer>"),
                           encoding="utf-8")
        self.page.open(spoiled)
        self.page.frame()
        self.assertIsNone(self.page.run("window.ran"))
        self.assertTrue(any("Content Security Policy" in line for line in self.page.noise))
        self.assertGreater(self.colours(), 5)

    def test_more_rows_than_a_canvas_can_be_high(self):
        self.open("deep")
        size = self.page.run("""({rows: document.getElementById('room').offsetHeight,
            canvas: document.getElementById('graph').height,
            scroll: document.getElementById('view').scrollTop})""")
        self.assertGreater(size["rows"], 3500 * 20)
        self.assertLess(size["canvas"], 1000)
        self.assertGreater(size["scroll"], 3400 * 20)  # the root is in sight
        box = self.box()
        self.page.mouse(box["left"] + 400, box["top"] + box["height"] - 16)
        self.assertEqual(self.tip(), "all")
        for height in (500, 1100, 700):  # and stays there
            self.page.size(1600, height)
            self.page.frame()
            box = self.box()
            self.page.mouse(box["left"] + 400, box["top"] + box["height"] - 16)
            self.assertEqual(self.tip(), "all")
        self.page.run("document.getElementById('view').scrollTop = 0")
        self.page.frame()
        self.assertGreater(self.colours(), 3)
        self.quiet("deep")

    def test_100000_frames_open_quickly(self):
        self.open("large")
        self.page.frame()
        times = self.page.run("""(() => {
            const n = performance.getEntriesByType('navigation')[0];
            return {load: n.loadEventEnd, nodes: JSON.parse(
                document.getElementById('profile').textContent).levels.length}; })()""")
        redraw = self.page.run("""(async () => {
            const view = document.getElementById('view');
            const start = performance.now();
            for (let i = 0; i < 20; i++) {
              view.scrollTop = i * 40;
              await new Promise(requestAnimationFrame);
            }
            return (performance.now() - start) / 20; })()""")
        print(f"\n{times['nodes']} frames: loaded in {times['load']:.0f} ms, "
              f"{redraw:.1f} ms a scrolled picture")
        self.assertGreaterEqual(times["nodes"], 100000)
        self.assertLess(times["load"], 5000)  # 0.3 s on a quiet machine; this one may be busy

    def test_narrow_window_has_nothing_cut_off(self):
        for width in (420, 320):
            self.page.size(width, 800)
            self.open("server")
            self.page.frame()
            self.assertEqual(self.page.run(f"[...document.querySelectorAll('body *')].filter(e =>"
                                           f" e.getBoundingClientRect().right > {width})"
                                           f".map(e => e.id || e.tagName)"), [])
            self.assertLessEqual(self.page.run("document.documentElement.scrollWidth"), width)
            self.assertGreater(self.box()["height"], 150)

    def test_screenshots(self):
        folder = os.environ.get("JTRACE_SCREENSHOTS", self.folder.name)
        os.makedirs(folder, exist_ok=True)
        for scheme in ("light", "dark"):
            self.page.media(scheme)
            for width, height in ((1600, 1000), (420, 800)):
                self.page.size(width, height, 1 if width > 1000 else 2)
                self.open("server")
                path = os.path.join(folder, f"server-{scheme}-{width}.png")
                self.page.screenshot(path)
                self.assertGreater(os.path.getsize(path), 10000)
            self.page.size(1600, 1000)
            self.open("server")
            self.point_at("org/example/shop/CatalogController.list", click=True)
            self.page.run("document.getElementById('ledger').open = true")
            self.search("Template")
            self.page.screenshot(os.path.join(folder, f"server-{scheme}-search.png"))


def main():
    global WRITE_PAGES, TEMPLATE
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    WRITE_PAGES, TEMPLATE = sys.argv[1:]
    if chromium.find() is None and "browser" not in os.environ.get("JTRACE_REQUIRE", ""):
        print("skipped: no chromium")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
