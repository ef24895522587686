#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weights, facets and histograms of the page in a real browser; see page_case.py.

The profile is "weighed" of test/support/sample_profiles.cpp: seven rows of reads and writes, 1,067
events, 61.7042 ms, weighed by latency.
"""

import os

from page_case import MARKUP, PageCase, main


class Weights(PageCase):
    def weigh(self, name):
        self.page.run("[...document.querySelectorAll('#weights button')]"
                      f".find(b => b.textContent === '{name}').click()")
        self.page.frame()

    def section(self, name):
        return ("[...document.querySelectorAll('#panel section')]"
                f".find(s => s.querySelector('h2').textContent === '{name}')")

    def values(self, name):
        """What a facet lists: [value, amount, share]."""
        return self.page.run(f"[...({self.section(name)}).querySelectorAll('.value')]"
                             ".map(v => ['span', 'em', 'i'].map(t => v.querySelector(t).textContent))")

    def pick(self, name, value):
        self.page.run(f"[...({self.section(name)}).querySelectorAll('.value')]"
                      f".find(v => v.querySelector('span').textContent === '{value}').click()")
        self.page.frame()

    def bars(self, name):
        """The labels of a histogram's bars that have anything."""
        texts = self.page.run(f"[...({self.section(name)}).querySelectorAll('.bar')]"
                              ".map(b => b.getAttribute('aria-label'))")
        return [text for text in texts if not text.endswith(", 0 %")]

    def bar(self, name, label):
        """Where a bar is on the screen."""
        return self.page.run(f"(({{left, width, top, height}}) => [left + width / 2, top + height - 3])"
                             f"([...({self.section(name)}).querySelectorAll('.bar')]"
                             f".find(b => b.getAttribute('aria-label').startsWith('{label}'))"
                             ".getBoundingClientRect())")

    def about(self, name):
        return self.page.run(f"({self.section(name)}).querySelector('.about').textContent")

    def tip_lines(self, name):
        self.point_at(name)
        return self.page.run("[...document.querySelectorAll('#tip span')].map(s => s.textContent)")

    def test_every_weight_in_its_unit(self):
        self.open("weighed")
        self.assertIn("Total61.7 ms · 1,067 events · 5.4 MiB · 7 errors", self.text("meta"))
        self.assertEqual(self.page.run("[...document.querySelectorAll('#weights button')]"
                                       ".map(b => b.textContent + b.getAttribute('aria-pressed'))"),
                         ["Eventsfalse", "Latencytrue", "Bytesfalse", "Errorsfalse"])
        self.assertEqual(self.steps(), ["All 61.7 ms"])
        self.assertEqual(self.search("^app/Store.put$"), "0.28 % matched, 170 µs")
        for weight, whole, found in (("Events", "All 1,067 events", "6.1 % matched, 65 events"),
                                     ("Bytes", "All 5.4 MiB", "0.16 % matched, 8.79 KiB"),
                                     ("Errors", "All 7 errors", "0 % matched, 0 errors")):
            self.weigh(weight)
            self.assertEqual(self.steps(), [whole])
            self.assertEqual(self.text("matched"), found)
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("w")
        self.assertEqual(self.steps(), ["All 1,067 events"])
        self.quiet("weighed")

    def test_tooltip_has_all_weights(self):
        self.open("weighed")
        lines = self.tip_lines("app/Store.get")
        self.assertEqual(lines[0], "41 ms · 66.5 %")
        self.assertEqual(lines[3], "10 events · 244 KiB · 7 errors · 4.1 ms each")
        self.weigh("Events")
        lines = self.tip_lines("app/Store.get")
        self.assertEqual(lines[0], "992 events · 93.0 %")
        self.assertEqual(lines[3], "20.5 ms · 5.15 MiB")

    def test_table_and_collapsed_text_are_of_the_weight(self):
        self.open("weighed")
        self.press("table")
        rows = {row[0]: row[1:] for row in self.rows()}
        self.assertEqual(rows["filename=/data/cold"], ["Event", "60 ms", "97.2 %", "60 ms", "97.2 %"])
        self.weigh("Bytes")
        rows = {row[0]: row[1:] for row in self.rows()}
        self.assertEqual(rows["filename=/data/cold"], ["Event", "1.19 MiB", "22.1 %", "1.19 MiB", "22.1 %"])
        self.page.run("document.getElementById('rows').focus()")
        self.page.run("window.saved = null; const make = URL.createObjectURL;"
                      "URL.createObjectURL = (blob) => { window.saved = blob.text(); return make(blob); }")
        self.page.key("s")
        lines = self.page.run("window.saved").splitlines()
        self.assertEqual(sum(int(line.rsplit(" ", 1)[1]) for line in lines), 5659005)
        self.assertTrue(self.text("note").endswith(", weight: bytes"), self.text("note"))

    def test_facets_choose_events(self):
        self.open("weighed")
        self.weigh("Events")
        self.assertEqual(self.values("Filename"), [["/data/hot", "980", "91.8 %"], ["/var/log/app", "65", "6.1 %"],
                                                   ["/data/cold", "15", "1.4 %"], ["(empty)", "7", "0.66 %"]])
        self.pick("Filename", "/data/cold")
        self.assertEqual(self.steps(), ["15 of 1,067 events", "filename: /data/cold"])
        self.assertEqual(self.values("Thread"), [["[worker tid=13]", "12", "80.0 %"], ["[loader tid=14]", "3", "20.0 %"]])
        self.assertEqual(self.values("Event"), [["syscalls:sys_exit_read", "15", "100.0 %"]])
        # Of its own facet all values stay, or nothing else could be chosen.
        self.assertEqual(len(self.values("Filename")), 4)
        self.pick("Filename", "(empty)")
        self.assertEqual(self.steps()[0], "22 of 1,067 events")
        self.pick("Thread", "[loader tid=14]")
        self.assertEqual(self.steps(), ["10 of 1,067 events", "filename: /data/cold, (empty)",
                                        "thread: [loader tid=14]"])
        self.assertEqual(self.search("cold"), "30.0 % matched, 3 events")
        self.page.key("Escape")
        self.page.run("document.querySelectorAll('#steps button')[1].click()")
        self.page.frame()
        self.assertEqual(self.steps(), ["70 of 1,067 events", "thread: [loader tid=14]"])
        self.page.run("document.querySelectorAll('#steps button')[0].click()")
        self.page.frame()
        self.assertEqual(self.steps(), ["All 1,067 events"])
        self.quiet("weighed")

    def test_a_bar_keeps_its_bucket(self):
        self.open("weighed")
        self.weigh("Events")
        self.assertEqual(self.bars("Latency"),
                         ["0 ns: 5 events, 0.47 %", "512 ns – 1.02 µs: 7 events, 0.66 %",
                          "1.02 µs – 2.05 µs: 900 events, 84.3 %", "2.05 µs – 4.1 µs: 140 events, 13.1 %",
                          "1.05 ms – 2.1 ms: 12 events, 1.1 %", "8.39 ms – 16.8 ms: 3 events, 0.28 %"])
        self.page.mouse(*self.bar("Latency", "2.05 µs"), click=True)
        self.assertEqual(self.steps(), ["140 of 1,067 events", "latency 2.05 µs – 4.1 µs"])
        self.assertEqual(self.values("Event"), [["syscalls:sys_exit_read", "80", "57.1 %"],
                                                ["syscalls:sys_exit_write", "60", "42.9 %"]])
        self.assertEqual(len(self.bars("Latency")), 6)
        self.assertEqual(self.bars("Bytes"), ["128 B – 256 B: 60 events, 42.9 %", "4 KiB – 8 KiB: 80 events, 57.1 %"])
        self.page.mouse(*self.bar("Latency", "2.05 µs"), click=True)  # once more, all again
        self.assertEqual(self.steps(), ["All 1,067 events"])
        self.quiet("weighed")

    def test_a_drag_keeps_a_range(self):
        self.open("weighed")
        one, other = self.bar("Latency", "8.39 ms"), self.bar("Latency", "1.05 ms")
        drag = lambda kind, at, buttons: self.page.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1],
                                                        button="left", buttons=buttons, clickCount=1)
        drag("mouseMoved", one, 0)
        drag("mousePressed", one, 1)
        drag("mouseMoved", other, 1)
        self.page.frame()
        self.assertEqual(self.about("Latency"), "1.05 ms – 16.8 ms: 60 ms, 97.2 %")
        drag("mouseReleased", other, 0)
        self.page.frame()
        self.assertEqual(self.steps(), ["60 ms of 61.7 ms", "latency 1.05 ms – 16.8 ms"])
        self.page.run(f"({self.section('Latency')}).querySelector('.part-head button').click()")
        self.page.frame()
        self.assertEqual(self.steps(), ["All 61.7 ms"])

    def test_by_keyboard_alone(self):
        self.open("weighed")
        self.weigh("Events")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("b")
        self.assertTrue(self.page.run("document.getElementById('panel').hidden"))
        self.page.key("b")
        focused = "document.activeElement"
        self.assertEqual(self.page.run(focused + ".className"), "bar")
        self.page.run(f"{focused}.parentNode.lastChild.focus()")
        self.page.key("ArrowLeft")
        self.page.key("ArrowRight")
        self.page.key("Enter")
        self.assertEqual(self.steps(), ["3 of 1,067 events", "latency 8.39 ms – 16.8 ms"])
        self.assertEqual(self.page.run(focused + ".getAttribute('aria-selected')"), "true")
        for _ in range(3):  # with Shift the range grows
            self.page.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowLeft", windowsVirtualKeyCode=37,
                           modifiers=8)
            self.page.frame()
        self.assertEqual(self.steps(), ["15 of 1,067 events", "latency 1.05 ms – 16.8 ms"])
        self.page.run(f"({self.section('Thread')}).querySelector('.value').focus()")
        self.page.key(" ")
        self.assertEqual(self.steps(), ["12 of 1,067 events", "thread: [worker tid=13]", "latency 1.05 ms – 16.8 ms"])
        self.assertEqual(self.page.run(focused + ".getAttribute('aria-checked')"), "true")  # focus stays
        self.page.key("u")
        self.page.until("document.querySelectorAll('#steps button').length === 2")
        self.quiet("weighed")

    def test_zoom_and_filters_go_with_what_is_chosen(self):
        self.open("weighed")
        self.weigh("Events")
        self.go_to("ArrowUp", "ArrowUp", "ArrowUp")
        self.page.key("Enter")
        self.assertEqual(self.text("zoomed"), "Store.get: 93.0 %")
        # The histogram is that of the function that is zoomed to.
        self.assertEqual(self.bars("Latency")[0], "1.02 µs – 2.05 µs: 900 events, 90.7 %")
        self.page.mouse(*self.bar("Latency", "1.05 ms"), click=True)
        self.assertEqual(self.text("zoomed"), "Store.get: 100.0 %")
        self.assertEqual(self.steps()[0], "12 of 1,067 events")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("a")
        self.go_to("ArrowUp", "ArrowUp", "ArrowUp")
        self.page.key("X")  # without Store.get
        self.assertEqual(self.steps(), ["65 of 1,067 events", "without Store.get"])
        self.assertEqual(self.values("Filename"), [["/var/log/app", "65", "100.0 %"]])
        self.assertEqual(self.bars("Bytes"), ["1 B: 5 events, 7.7 %", "128 B – 256 B: 60 events, 92.3 %"])
        self.quiet("weighed")

    def test_reversed_and_callers_are_of_what_is_chosen(self):
        self.open("weighed")
        self.weigh("Events")
        self.pick("Thread", "[loader tid=14]")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("r")
        self.assertEqual(self.steps(), ["70 of 1,067 events", "thread: [loader tid=14]", "from the leaves"])
        self.assertEqual(self.go_to("ArrowUp"), "filename=/var/log/app")
        self.assertIn("60 events", self.text("spoken"))
        self.page.key("r")
        self.page.open(self.path("weighed"), "#weight=events&pick=thread%3D%5Bloader%20tid%3D14%5D&view=around&of=read")
        self.assertIn("read: 10 events, 14.3 %", self.steps()[2])
        self.assertEqual(self.bars("Latency"), ["512 ns – 1.02 µs: 7 events, 70.0 %", "8.39 ms – 16.8 ms: 3 events, 30.0 %"])
        self.quiet("weighed")

    def test_address_holds_weight_and_choice(self):
        self.open("weighed")
        self.weigh("Bytes")
        self.pick("Filename", "/data/cold")
        self.page.mouse(*self.bar("Latency", "8.39 ms"), click=True)
        address = self.address()
        self.assertEqual(sorted(address[1:].split("&")),
                         ["pick=filename=/data/cold", "range=latency=8388608-16777216", "weight=bytes"])
        told = self.steps()
        self.assertEqual(told, ["244 KiB of 5.4 MiB", "filename: /data/cold", "latency 8.39 ms – 16.8 ms"])
        self.page.open(self.path("weighed"), address)
        self.assertEqual(self.steps(), told)
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("u")
        self.assertEqual(self.steps(), ["1.19 MiB of 5.4 MiB", "filename: /data/cold"])
        self.quiet("weighed")

    def test_spoiled_addresses_do_no_harm(self):
        for fragment in ("#weight=seconds&pick=filename&pick=nobody%3Dx&range=latency%3D5", "#range=filename%3D1-2",
                         "#pick=filename%3Dnobody&pick=%3D&range=%3D1-2", "#range=latency%3D99999999999999999999-1",
                         "#weight=__proto__&range=bytes%3D8-4&pick=__proto__%3D1"):
            with self.subTest(fragment):
                self.page.open(self.path("weighed"), fragment)
                self.page.frame()
                self.assertIn(self.steps()[0], ("All 61.7 ms", "0 ns of 61.7 ms"))
                self.quiet("weighed")

    def test_what_has_nothing_says_so(self):
        self.page.open(self.path("weighed"), "#weight=errors&pick=filename%3D%2Fdata%2Fhot")
        self.assertIn("No events are left", self.text("empty"))
        self.assertFalse(self.page.run("document.getElementById('empty').hidden"))

    def test_values_are_capped_and_found(self):
        self.open("io")
        count = f"({self.section('Filename')}).querySelectorAll('.value').length"
        more = f"({self.section('Filename')}).querySelector('.more')"
        self.assertEqual(self.page.run(count), 8)
        self.assertEqual(self.page.run(more + ".textContent"), "… 52 more")
        self.page.run(more + ".click()")
        self.assertEqual(self.page.run(count), 48)
        self.page.run(f"({self.section('Filename')}).querySelector('input').focus()")
        self.page.type("INDEX")
        self.assertEqual([row[0] for row in self.values("Filename")], ["/var/lib/shop/index.db"])
        self.page.key("t")  # typed, no command
        self.assertTrue(self.page.run("document.getElementById('list').hidden"))
        self.assertEqual(self.values("Filename"), [])
        self.page.run(f"({self.section('Filename')}).querySelector('input').value = ''")
        self.quiet("io")

    def test_hostile_names_stay_text(self):
        self.open("hostile-weights")
        for press in ("reverse", "table", "stacks"):
            self.press(press)
            self.page.run("document.querySelectorAll('#panel .more').forEach(b => b.click())")
            self.page.run("document.querySelector('#panel .value').click()")
            self.page.frame()
            self.assertEqual(self.page.run("document.querySelectorAll('img, b, svg, iframe').length"),
                             self.page.run("document.querySelectorAll('#figures b').length"))
            self.assertEqual(self.page.run("document.scripts.length"), 2)
        self.assertIn(MARKUP, self.text("meta"))
        self.assertIn("</script><img src=x onerror=alert(1)>", self.text("panel"))
        address = self.address()
        self.page.open(self.path("hostile-weights"), "#" + self.page.run("location.hash").lstrip("#"))
        self.assertEqual(self.address(), address)
        self.quiet("hostile-weights")

    def test_labels_alone_make_a_filter(self):
        self.open("labels")
        self.assertTrue(self.page.run("document.getElementById('weights').hidden"))
        self.assertEqual(self.values("Thread"), [["[worker tid=13]", "14", "50.0 %"], ["[main tid=12]", "10", "35.7 %"],
                                                 ["(none)", "4", "14.3 %"]])
        self.pick("Thread", "(none)")
        self.assertEqual(self.steps(), ["4 of 28 events", "thread: (none)"])
        self.assertIn("pick=thread", self.address())
        self.pick("Event", "syscalls:sys_enter_open")
        self.assertEqual(self.steps()[0], "2 of 28 events")
        self.quiet("labels")

    def test_pages_without_labels_have_no_panel(self):
        self.open("java")
        for element in ("panel", "filter", "weights"):
            self.assertTrue(self.page.run(f"document.getElementById('{element}').hidden"), element)
        self.page.key("b")
        self.assertTrue(self.page.run("document.getElementById('panel').hidden"))

    def test_a_hundred_thousand_rows_are_quick(self):
        self.open("large-io")
        took = "((step) => { const from = performance.now(); step(); return performance.now() - from; })"
        load = self.page.run("performance.timing.domComplete - performance.timing.responseEnd")
        weigh = self.page.run(took + "(() => document.querySelector('#weights button').click())")
        pick = self.page.run(took + "(() => document.querySelector('#panel .value').click())")
        print(f"\n{self.page.run('JSON.parse(document.getElementById(`profile`).textContent).rows.size')} rows: "
              f"loaded in {load} ms, another weight in {weigh:.0f} ms, a facet in {pick:.0f} ms")
        self.assertLess(load, 6000)
        self.assertLess(weigh, 3000)
        self.assertLess(pick, 3000)
        self.quiet("large-io")

    def test_narrow_window_has_nothing_cut_off(self):
        for width in (420, 320, 700):
            self.page.size(width, 900)
            self.open("weighed")
            self.press("filter")
            self.assertFalse(self.page.run("document.getElementById('panel').hidden"))
            self.assertEqual(self.page.run(f"[...document.querySelectorAll('body *')].filter(e =>"
                                           f" e.getBoundingClientRect().right > {width} && e.tagName !== 'BDI')"
                                           f".map(e => e.id || e.tagName)"), [])
            self.assertGreater(self.page.run("document.querySelector('main').clientHeight"), 150)
            self.assertGreaterEqual(self.page.run("document.querySelector('footer').getBoundingClientRect().top -"
                                                  " document.getElementById('panel').getBoundingClientRect().bottom"), 0)

    def test_screenshots(self):
        folder = os.environ.get("JTRACE_SCREENSHOTS", self.folder.name)
        os.makedirs(folder, exist_ok=True)
        for scheme in ("light", "dark"):
            self.page.media(scheme)
            self.page.open(self.path("io"), "#range=latency%3D524288-67108864")
            self.page.frame()
            path = os.path.join(folder, f"io-{scheme}.png")
            self.page.screenshot(path)
            self.assertGreater(os.path.getsize(path), 10000)


if __name__ == "__main__":
    main()
