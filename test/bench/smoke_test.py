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
import unittest

import saturation

BUILD = sys.argv[1]
RUN = pathlib.Path(__file__).resolve().parent / "run"
SKIPPED = 77


def missing():
    if os.geteuid() != 0:
        return "not root"
    if not shutil.which("javac") and "JAVA_HOME" not in os.environ:
        return "no javac"
    return None


def bench(*arguments):
    """Cells of each row of the last table, by the first cell."""
    done = subprocess.run([RUN, "--build", BUILD, "--rounds", "1", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stdout)
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    return {cells[0]: cells[1:]
            for cells in ([c.strip() for c in line.strip("|").split("|")] for line in lines)}


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


class Bench(unittest.TestCase):
    def test_saturation_names_every_tracer_and_judges_its_stacks(self):
        rows = bench("saturation", "--depth", "7", "--window", "0.1", "--warmup", "0.5")
        self.assertRegex(rows["filter only"][0], r"^-?\d+ \(")
        self.assertRegex(rows["jtrace"][0], r"^-?\d+ \(")
        self.assertGreater(float(rows["jtrace"][4]), 7)
        self.assertEqual(rows["jtrace"][5], "100.00 %")
        self.assertEqual(rows["jtrace --cstack fp"][5], "0.00 %")

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
