#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of scripts/kernel_console.py: no console passes that does not show all that was planned."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import kernel_console  # noqa: E402
from kernel_console import Console, Verified  # noqa: E402

GOOD = """
KERNEL 6.1.0
PLAN 2
PASS load, measured: mixed: 9 programs
VERIFIED jt_event 40706
FEATURE bpf_loop present
FEATURE recursion_misses fallback
PASS native, trace:ID: 321 opens counted
EXIT 0
"""
BUDGETS = {"jt_event": 50000}
FILE = """# what it is
program   budget  6.1
jt_event  50000   40706
"""


class ConsoleTest(unittest.TestCase):
    def faults(self, text, budgets=None):
        return kernel_console.faults(Console(text), BUDGETS if budgets is None else budgets)

    def test_all_that_was_planned(self):
        self.assertEqual(self.faults(GOOD), [])

    def test_less_than_that(self):
        for old, new, fault in (
                ("PLAN 2\n", "", "no plan"),
                ("PLAN 2", "PLAN 3", "2 checks of 3 passed"),
                ("PLAN 2", "PLAN 0", "no plan"),
                ("PASS native", "xPASS native", "1 checks of 2 passed"),
                ("PASS native", "FAIL native", "1 checks failed"),
                ("EXIT 0", "EXIT 1", "exit status 1"),
                ("EXIT 0", "Kernel panic", "no end")):
            self.assertIn(fault, self.faults(GOOD.replace(old, new)), new)
        self.assertEqual(self.faults(""), ["no plan", "no end"])

    def test_budget(self):
        self.assertEqual(self.faults(GOOD, {"jt_event": 40706}), [])
        self.assertEqual(self.faults(GOOD, {"jt_event": 40705}),
                         ["jt_event: 40706 instructions verified, budget 40705"])
        self.assertEqual(self.faults(GOOD, {}),
                         ["jt_event has no budget: scripts/kernel_matrix --record"])

    def test_tables(self):
        consoles = {"6.1": Console(GOOD), "7": Console(GOOD.replace("fallback", "present")
                                                       .replace("40706", "0"))}
        self.assertEqual(list(kernel_console.feature_table(consoles))[2:],
                         ["| bpf_loop | present | present |",
                          "| recursion_misses | fallback | present |"])
        self.assertEqual(list(kernel_console.verified_table(consoles, BUDGETS))[2:],
                         ["| jt_event | 50000 | 40706 | - |"])
        self.assertEqual(list(kernel_console.check_table(consoles))[2:],
                         ["| native, trace:ID | 321 opens counted | 321 opens counted |"])
        self.assertEqual(kernel_console.one_sided(consoles), ["bpf_loop is present on every kernel"])

    def test_file(self):
        verified = Verified(FILE)
        self.assertEqual(verified.text(), FILE)
        self.assertEqual(verified.budgets, BUDGETS)
        verified.put("6.1", {"jt_event": 41000, "jt_exec": 120})
        verified.put("5.10", {"jt_event": 0, "jt_exec": 0})
        self.assertEqual(verified.text(), "# what it is\n"
                         "program   budget  6.1    5.10\n"
                         "jt_event  50000   41000  -\n"
                         "jt_exec   200     120    -\n")

    def test_this_repository(self):
        verified = Verified(kernel_console.VERIFIED.read_text())
        self.assertIn("jt_event", verified.budgets)
        for program, counts in verified.counts.items():
            for kernel, count in counts.items():
                if count != kernel_console.NONE:
                    self.assertLessEqual(int(count), verified.budgets[program], (program, kernel))


if __name__ == "__main__":
    unittest.main()
