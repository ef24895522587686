#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs scripts/demo as a newcomer does, twice in one directory, and judges what it leaves.

demo_test.py DEMO JTRACE
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

DEMO, JTRACE = (os.path.abspath(path) for path in sys.argv[1:3])
SKIPPED = 77
NOBODY = 65534


def missing():
    if os.geteuid() != 0:
        return "not root"
    if not shutil.which("javac"):
        return "no javac"
    return None


def command(seconds):
    return [DEMO, "--seconds", str(seconds), "--no-setup", "--jtrace", JTRACE]


def programs(directory):
    """Demo programs that were started below a directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if b"OpenFiles" in words and any(word.startswith(directory.encode()) for word in words):
            found.append(int(pid))
    return found


def ledger(text):
    """Name and number of each line, those of the same depth as they are nested."""
    counts = {}
    for line in text[text.index("\nledger\n"):].splitlines():
        match = re.fullmatch(r"\s+(\S.*?)\s{2,}([\d,]+)", line)
        if match:
            counts[match.group(1)] = int(match.group(2).replace(",", ""))
    return counts


class Demo(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="jtrace-demo-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.page = os.path.join(self.directory, "flamegraph.html")
        self.env = dict(os.environ, TMPDIR=os.path.join(self.directory, "tmp"))
        os.mkdir(self.env["TMPDIR"])

    def run_demo(self, **env):
        done = subprocess.run(command(2), cwd=self.directory, env=dict(self.env, **env),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.listdir(self.env["TMPDIR"]), [], "temporary files are left")
        self.assertEqual(programs(self.directory), [])
        return done.stderr

    def test_whole_stacks_and_a_balanced_ledger(self):
        text = self.run_demo()
        counts = ledger(text)
        lost = sum(count for name, count in counts.items() if name.startswith("lost: "))
        self.assertGreater(counts["fired"], 500, text)
        self.assertEqual(counts["fired"], counts["kept"] + lost)
        self.assertGreaterEqual(counts["complete"], 0.999 * counts["kept"], text)
        with open(self.page, encoding="utf-8") as file:
            page = file.read()
        for name in ("OpenFiles.readConfig", "OpenFiles.lambda$readAll$", "OpenFiles.scan",
                     "OpenFiles$Plugin.load", "OpenFiles.log", "java/util/zip/ZipFile",
                     "thread_native_entry"):
            self.assertIn(name, page)
        # Again, over what the first run left, for the user who called sudo, in a directory of his.
        os.chown(self.directory, NOBODY, NOBODY)
        self.run_demo(SUDO_UID=str(NOBODY), SUDO_GID=str(NOBODY))
        self.assertEqual(os.stat(self.page).st_uid, NOBODY)
        self.assertEqual(sorted(os.listdir(self.directory)), ["flamegraph.html", "tmp"])

    def test_stops_the_program_when_it_is_told_to_stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            demo = subprocess.Popen(command(2), cwd=self.directory, env=self.env,
                                    stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            with demo:
                for line in demo.stderr:
                    if line.startswith("jtrace: tracing"):
                        break
                self.assertEqual(len(programs(self.directory)), 1)
                demo.send_signal(number)
                demo.stderr.read()
            self.assertEqual(demo.returncode, 143 if number == signal.SIGTERM else -number)
            limit = time.monotonic() + 20
            while programs(self.directory) and time.monotonic() < limit:
                time.sleep(0.05)
            self.assertEqual(programs(self.directory), [])

    def test_doctor_reads_the_program(self):
        demo = subprocess.Popen(command(5), cwd=self.directory, env=self.env,
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with demo:
            for line in demo.stderr:
                if line.startswith("jtrace: tracing"):
                    break
            [pid] = programs(self.directory)
            done = subprocess.run([JTRACE, "doctor", "-p", str(pid), "--json"],
                                  capture_output=True, text=True)
            demo.terminate()
            demo.stderr.read()
        self.assertEqual(done.returncode, 0, done.stdout)
        report = json.loads(done.stdout)
        found = {check["name"]: check for check in report["checks"]}
        self.assertTrue(report["works"])
        self.assertTrue(found["vm"]["finding"].startswith("HotSpot "), found["vm"])
        self.assertEqual(found["memory"]["state"], "ok")
        self.assertEqual(found["process"]["pid"], pid)

    def test_says_what_is_wrong(self):
        for words, said in ((["--seconds", "x"], "--seconds needs a number"),
                            (["--jtrace", "/nothing"], "--jtrace needs a program"),
                            (["--frobnicate"], "unknown argument")):
            done = subprocess.run([DEMO, *words], cwd=self.directory, capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)


if __name__ == "__main__":
    reason = missing()
    if reason:
        print(reason)
        sys.exit(1 if "java" in os.environ.get("JTRACE_REQUIRE", "").split(",") else SKIPPED)
    unittest.main(argv=sys.argv[:1])
