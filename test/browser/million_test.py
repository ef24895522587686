#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of a million nodes in a real browser; see page_case.py. Its stacks are made so that what must
be seen of them is known: figures of time are test/bench/run's business, bounds here are wide."""

from page_case import PageCase, main

SECONDS = 20


class Million(PageCase):
    """write_pages.cpp makes it: each of 10 roots calls main/A000 to main/A999, each of which calls leaf/B00
    to leaf/B99; stacks have 1 event, those that end in B00 have 901."""

    which = ["million"]

    def setUp(self):
        super().setUp()
        self.page.open(self.path("million"))

    def tearDown(self):
        self.quiet("million")

    def spoken(self):
        return self.text("spoken")

    def test_opens_with_every_event_and_is_drawn(self):
        self.assertIn("10,000,000 events", self.text("meta"))
        self.assertIn("1,000,000", self.text("meta"))
        self.assertEqual(self.steps(), ["All 10,000,000 events"])
        self.assertGreater(self.colours(), 10)
        self.assertLess(self.page.run("performance.getEntriesByType('navigation')[0].domComplete"),
                        SECONDS * 1000)

    def test_zoom_shows_a_frame_as_wide_as_the_window(self):
        self.go_to("ArrowUp")
        self.assertRegex(self.spoken(), r"^root/0, Java, C2, 1,000,000 events · 10\.0 %")
        self.page.key("Enter")
        self.page.until("document.getElementById('zoomed').textContent === '0: 10.0 %'")
        box = self.box()
        for x in (box["left"] + 3, box["left"] + box["width"] - 4):
            self.page.mouse(x, box["top"] + box["height"] - 36)
            self.assertEqual(self.tip(), "root/0")
        # A thousand callees, each 1.6 pixels wide, in the order of their names.
        names = []
        for x in range(2, int(box["width"]), 100):
            self.page.mouse(box["left"] + x, box["top"] + box["height"] - 56)
            names.append(self.tip())
        wanted = [f"main/A{int(1000 * (x + .5) / box['width']):03}" for x in range(2, int(box["width"]), 100)]
        for name, want in zip(names, wanted):
            self.assertLessEqual(abs(int(name[-3:]) - int(want[-3:])), 1, (name, want))
        self.page.key("0")
        self.assertEqual(self.text("zoomed"), "")

    def test_zoom_to_the_deepest_and_back_by_clicks(self):
        box = self.box()
        for row in (1, 2):
            self.page.mouse(box["left"] + box["width"] / 2 + 2, box["top"] + box["height"] - 16 - 20 * row, click=True)
        self.page.until("/^A\\d{3}: 0.01 %$/.test(document.getElementById('zoomed').textContent)")
        self.page.mouse(box["left"] + 40, box["top"] + box["height"] - 76)
        self.assertEqual(self.tip(), "leaf/B00")
        self.page.mouse(box["left"] + box["width"] * .95, box["top"] + box["height"] - 76)
        self.assertRegex(self.tip(), "^leaf/B[3-6][0-9]$")
        self.page.key("u")
        self.page.until("document.getElementById('zoomed').textContent === '5: 10.0 %'")

    def test_search_finds_all_and_marks_the_zoom(self):
        self.assertEqual(self.search("leaf/B00"), "90.1 % matched, 9,010,000 events")
        self.assertEqual(self.search("B9[0-9]$"), "1.0 % matched, 100,000 events")
        self.page.run("document.getElementById('graph').focus()")
        self.page.key("n")
        self.assertRegex(self.spoken(), "^leaf/B90, Java, inlined, 1 event")
        self.assertEqual(self.search("main/A123"), "0.10 % matched, 10,000 events")
        self.go_to("ArrowUp")
        self.page.key("Enter")
        self.page.until("document.getElementById('matched').textContent.endsWith('0.10 % of the zoom')")
        self.page.frame()
        marked = self.page.run("""(() => {
            const c = document.getElementById('graph');
            const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            let marked = 0;
            for (let i = 0; i < d.length; i += 4) marked += d[i] === 179 && d[i + 1] === 48 && d[i + 2] === 124;
            return marked; })()""")
        self.assertTrue(19 <= marked <= 38, marked)  # one frame, a pixel or two wide

    def test_reversed_and_table_add_up(self):
        self.page.key("r")
        self.assertEqual(self.go_to("ArrowUp"), "leaf/B00")
        self.assertIn("9,010,000 events · 90.1 %", self.spoken())
        self.page.key("t")
        rows = self.rows()
        self.assertEqual(rows[0][0], "leaf/B00")
        self.assertEqual(rows[0][2], "9,010,000")
        self.assertEqual([row[4] for row in rows[1:4]], ["1,000,000"] * 3)
        self.page.key("r")

    def test_callers_and_callees_of_one_function(self):
        self.page.run("location.hash = '#view=around&of=main%2FA500'")
        self.page.until("document.querySelectorAll('#steps button').length === 2")
        self.assertIn("A500: 10,000 events, 0.10 %", self.steps()[1])
        self.page.run("location.hash = '#without=leaf%2FB00'")
        self.page.until("document.querySelector('#steps').textContent.includes('without')")
        self.assertEqual(self.steps()[0], "990,000 of 10,000,000 events")


if __name__ == "__main__":
    main()
