#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""install_test.py CMAKE BUILD_DIR: cmake --install, the man page's troff, the completion in bash."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CMAKE, BUILD = sys.argv[1:3]
FAKE = """#!/bin/sh
[ "$1" = list ] || exit 1
case "$2" in
  sys*) echo "782 syscalls:sys_enter_openat"; echo "780 syscalls:sys_enter_open" ;;
esac
"""
# Completes one line as readline would, and prints the candidates.
DRIVER = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_jtrace "$3"
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.root = Path(cls.temporary.name)
        subprocess.run([CMAKE, "--install", BUILD, "--prefix", cls.root / "usr"], check=True,
                       stdout=subprocess.DEVNULL)
        cls.man = cls.root / "usr/share/man/man8/jtrace.8"
        cls.completion = cls.root / "usr/share/bash-completion/completions/jtrace"
        cls.program = cls.root / "usr/bin/jtrace"

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def complete(self, line):
        fake = self.root / "fake"
        fake.write_text(FAKE)
        fake.chmod(0o755)
        done = subprocess.run(["bash", "--norc", "-c", DRIVER, "-", self.completion, line, fake],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_files(self):
        installed = sorted(str(path.relative_to(self.root)) for path in (self.root / "usr").rglob("*")
                           if path.is_file())
        self.assertEqual(installed, ["usr/bin/jtrace",
                                     "usr/lib/jtrace/libjtrace-agent.so",
                                     "usr/share/bash-completion/completions/jtrace",
                                     "usr/share/fish/vendor_completions.d/jtrace.fish",
                                     "usr/share/man/man8/jtrace.8",
                                     "usr/share/zsh/vendor-completions/_jtrace"])
        version = subprocess.run([self.program, "-V"], capture_output=True, text=True, check=True)
        self.assertRegex(version.stdout, r"^jtrace \d+\.\d+\.\d+\n$")

    def test_man_page(self):
        groff = shutil.which("groff")
        if groff is None:
            self.skipTest("no groff")
        done = subprocess.run([groff, "-man", "-Tascii", "-ww", "-P-c", "-P-bou", self.man],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        for word in ("--tracepoint", "JTRACE_MAX_DEPTH", "/etc/jtrace/config.toml", "collapsed",
                     "jtrace doctor", "EXIT STATUS"):
            self.assertIn(word, done.stdout)

    def test_every_option_is_in_both(self):
        text = subprocess.run([self.program, "--help"], capture_output=True, text=True,
                              check=True).stdout
        options = set(re.findall(r"(?<!\S)--[a-z][a-z-]+", text))
        self.assertGreater(len(options), 20)
        man = self.man.read_text().replace("\\-", "-")
        completion = self.completion.read_text()
        for option in options:
            self.assertIn(option, man)
            self.assertIn(option, completion)

    def test_a_privileged_program_ignores_the_environment(self):
        if os.geteuid() != 0 or shutil.which("setpriv") is None:
            self.skipTest("needs root and setpriv")
        if os.statvfs(self.root).f_flag & os.ST_NOSUID:
            self.skipTest("temporary files are mounted nosuid")
        self.root.chmod(0o755)
        privileged = self.root / "setuid"
        shutil.copy(self.program, privileged)
        for mode, honoured in ((0o755, True), (0o4755, False)):
            privileged.chmod(mode)
            done = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", privileged,
                                   "--print-config"], env={**os.environ, "JTRACE_CSTACK": "fp"},
                                  capture_output=True, text=True, check=True)
            self.assertEqual('cstack = "fp"' in done.stdout, honoured)
            self.assertEqual("not honoured" in done.stdout, not honoured)

    def test_completion_is_bash(self):
        subprocess.run(["bash", "-n", self.completion], check=True)

    def test_completion(self):
        self.assertEqual(self.complete("jtrace d"), ["doctor", "diff"])
        self.assertEqual(self.complete("jtrace --max-d"), ["--max-depth"])
        self.assertEqual(self.complete("jtrace list --j"), ["--json"])
        self.assertEqual(self.complete("jtrace list --max"), [])
        self.assertEqual(self.complete("jtrace --cstack d"), ["dwarf"])
        self.assertEqual(self.complete("jtrace --kernel="), ["auto", "yes", "no"])
        self.assertIn("collapsed", self.complete("jtrace -p 1 -o c"))
        self.assertEqual(self.complete("jtrace -p 1 --duration "), [])
        self.assertIn("1", self.complete("jtrace -p "))

    def test_completion_of_events(self):
        # What stands before the last ':' is on the line already.
        names = ["sys_enter_openat", "sys_enter_open"]
        self.assertEqual(self.complete("jtrace -t sys"), ["syscalls:" + n for n in names])
        self.assertEqual(self.complete("jtrace -t syscalls:sys_e"), names)
        self.assertEqual(self.complete("jtrace -t 'syscalls:sys_e"), names)
        self.assertEqual(self.complete("jtrace -p 1 --event a:b,syscalls:sys_enter_opena"), names[:1])
        self.assertEqual(self.complete("jtrace list syscalls:sys_enter_opena"), names[:1])
        self.assertEqual(self.complete("jtrace -t none"), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
