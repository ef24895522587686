#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every benchmark with tiny sizes and judges what it prints, except for the times.

smoke_test.py BUILD_DIR
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parents[1] / "scripts"))

import dimensions
import plot
import saturation
import strangers
import tracers

BUILD = sys.argv[1]
RUN = HERE / "run"
QUICK = ("--window", "0.1", "--warmup", "0.5")
SKIPPED = 77


def missing():
    if os.geteuid() != 0:
        return "not root"
    if not shutil.which("javac") and "JAVA_HOME" not in os.environ:
        return "no javac"
    return None


def output(*arguments):
    done = subprocess.run([RUN, "--build", BUILD, "--rounds", "1", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stdout)
    return done.stdout


def rows_of(text, key=1):
    """Cells of each row of the last table, by the first cell, or so many."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return {cells[0] if key == 1 else tuple(cells[:key]): cells[key:]
            for cells in ([c.strip() for c in line.strip("|").split("|")] for line in lines)}


def bench(*arguments):
    return rows_of(output(*arguments))


def lines_in(picture):
    """Of an SVG file: its lines through more than the two points of a grid's."""
    tree = xml.etree.ElementTree.parse(picture)
    return [path for path in tree.iter("{http://www.w3.org/2000/svg}path") if path.get("fill") == "none"]


class Judge(unittest.TestCase):
    WHOLE = ["open", "OpenLoop.odd_[i]", "OpenLoop.even_[j]", "start_thread", "clone3"]

    def test_a_stack_is_whole_with_every_call_and_the_entry(self):
        cut = [(self.WHOLE[:-1], 1), (self.WHOLE[:1] + self.WHOLE[2:], 1), (["open", "[unknown]"], 1)]
        self.assertEqual(saturation.judge([(self.WHOLE, 3)], 1), ("5.0", "100.00 %"))
        self.assertEqual(saturation.judge([(self.WHOLE, 1), *cut], 1), ("3.8", "25.00 %"))

    def test_the_vm_s_own_opens_are_left_out(self):
        own = ["open", "CgroupSubsystem::read", "start_thread", "clone3"]
        self.assertEqual(saturation.judge([(self.WHOLE, 3), (own, 5)], 1), ("5.0", "100.00 %"))

    def test_no_stacks_have_no_share(self):
        self.assertEqual(saturation.judge([], 1), ("-", "-"))


class Counted(unittest.TestCase):
    def test_a_verdict_has_events_whole_ones_and_different_ones(self):
        other = [Judge.WHOLE[0], *Judge.WHOLE[2:]]
        seen = saturation.Verdict([(Judge.WHOLE, 3), (Judge.WHOLE, 1), (other, 2)], 1)
        self.assertEqual((seen.events, seen.whole, seen.different), (6, 4, 2))

    def test_entries_are_the_tracer_s(self):
        java = ["open", "OpenLoop.odd", "OpenLoop.even", "java/lang/Thread.run"]
        self.assertEqual(saturation.Verdict([(java, 1)], 1).whole, 0)
        self.assertEqual(saturation.Verdict([(java, 1)], 1, entries=("java/lang/Thread.run",)).whole, 1)


class Plot(unittest.TestCase):
    def test_ticks_are_round_and_few(self):
        self.assertEqual([label for _, label in plot.linear(13, " s").ticks][:3], ["0 s", "1 s", "2 s"])
        self.assertEqual([value for value, _ in plot.linear(92).ticks], list(range(0, 100, 10)))
        self.assertLessEqual(len(plot.linear(17342, most=6).ticks), 7)

    def test_an_axis_has_parts_and_holds_what_lies_outside(self):
        self.assertEqual([plot.Axis(0, 4, []).part(v) for v in (-1, 1, 9)], [0, 0.25, 1])
        self.assertAlmostEqual(plot.decades(3, 900).part(100), 2 / 3)


class AsyncProfiler(unittest.TestCase):
    """With a program in its place that keeps its words, as there is no copy of it here."""

    def test_it_is_started_and_stopped_by_its_documented_words(self):
        with tempfile.TemporaryDirectory() as directory:
            asprof = pathlib.Path(directory, "bin", "asprof")
            asprof.parent.mkdir()
            asprof.write_text(f'#!/bin/sh\necho "$@" >>{directory}/words\n[ "$1" = start ] || echo "A.b;C.d 7" >"$5"\n',
                              encoding="utf-8")
            asprof.chmod(0o755)
            tracer = tracers.AsyncProfiler(directory, tracers.async_profiler_at(directory))
            tracer.start(42)
            tracer.stop()
            self.assertEqual(pathlib.Path(directory, "words").read_text(encoding="utf-8"),
                             f"start -e {tracers.EVENT} -i 1 42\nstop -o collapsed -f {tracer.out}.async 42\n")
            self.assertEqual(list(tracer.stacks()), [(["C.d", "A.b"], 7)])

    def test_one_that_fails_ends_the_bench_in_a_line(self):
        with self.assertRaisesRegex(SystemExit, "^bench: async-profiler: start: "):
            tracers.AsyncProfiler("/nowhere", "/bin/false").start(42)


class Cost(unittest.TestCase):
    def test_every_helper_that_is_called_has_a_count(self):
        folder = HERE.parents[1] / "bpf"
        counting = folder / "helper_calls.bpf.h"
        counted = set(re.findall(r"^#define (bpf_\w+)\(", counting.read_text(encoding="utf-8"), re.M))
        called = {name for source in folder.glob("*.[ch]") if source != counting
                  for name in re.findall(r"\b(bpf_\w+)\(", source.read_text(encoding="utf-8"))}
        no_helpers = {name for name in called if name.startswith("bpf_core_") or name in ("bpf_ntohs", "bpf_object")}
        self.assertEqual(called - no_helpers, counted & called)
        self.assertIn("bpf_probe_read_user", called)

    def test_an_event_has_its_calls_by_kind(self):
        text = output("cost", "--depth", "5", *QUICK)
        events, calls = map(rows_of, re.split(r"^Helper calls of an event$", text, flags=re.M))
        for mode in ("met again", "walked"):
            added, programs, total = events[f"5, {mode}"]
            self.assertRegex(added, r"^-?\d+ \(")
            self.assertRegex(programs, r"^jt_event \d\.\d\d x \d+")
            self.assertGreater(float(total), 10)
        self.assertEqual(calls["cookie"], ["1.00", "1.00"])
        for kind in ("read user", "look up array"):
            again, walked = map(float, calls[kind])
            self.assertLess(0, again)
            self.assertLess(again, walked)


class Bench(unittest.TestCase):
    def test_dimensions_knows_what_a_tracer_takes_and_loses(self):
        with tempfile.TemporaryDirectory() as out:
            text = output("dimensions", "--axis", "stacks", "--only", "100", *QUICK, "--out", out)
            drawn = len(lines_in(f"{out}/bench.svg"))
            self.assertTrue(pathlib.Path(out, "bench.json").stat().st_size)
        parts = re.split(r"^(?:stacks 100|Of an event|ns added|Complete stacks)", text, flags=re.M)[1:]
        first, own, added, judged = map(rows_of, parts)
        self.assertEqual(drawn, len(set(dimensions.COLOURS) & set(first)))
        self.assertIn(first["jtrace"][0], added["stacks 100"])
        self.assertIn("100.00 %; 0.000 %", judged["stacks 100"])
        cost, slower, programs, cpu, memory, maps, frames, whole, different, lost = first["jtrace"]
        self.assertRegex(cost, r"^-?\d+ \(")
        self.assertRegex(slower, r"^x \d")
        self.assertGreater(int(programs), 0)
        self.assertRegex(cpu, r" %$")
        self.assertGreater(int(memory), 0)
        self.assertGreater(float(maps), 0)
        self.assertGreater(float(frames), 31)
        self.assertEqual((whole, different, lost), ("100.00 %", "100", "0.000 %"))
        self.assertGreater(float(own["jtrace"][0]), 0)
        self.assertIn("jt_event", own["jtrace"][4])
        self.assertEqual(float(own["jtrace --recall off"][3]), 0)

    def test_an_axis_that_is_not_one_is_said_in_a_line(self):
        for what in ("dimensions", "scale"):
            done = subprocess.run([RUN, what, "--axis", "width"], stderr=subprocess.PIPE, text=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr, rf"^bench: --axis width: {what} has depth, [^\n]*\n$")

    def test_async_profiler_that_is_not_there_is_said_in_a_line(self):
        done = subprocess.run([RUN, "dimensions", "--build", BUILD, "--async-profiler", "/nowhere", "--axis", "threads",
                               *QUICK], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"^bench: --async-profiler /nowhere: no program asprof there[^\n]*\n$")

    def test_scale_has_figures_and_a_picture_of_each(self):
        axes = {"mappings": "100", "events": "10"}
        if "JTRACE_EVERY_AXIS" in os.environ:
            axes |= {"depth": "5", "stacks": "4", "threads": "10", "processes": "4", "methods": "1000"}
        for axis, value in axes.items():
            with self.subTest(axis), tempfile.TemporaryDirectory() as out:
                text = output("scale", "--axis", axis, "--only", value, *QUICK, "--out", out)
                cells = rows_of(text)[f"{int(value):,}"]
                self.assertEqual(len([c for c in cells if re.match(r"^-?\d+ \(", c)]), 4)
                self.assertEqual(len(lines_in(f"{out}/scale-{axis}.svg")), 3)
                self.assertNotIn("complete", text)  # said only where stacks are not

    def test_tomcat_opens_what_is_counted(self):
        if subprocess.run([HERE.parents[1] / "scripts/fetch_tomcat"], stdout=subprocess.DEVNULL).returncode != 0:
            if "jdks" in os.environ.get("JTRACE_REQUIRE", ""):
                self.fail("no Tomcat, and JTRACE_REQUIRE asks for what comes from the package mirror")
            self.skipTest("no package mirror")
        rows = bench("tomcat", "--load", "1", "--warmup", "0.3")
        opens, events, whole = rows["jtrace"][-3:]
        self.assertGreater(int(opens), 100)
        self.assertEqual((events, whole), (opens, "100.00 %"))
        self.assertRegex(rows["no tracer"][0], r"^\d+ \(")

    def test_processes_has_a_figure_for_each_number(self):
        rows = bench("processes", "--only", "1,16", *QUICK)
        for number in ("1", "16"):
            self.assertRegex(rows[number][0], r"^-?\d+ \(")

    def test_saturation_names_every_tracer_and_judges_its_stacks(self):
        rows = bench("saturation", "--depth", "7", "--window", "0.1", "--warmup", "0.5")
        self.assertRegex(rows["filter only"][0], r"^-?\d+ \(")
        self.assertRegex(rows["jtrace"][0], r"^-?\d+ \(")
        self.assertGreater(float(rows["jtrace"][4]), 7)
        self.assertEqual(rows["jtrace"][5], "100.00 %")
        self.assertEqual(rows["jtrace --cstack fp"][5], "0.00 %")

    def test_flood_counts_what_two_threads_open(self):
        rows = bench("flood", *QUICK)
        for stacks in ("1", "100"):
            rate, cpu, whole, lost = rows[stacks]
            self.assertGreater(int(rate.split()[0]), 1000)
            self.assertRegex(cpu, r"^\d+\.\d\d \(")
            self.assertEqual((whole, lost), ("100.00 %", "0.0000"))
        self.assertEqual(rows["two native, 4"][3], "0.0000")

    def test_checked_finds_no_stack_that_a_walk_does_not_give(self):
        rows = bench("checked", "--only", "methods", *QUICK)
        for name in ("methods that come and go", "all"):
            events, again, rest, otherwise = rows[name]
            self.assertGreater(int(events.replace(",", "")), 500)
            self.assertGreater(float(again.split()[0]), 50)
            self.assertRegex(rest, r"^\d+\.\d %$")
            self.assertEqual(otherwise, "0")

    def test_tops_walks_little_of_what_differs_in_its_top(self):
        # Each of the 10 000 is walked whole once.
        rows = bench("tops", "--depth", "100", "--window", "0.5", "--warmup", "0.5")
        walked = float(rows["jtrace --recall off"][2])
        self.assertLess(float(rows["jtrace"][2]), walked / 2)
        self.assertGreater(float(rows["jtrace"][5]), 0.5)

    def test_strangers_are_all_new_and_known_ones_are_not(self):
        text = output("strangers", "--depth", "30", "--where", "leaf", "--rate", "20000", "--lasting", "4", *QUICK)
        first, last = re.split(r"^30 calls, leaf: .*$", text, flags=re.M)
        windows, (opened, events, different, lost, _) = list(rows_of(last).items())[-1]
        self.assertGreater(int(windows), 1)
        self.assertEqual((events, different, lost), (opened, opened, "0.000 %"))
        rows = rows_of(first, 2)
        for tracer in ("jtrace", "jtrace --recall off"):
            added, run, new, events, lost, whole, frames, cpu, walked, reads, again, rest = rows["each new", tracer]
            self.assertRegex(added, r"^-?\d+ \(")
            self.assertGreater(float(run.split()[0]), 0)
            self.assertGreater(int(events.replace(",", "")), 500)
            self.assertEqual((new, lost, whole, again), ("100.00 %", "0.000 %", "100.00 %", "0.00"))
            self.assertGreater(float(walked), 10)
        self.assertGreater(float(rows["64 in turns", "jtrace"][-2]), 0.5)
        self.assertEqual(float(rows["64 in turns", "jtrace --recall off"][-2]), 0)

    def test_strangers_need_room_for_their_paths(self):
        done = subprocess.run([RUN, "strangers", "--depth", "5"], stderr=subprocess.PIPE, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, r"^bench: --depth 5: strangers needs 25 calls[^\n]*\n$")

    def test_stacks_that_were_not_new_end_the_bench_in_a_line(self):
        with self.assertRaisesRegex(SystemExit, "^bench: strangers: jtrace: 99 different stacks in 100 events: not all were new$"):
            strangers.judge_new("jtrace", 99, 100)
        strangers.judge_new("jtrace", 1000, 1000)

    def test_anchors_are_whole_in_every_program(self):
        text = output("anchors", "--depth", "5,30", "--calls", "2000", *QUICK)
        added, shapes = (rows_of(part, 2) for part in re.split(r"^Frames of a stack", text, flags=re.M))
        self.assertEqual(set(shapes) | {("C", "none"), ("Java", "none")}, set(added) | {("program", "tracer")})
        del shapes["program", "tracer"], shapes["---", "---"]
        for case, by_depth in shapes.items():
            for depth, (frames, whole) in zip((5, 30), (cell.split("; ") for cell in by_depth)):
                self.assertGreater(float(frames), depth + 2, case)
                self.assertEqual(whole, "100.00 %", case)
            self.assertTrue(all(re.match(r"^-?\d+ \(", cell) for cell in added[case]), case)
        self.assertIn(("C", "the kernel's walk alone (bpf_get_stack)"), shapes)
        self.assertIn(("Java", "jtrace"), shapes)

    def test_values_has_a_figure_for_each(self):
        rows = bench("values", "--window", "0.1", "--warmup", "0.5")
        for name in ("jtrace", "jtrace --by filename", "jtrace --weight latency", "jtrace, and -o events"):
            self.assertRegex(rows[name][0], r"^-?\d+ \(")

    def test_tax_has_a_figure_for_each_call(self):
        rows = bench("tax", "--calls", "1000")
        for name in ("filter only, added", "jtrace, added"):
            self.assertEqual(len([c for c in rows[name] if re.match(r"^-?\d+\.\d \(", c)]), 3)

    def test_latency_has_the_same_calls_of_both(self):
        rows = bench("latency", "--calls", "5000")
        self.assertEqual([rows[call][0] for call in ("read", "clock_nanosleep")], ["100", "100"])

    def test_filtered_has_a_figure_for_each_filter(self):
        rows = bench("filtered", "--calls", "1000")
        for name in ("filter only", "jtrace --filter, number", "jtrace, every event walked"):
            self.assertRegex(rows[name][0], r"^-?\d+ \(")

    def test_governed_has_figures_of_its_own(self):
        rows = bench("governed", "--calls", "2000")
        for name in ("left out by the governor", "every event kept, --max-overhead"):
            self.assertRegex(rows[name][0], r"^-?\d+ \(")
            self.assertRegex(rows[name][1], r"^\d+ \(")
            for cell in rows[name][2:]:
                self.assertGreater(float(cell.split()[0]), 0)
        self.assertRegex(rows["every event kept"][2], r"^\d+ \(")
        self.assertEqual(rows["every event kept"][1], "")

    def test_page_has_figures_of_every_writer_and_step(self):
        rows = bench("page", "--nodes", "3000", "--stacks", "2000")
        if shutil.which("chromium"):
            self.assertRegex(rows["3,000"][0], "bytes a node")
        for name in ("html", "collapsed", "message", "pprof"):
            self.assertGreater(float(rows[name][0]), 0)

    def test_start_finds_the_first_counted_event(self):
        rows = bench("start", "--methods", "50")
        for name in ("cached", "not cached"):
            for figure in (float(cell.split()[0]) for cell in rows[name]):
                self.assertGreater(figure, 0)


if __name__ == "__main__":
    reason = missing()
    if reason and "java" in os.environ.get("JTRACE_REQUIRE", ""):
        sys.exit(f"bench: {reason}, and JTRACE_REQUIRE asks for it")
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1], verbosity=2)
