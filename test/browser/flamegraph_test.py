#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The flame graph page in a real browser; see page_case.py."""

import os
import pathlib
import shutil
import struct
import subprocess

import chromium
from page_case import MARKUP, PageCase, main


class FlameGraph(PageCase):
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
        self.page.open(self.template)
        self.page.frame()
        self.assertEqual(self.page.noise, [])
        self.assertGreater(self.colours(), 5)
        self.assertEqual(self.text("title"), "syscalls:sys_enter_openat")
        self.assertIn("100 events", self.text("meta"))

    def test_source_opens_from_its_folder(self):
        source = pathlib.Path(__file__).parents[2] / "user/export/assets/flamegraph.html"
        self.page.open(source)
        self.page.frame()
        self.assertEqual(self.page.noise, [])
        self.assertGreater(self.colours(), 5)
        self.assertEqual([url for url in self.page.requests if not url.startswith("file:")], [])

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

    def test_reversed_stacks_are_merged_from_their_leaves(self):
        self.open("java")
        self.page.key("r")
        self.assertEqual(self.steps(), ["All 1,234 events", "from the leaves"])
        self.assertEqual(self.go_to("ArrowUp"), "open64")
        self.assertIn("1,200 events", self.text("spoken"))
        self.assertNotIn("self", self.text("spoken"))
        self.assertEqual(self.go_to(*["ArrowUp"] * 4), "app/Store.get")  # the wider of two callers
        self.assertIn("900 events", self.text("spoken"))
        self.assertEqual(self.search("Audit"), "24.3 % matched, 300 events")
        self.page.key("Escape")
        self.page.key("r")
        self.assertEqual(self.steps(), ["All 1,234 events"])
        self.quiet("java")

    def test_table_sorts_and_is_searched(self):
        self.open("java")
        self.page.key("t")
        rows = {row[0]: row[1:] for row in self.rows()}
        self.assertEqual(rows["app/Audit.log"], ["Java, C1", "0", "0 %", "300", "24.3 %"])
        self.assertEqual(rows["open64"][1:], ["1,200", "97.2 %", "1,234", "100.0 %"])
        totals = [int(row[4].replace(",", "")) for row in self.rows()]
        self.assertEqual(totals, sorted(totals, reverse=True))
        self.page.run("document.querySelector('#columns button').click()")
        names = [row[0] for row in self.rows()]
        self.assertEqual(names, sorted(names))
        self.page.run("document.querySelector('#columns button').click()")
        self.assertEqual([row[0] for row in self.rows()], names[::-1])
        self.page.run("document.querySelectorAll('#columns button')[2].click()")
        self.assertEqual(self.rows()[0][0], "open64")
        self.search("^app/")
        self.assertEqual(sorted(row[0] for row in self.rows()),
                         ["app/Audit.log", "app/Server.handle", "app/Server.loop", "app/Store.get"])
        self.quiet("java")

    def test_table_leads_to_callers_and_callees(self):
        self.open("java")
        self.press("table")
        self.page.run("[...document.querySelectorAll('#rows .row')]"
                      ".find(row => row.textContent.startsWith('app/Store.get')).click()")
        self.page.frame()
        self.assertEqual(self.steps()[1], "callers above and callees below Store.get: 1,200 events, 97.2 %")
        self.assertEqual(self.go_to("ArrowUp"), "app/Server.handle")
        self.assertEqual(self.go_to("ArrowUp", "ArrowUp", "ArrowUp"), "java/lang/Thread.run")
        self.assertEqual(self.go_to("ArrowDown"), "java/io/FileInputStream.open0")
        self.assertIn("75.0 % of the frame", self.text("spoken"))
        self.assertEqual(self.go_to("ArrowDown", "ArrowLeft"), "app/Audit.log")
        self.page.key("Enter")  # zooms the callees; the callers stay whole
        self.assertEqual(self.text("zoomed"), "Audit.log: 24.3 %")
        self.point_at("app/Server.handle")
        self.assertIn("1,200 events", self.text("tip"))
        self.page.run("history.go(-2)")
        self.page.until("!document.getElementById('list').hidden")
        self.quiet("java")

    def test_table_by_keyboard(self):
        self.open("java")
        self.press("table")  # the arrow keys go on in what the button led to
        for _ in range(3):
            self.page.key("ArrowDown")
        name = self.rows()[3][0]
        self.assertTrue(self.text("spoken").startswith(name + ", self "))
        self.page.key("f")
        self.assertEqual(len(self.steps()), 2)
        self.assertEqual(self.page.run("document.querySelector('[aria-selected=true] span').textContent"), name)
        self.page.key("Enter")
        self.assertIn("callers above", self.steps()[2])
        self.page.key("Backspace")
        self.page.until("!document.getElementById('list').hidden")
        self.quiet("java")

    def test_recursion_counts_once(self):
        self.open("server")
        self.page.key("t")
        self.assertLessEqual(max(int(row[4].replace(",", "")) for row in self.rows()), 24550)
        self.search("FilterChain.doFilter$")
        row = self.rows()[0]
        self.page.run("document.querySelector('#rows .row').click()")
        self.page.frame()
        self.assertIn(f": {row[4]} events, {row[5]}", self.steps()[1])

    def test_stacks_are_removed_and_brought_back(self):
        self.open("java")
        self.point_at("app/Audit.log", click=True, modifiers=chromium.CTRL)
        self.assertEqual(self.steps(), ["934 of 1,234 events", "without this Audit.log"])
        self.assertEqual(self.search("Audit"), "0 % matched, 0 events")
        self.page.key("Escape")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("u")
        self.page.until("document.querySelectorAll('#steps button').length === 1")
        self.assertEqual(self.go_to("ArrowUp", "ArrowUp", "ArrowRight"), "call_stub")
        self.page.key("X")
        self.assertEqual(self.steps(), ["1,200 of 1,234 events", "without call_stub"])
        self.point_at("app/Audit.log")
        self.page.key("f")
        self.assertEqual(self.steps(), ["300 of 1,234 events", "without call_stub", "only Audit.log"])
        self.page.key("Backspace")
        self.page.until("document.querySelectorAll('#steps button').length === 2")
        self.page.run("document.querySelectorAll('#steps button')[1].click()")
        self.assertEqual(self.steps(), ["All 1,234 events"])
        self.quiet("java")

    def test_removing_in_reversed_stacks_is_by_their_ends(self):
        self.open("java")
        self.page.key("r")
        self.go_to(*["ArrowUp"] * 4)
        self.page.key("x")
        self.assertEqual(self.steps()[0], "334 of 1,234 events")
        self.assertEqual(self.steps()[1], "without this Store.get")
        self.page.key("a")
        self.assertEqual(self.steps()[0], "All 1,234 events")

    def test_removing_everything_says_so_and_is_undone(self):
        self.open("java")
        self.go_to("ArrowUp")
        self.page.key("X")
        self.assertIn("No stacks are left", self.text("empty"))
        self.assertFalse(self.page.run("document.getElementById('empty').hidden"))
        self.page.key("u")
        self.page.until("document.getElementById('empty').hidden")
        self.assertGreater(self.colours(), 5)

    def test_zoom_stays_where_it_is_when_other_stacks_go(self):
        self.open("java")
        self.go_to(*["ArrowUp"] * 4)
        self.page.key("Enter")
        self.assertEqual(self.text("zoomed"), "Store.get: 97.2 %")
        self.point_at("app/Audit.log")
        self.page.key("x")
        self.assertEqual(self.text("zoomed"), "Store.get: 96.4 %")

    def test_address_holds_what_is_shown(self):
        self.open("java")
        self.point_at("app/Store.get", click=True)
        self.search("open")
        self.page.key("Enter")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("i")
        self.page.key("d")
        self.point_at("app/Audit.log")
        self.page.key("f")
        address = self.address()
        self.assertEqual(sorted(address[1:].split("&")),
                         ["icicle=1", "only=app/Audit.log", "q=open", "theme=dark", "zoom=4"])
        told = (self.steps(), self.text("matched"))
        self.page = self.browser.page()
        self.page.media("light")
        self.page.open(self.path("java"), address)
        self.page.frame()
        self.assertEqual((self.steps(), self.text("matched")), told)
        self.assertEqual(self.page.run("document.getElementById('search').value"), "open")
        self.assertEqual(self.page.run("document.documentElement.dataset.theme"), "dark")
        self.assertEqual(self.text("turn"), "Flame")
        self.page.open(self.path("java"), "#view=around&of=app/Store.get")
        self.assertIn("Store.get: 1,200 events", self.steps()[1])
        self.quiet("java")

    def test_back_and_forward(self):
        self.open("java")
        self.point_at("app/Audit.log", click=True)
        self.page.key("r")
        self.page.key("t")
        for view, zoomed in (("reverse", False), ("stacks", True), ("stacks", False)):
            self.page.run("history.back()")
            self.page.until(f"document.getElementById('{view}').getAttribute('aria-pressed') === 'true'"
                            f" && (document.getElementById('zoomed') !== null) === {str(zoomed).lower()}")
        self.page.run("history.forward()")
        self.page.until("document.getElementById('zoomed') !== null")
        self.quiet("java")

    def test_spoiled_addresses_do_no_harm(self):
        for fragment in ("#zoom=999999999&view=upside&of=nobody", "#view=around", "#cut=0&cut=5.77777&cut=-3",
                         "#only=nobody&without=all&q=(&theme=pink&sort=x", "#%ff%00&=&zoom=1e9",
                         "#q=" + "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"):
            with self.subTest(fragment):
                self.page.open(self.path("java"), fragment)
                self.page.frame()
                self.assertEqual(self.steps()[0], "All 1,234 events")
                self.assertGreater(self.colours(), 2)
                self.quiet("java")

    def test_saves_collapsed_text_of_what_is_shown(self):
        golden = pathlib.Path(__file__).parents[1] / "golden/collapsed/java.expected"
        lines = sorted(golden.read_text().splitlines())
        self.open("java")
        self.assertEqual(sorted(self.saved("s", ".collapsed").decode().splitlines()), lines)
        self.page.key("r")
        self.go_to(*["ArrowUp"] * 4)
        self.page.key("Enter")
        self.assertEqual(self.saved("s", ".collapsed").decode().splitlines(),
                         [line for line in lines if "Store.get_[i];java" in line])
        self.page.key("r")
        self.point_at("app/Audit.log")
        self.page.key("c")
        self.assertEqual(self.saved("s", ".collapsed").decode().splitlines(),
                         [line for line in lines if "Audit" in line])
        self.assertEqual([url for url in self.page.requests if not url.startswith(("file:", "blob:"))], [])

    def test_saves_a_picture(self):
        size = lambda png: struct.unpack(">II", png[16:24])
        self.open("java")
        width, height = size(self.saved("p", ".png"))
        box = self.box()
        self.assertEqual(width, 2 * round(box["width"] + 12))
        self.assertGreater(height, 2 * 9 * 20)  # every row, and a caption
        self.assertLess(height, 2 * box["height"])
        self.open("deep")  # 3500 rows are too many for a picture: what is seen of them
        self.page.key("p")
        self.page.until("document.getElementById('note').textContent.startsWith('Saved')")
        self.assertEqual(self.page.noise, [])

    def test_copies_names_and_stacks(self):
        self.open("java")
        self.page.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        self.go_to(*["ArrowUp"] * 3)
        self.page.key("y")
        self.assertEqual(self.page.run("window.copied"), "app/Server.handle")
        stack = "app/Server.handle\napp/Server.loop\njava/lang/Thread.run"
        self.page.key("Y")
        self.assertEqual(self.page.run("window.copied"), stack)
        self.page.key("c")
        self.go_to("ArrowUp", "ArrowUp")
        self.page.key("Y")
        self.assertEqual(self.page.run("window.copied"), stack)
        self.assertEqual(self.text("note"), "Copied the stack")

    def test_menu_and_guide(self):
        self.open("java")
        self.point_at("app/Audit.log", click=True, button="right")
        self.assertFalse(self.page.run("document.getElementById('menu').hidden"))
        self.page.key("ArrowDown")  # from callers and callees to only stacks with this
        self.page.key("Enter")
        self.page.run("document.activeElement.closest('#menu') && document.activeElement.click()")
        self.assertEqual(self.steps()[1:], ["only Audit.log"])
        self.assertTrue(self.page.run("document.getElementById('menu').hidden"))
        self.go_to("ArrowUp")
        self.page.key("m")
        self.page.key("c")  # keys mean with the menu what they mean without
        self.assertIn("callers above", self.steps()[2])
        self.page.key("u")
        self.page.until("document.querySelectorAll('#steps button').length === 2")
        self.go_to("ArrowUp")
        self.page.key("m")
        self.page.key("Escape")
        self.assertTrue(self.page.run("document.getElementById('menu').hidden"))
        self.page.key("?")
        self.assertTrue(self.page.run("document.getElementById('guide').open"))
        guide = self.text("keys")
        manual = (pathlib.Path(__file__).parents[2] / "docs/page.md").read_text(encoding="utf-8")
        for key in self.page.run("[...document.querySelectorAll('#keys kbd')].map(k => k.textContent)"):
            self.assertIn(f"`{key}`", manual)
        self.assertIn("Callers and callees", guide)
        self.page.key("x")  # keys below the guide sleep
        self.page.key("Escape")
        self.assertFalse(self.page.run("document.getElementById('guide').open"))
        self.assertEqual(self.steps()[1:], ["only Audit.log"])
        self.quiet("java")

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
        for view in ("stacks", "reverse", "table"):
            self.press(view)
            self.assertEqual(self.page.run("document.querySelectorAll('img, b, svg, iframe').length"),
                             self.page.run("document.querySelectorAll('#figures b').length"))
            self.assertEqual(self.page.run("document.scripts.length"), 2)
        self.assertIn(MARKUP, [row[0] for row in self.rows()])
        self.page.run("document.querySelector('#rows .row').click()")
        self.page.key("?")
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
                document.getElementById('profile').textContent).nodes}; })()""")
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

    def test_large_and_deep_pages_in_every_view(self):
        for name in ("large", "deep"):
            for view in ("table", "reverse", "stacks"):
                with self.subTest(f"{name}, {view}"):
                    self.page.open(self.path(name), "#view=" + view)
                    self.page.frame()
                    if view == "table":
                        self.assertLess(len(self.rows()), 60)  # those in sight
                        self.page.run("document.querySelector('#rows .row').click()")
                        self.page.frame()
                        self.assertIn("callers above", self.steps()[1])
                    self.assertGreater(self.colours(), 3)
                    self.assertLess(self.page.run("document.getElementById('graph').height"), 1000)
                    self.quiet(name)

    def test_real_trace(self):
        if self.jtrace is None or os.geteuid() != 0 or shutil.which("java") is None:
            self.skipTest("needs jtrace, root and a JDK")
        source = pathlib.Path(__file__).with_name("Shop.java")
        java = subprocess.Popen(["java", source], stdout=subprocess.PIPE)
        try:
            self.assertEqual(java.stdout.readline(), b"ready\n")
            subprocess.run([self.jtrace, "-q", "-t", "syscalls:sys_enter_openat", "-p", str(java.pid),
                            "-d", "2s", "-f", self.path("real")], check=True)
        finally:
            java.kill()
            java.wait()
            java.stdout.close()
        self.open("real")
        self.page.frame()
        self.quiet("real")
        self.assertIn(f"(pid {java.pid})", self.text("meta"))
        self.assertIn("adds up", self.text("figures"))
        self.assertRegex(self.search(r"^Shop\.(list|walk)$"), "^(100.0|9[5-9].*) % matched")
        self.page.key("Escape")
        self.page.key("t")
        shown = [row[0] for row in self.rows()]
        for name in ("Shop.main", "Shop.walk", "java/io/FileInputStream.open0"):
            self.assertIn(name, shown)
        self.page.open(self.path("real"), "#view=around&of=Shop.stream")
        self.page.frame()
        self.assertEqual(self.go_to("ArrowDown"), "java/io/FileInputStream.<init>")
        self.assertIn(self.go_to("ArrowUp"), ("Shop.walk", "Shop.list"))
        self.quiet("real")

    def test_narrow_window_has_nothing_cut_off(self):
        for width, view in ((420, "stacks"), (320, "stacks"), (420, "table"), (320, "reverse")):
            self.page.size(width, 800)
            self.page.open(self.path("server"), "#view=" + view)
            self.page.frame()
            self.assertEqual(self.page.run(f"[...document.querySelectorAll('body *')].filter(e =>"
                                           f" e.getBoundingClientRect().right > {width})"
                                           f".map(e => e.id || e.tagName)"), [])
            self.assertLessEqual(self.page.run("document.documentElement.scrollWidth"), width)
            self.assertGreater(self.page.run("document.querySelector('main').clientHeight"), 150)

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


if __name__ == "__main__":
    main()
