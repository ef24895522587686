#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of a difference in a real browser; see page_case.py.

The profile is "difference" of test/support/sample_differences.cpp: 1,000 events to 1,500; Store.get as
it was, Audit.log shrank, Cache.miss grew, Old.path is gone, Fresh.path is new.
"""

import os
import pathlib

from page_case import PageCase, main


class Difference(PageCase):
    def pixel(self, name):
        """The colour of a frame at its left edge, where no label is."""
        return self.page.run("""((name) => {
            const c = document.getElementById('graph'), box = c.getBoundingClientRect();
            const shown = () => document.querySelector('#tip strong').textContent;
            for (let y = box.bottom - 16; y > box.top; y -= 20) {
              for (let x = box.left + 1; x < box.right; x += 2) {
                c.dispatchEvent(new MouseEvent('mousemove', {clientX: x, clientY: y}));
                if (shown() !== name) continue;
                const copy = document.createElement('canvas').getContext('2d');
                copy.drawImage(c, x - box.left + 3, y - box.top - 6, 1, 1, 0, 0, 1, 1);
                return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3);
              }
            }
            return null; })(""" + repr(name) + ")")

    def tip_text(self, name):
        self.point_at(name)
        return self.page.run("[...document.querySelectorAll('#tip span')].map(s => s.textContent)")

    def test_header_names_both_inputs(self):
        self.open("difference")
        self.assertEqual(self.text("title"), "syscalls:sys_enter_openat: difference")
        meta = self.text("meta")
        for part in ("before.pb.gz, syscalls:sys_enter_openat, java (pid 4242), build-7.example,"
                     " 2026-07-25 17:20:00 UTC", "after.pb.gz", "1,000 → 1,500 events, +500 (+50 %)"):
            self.assertIn(part, meta)
        self.assertIn("adds up", self.text("figures"))
        self.quiet("difference")

    def test_new_gone_and_changed_frames_are_told_apart(self):
        self.open("difference")
        self.assertEqual(self.tip_text("app/Old.path"),
                         ["200 → 0 events · gone · 20.0 % → 0 %", "self 0 events · 0 %", "Java · gone"])
        self.assertEqual(self.tip_text("app/Fresh.path")[0], "0 → 700 events · new · 0 % → 46.7 %")
        self.assertEqual(self.tip_text("app/Cache.miss")[0],
                         "100 → 340 events · +240 (+240 %) · 10.0 % → 22.7 %")
        self.assertEqual(self.tip_text("app/Audit.log")[0],
                         "300 → 60 events · −240 (−80 %) · 30.0 % → 4.0 %")
        self.assertEqual(self.tip_text("app/Store.get")[2], "Java · same")
        red, _, blue = self.pixel("app/Fresh.path")
        self.assertGreater(red, blue + 60)
        red, _, blue = self.pixel("app/Old.path")
        self.assertGreater(blue, red + 60)
        red, _, blue = self.pixel("app/Cache.miss")
        self.assertGreater(red, blue + 30)
        red, _, blue = self.pixel("app/Audit.log")
        self.assertGreater(blue, red + 30)
        red, _, blue = self.pixel("app/Store.get")
        self.assertLess(abs(red - blue), 30)
        self.assertEqual(len(self.page.run("[...document.querySelectorAll('#legend li')]")), 7)
        self.quiet("difference")

    def test_widths_of_either_side_and_of_both(self):
        self.open("difference")
        share = """((name) => {
            const c = document.getElementById('graph'), box = c.getBoundingClientRect();
            let n = 0;
            for (let y = box.bottom - 16; y > box.top; y -= 20)
              for (let x = 0; x < 100; x++) {
                c.dispatchEvent(new MouseEvent('mousemove',
                    {clientX: box.left + box.width * (x + .5) / 100, clientY: y}));
                n += !document.getElementById('tip').hidden &&
                     document.querySelector('#tip strong').textContent === name;
              }
            return n; })"""
        # Of both, a stack is as wide as where it has more: 400 + 300 + 340 + 200 + 700 = 1,940.
        for width, old, fresh, audit in (("both", 10, 36, 15), ("base", 20, 0, 30), ("new", 0, 47, 4)):
            self.press("width-" + width)
            for name, wanted in (("app/Old.path", old), ("app/Fresh.path", fresh),
                                 ("app/Audit.log", audit)):
                self.assertAlmostEqual(self.page.run(share + f"('{name}')"), wanted, delta=1.01)
            # What the callers have in all stays, whatever is drawn.
            self.assertEqual(self.tip_text("app/Server.loop")[0],
                             "1,000 → 1,500 events · +500 (+50 %) · 100.0 %")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("w")
        self.assertEqual(self.page.run("document.getElementById('width-both').ariaPressed"), "true")
        self.quiet("difference")

    def test_equal_totals_compare_shares(self):
        self.open("difference")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("e")
        self.assertEqual(self.tip_text("app/Store.get")[0],
                         "400 events · −33 % at equal totals · 40.0 % → 26.7 %")
        self.assertEqual(self.tip_text("app/Server.loop")[2], "Java · same")
        self.assertIn("equal=1", self.address())
        self.page.open(self.path("difference"), "#equal=1")
        self.assertEqual(self.tip_text("app/Server.loop")[2], "Java · same")
        self.quiet("difference")

    def test_table_has_before_after_and_difference(self):
        self.open("difference")
        self.press("table")
        rows = {row[0]: row[1:] for row in self.rows()}
        self.assertEqual(rows["app/Fresh.path"], ["new", "0", "0", "700", "+700"])
        self.assertEqual(rows["app/Old.path"], ["gone", "0", "200", "0", "−200"])
        self.assertEqual(rows["open64"], ["shrank", "−200", "1,000", "800", "−200"])
        self.assertEqual(self.rows()[0][0], "app/Fresh.path")
        self.page.run("document.querySelectorAll('#columns button')[5].click()")
        self.assertEqual(self.rows()[0][0], "app/Audit.log")
        self.assertIn("sort=delta", self.address())
        self.page.run("document.querySelectorAll('#columns button')[1].click()")
        self.assertEqual({row[1] for row in self.rows()[:2]}, {"new"})
        self.page.run("document.querySelector('#rows .row').click()")
        self.page.frame()
        self.assertIn("callers above", self.steps()[1])
        self.quiet("difference")

    def test_every_view_and_step_keeps_both_counts(self):
        self.open("difference")
        self.assertEqual(self.steps(), ["All 1,000 → 1,500 events"])
        self.assertEqual(self.search("Old|Audit"), "50.0 % → 4.0 % matched, 500 → 60 events")
        self.page.key("Escape")
        self.page.key("r")
        self.assertEqual(self.go_to("ArrowUp"), "open64")
        self.assertIn("1,000 → 800 events", self.text("spoken"))
        self.page.run("document.getElementById('width-new').click()")
        self.page.frame()
        self.assertEqual(self.go_to("ArrowUp", "ArrowUp", "ArrowLeft"), "app/Cache.miss")
        self.page.key("x")  # a node of what is drawn, among those that are not
        self.assertEqual(self.steps()[0], "900 → 1,160 events of 1,000 → 1,500 events")
        self.page.key("r")
        self.assertEqual(self.go_to(*["ArrowUp"] * 3), "app/Fresh.path")
        self.page.key("x")
        self.assertEqual(self.steps()[0], "900 → 460 events of 1,000 → 1,500 events")
        self.page.key("a")
        self.page.run("document.getElementById('width-both').click()")
        self.point_at("app/Old.path")
        self.page.key("f")
        self.assertEqual(self.steps()[0], "200 → 0 events of 1,000 → 1,500 events")
        self.press("width-new")
        self.assertIn("This side has none", self.text("empty"))
        self.quiet("difference")

    def test_address_holds_widths(self):
        self.open("difference")
        self.press("width-new")
        self.point_at("app/Cache.miss", click=True)
        address = self.address()
        self.assertIn("width=new", address)
        told = self.steps()
        self.assertEqual(told[1], "Cache.miss: 10.0 % → 22.7 %")
        self.page = self.browser.page()
        self.page.open(self.path("difference"), address)
        self.page.frame()
        self.assertEqual(self.steps(), told)
        for fragment in ("#width=none&equal=7&sort=total", "#width=new&zoom=999", "#cut=99&width=base"):
            self.page.open(self.path("difference"), fragment)
            self.page.frame()
            self.assertEqual(self.steps(), ["All 1,000 → 1,500 events"])
        self.page.open(self.path("java"), "#width=base&equal=1&sort=delta")
        self.assertEqual(self.steps(), ["All 1,234 events"])
        self.assertTrue(self.page.run("document.getElementById('widths').hidden"))
        self.assertEqual(self.page.noise, [])

    def test_zoom_stays_where_it_is_when_widths_change(self):
        self.open("difference")
        self.point_at("app/Cache.miss", click=True)
        for width in ("new", "base", "both"):
            self.press("width-" + width)
            self.assertEqual(self.steps()[1], "Cache.miss: 10.0 % → 22.7 %")

    def test_saves_both_columns(self):
        self.open("difference")
        golden = pathlib.Path(__file__).parents[1] / "golden/collapsed/difference.expected"
        plain = golden.read_text(encoding="utf-8").replace("_[j]", "").replace("_[0]", "")
        stacks = {}
        for line in plain.splitlines():  # where the JIT made two of one
            path, before, after = line.rsplit(" ", 2)
            old = stacks.get(path, (0, 0))
            stacks[path] = (old[0] + int(before), old[1] + int(after))
        saved = self.saved("s", ".collapsed").decode().replace("_[0]", "").splitlines()
        self.assertEqual(sorted(saved), sorted(f"{path} {a} {b}" for path, (a, b) in stacks.items()))
        self.assertGreater(len(self.saved("p", ".png")), 5000)

    def test_hostile_names_stay_text(self):
        self.open("hostile-difference")
        self.assertEqual(self.page.run("document.images.length"), 0)
        for view in ("stacks", "reverse", "table"):
            self.press(view)
            self.assertEqual(self.page.run("document.querySelectorAll('img, svg, iframe').length"), 0)
            self.assertEqual(self.page.run("document.scripts.length"), 2)
        self.assertIn("</script><img src=x onerror=alert(3)>", self.text("meta"))
        self.assertIn("\\x1b[31m\\u202e.html", self.text("meta"))
        shown = self.page.run("document.body.innerText")
        for hidden in "\u202e\u2066\u200b\u2028\u001b":
            self.assertNotIn(hidden, shown)
        self.quiet("hostile-difference")

    def test_large_difference_in_every_view(self):
        self.open("large-difference")
        self.page.frame()
        load = self.page.run("performance.getEntriesByType('navigation')[0].loadEventEnd")
        nodes = self.page.run("JSON.parse(document.getElementById('profile').textContent).nodes")
        print(f"\n{nodes} frames: loaded in {load:.0f} ms")
        self.assertGreaterEqual(nodes, 100000)
        self.assertLess(load, 5000)
        for fragment in ("#view=table", "#view=reverse&width=base", "#width=new"):
            self.page.open(self.path("large-difference"), fragment)
            self.page.frame()
            self.quiet("large-difference")

    def test_narrow_window_has_nothing_cut_off(self):
        for width, view in ((420, "stacks"), (320, "reverse"), (420, "table")):
            self.page.size(width, 800)
            self.page.open(self.path("difference"), "#view=" + view)
            self.page.frame()
            self.assertEqual(self.page.run(f"[...document.querySelectorAll('body *')].filter(e =>"
                                           f" e.getBoundingClientRect().right > {width})"
                                           f".map(e => e.id || e.tagName)"), [])
            self.assertGreater(self.page.run("document.querySelector('main').clientHeight"), 150)

    def test_screenshots(self):
        folder = os.environ.get("JTRACE_SCREENSHOTS", self.folder.name)
        os.makedirs(folder, exist_ok=True)
        for scheme in ("light", "dark"):
            self.page.media(scheme)
            for width, height in ((1600, 700), (420, 800)):
                self.page.size(width, height, 1 if width > 1000 else 2)
                for view in ("stacks", "table"):
                    self.page.open(self.path("large-difference"), "#view=" + view)
                    self.page.frame()
                    path = os.path.join(folder, f"difference-{scheme}-{width}-{view}.png")
                    self.page.screenshot(path)
                    self.assertGreater(os.path.getsize(path), 10000)


if __name__ == "__main__":
    main()
