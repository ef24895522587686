#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real trace with --serve and --metrics.

trace_test.py JTRACE, as root.
"""

import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from serve_case import TOKEN, ServeCase

JTRACE = None
EVENT = "syscalls:sys_enter_openat"
OPENS = 500
# Opens so often each time it is told to.
TARGET = f"""
import os, sys
print("ready", flush=True)
for line in sys.stdin:
    for i in range({OPENS}):
        os.close(os.open("/dev/null", os.O_RDONLY))
    print("done", flush=True)
"""


class Trace(ServeCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.target = subprocess.Popen([sys.executable, "-c", TARGET], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end_target)
        self.target.stdout.readline()

    def end_target(self):
        self.target.stdin.close()
        self.target.wait(30)
        self.target.stdout.close()

    def trace(self, *options, env=None):
        """Until it serves: its ports are in self.ports."""
        name = "x-%n.json" if "--loop" in options else "x.json"
        tracer = subprocess.Popen([JTRACE, "-t", EVENT, "-p", str(self.target.pid), "-f", str(self.folder / name),
                                   *options], stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})

        def stop():
            if tracer.poll() is None:
                tracer.kill()
                tracer.wait()
            tracer.stderr.close()

        self.addCleanup(stop)
        self.ports = {}
        wanted = sum(one in options for one in ("--serve", "--metrics"))
        self.said = ""
        while len(self.ports) < wanted:
            line = tracer.stderr.readline()
            self.assertNotEqual(line, "", self.said)
            self.said += line
            if found := re.match(r"jtrace: (serving|metrics at) http://[^:]+:(\d+)/", line):
                self.ports[found[1]] = int(found[2])
        return tracer

    def open_files(self):
        self.target.stdin.write("\n")
        self.target.stdin.flush()
        self.target.stdout.readline()

    def figure(self, name, port, *headers):
        text = self.ask(port, "/metrics", *headers).body.decode()
        found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.M)
        return float(found[1]) if found else None

    def until(self, condition):
        while not condition():
            self.assertIsNone(self.tracer.poll())

    def read_until(self, text):
        while text not in self.said:
            line = self.tracer.stderr.readline()
            self.assertNotEqual(line, "", self.said)
            self.said += line

    def test_figures_come_while_it_traces_and_pages_when_it_is_over(self):
        self.tracer = self.trace("--serve", "0", "--metrics", "0")
        metrics, pages = self.ports["metrics at"], self.ports["serving"]
        for rounds in (1, 2):
            self.open_files()
            self.until(lambda: self.figure("jtrace_events_fired_total", metrics) == rounds * OPENS)
        # The one window of such a trace goes on, and can be looked at.
        self.assertEqual(json.loads(self.ask(pages, "/api/windows").body), {"windows": [], "dropped": 0, "live": None})
        self.until(lambda: self.live_ledger(pages).get("fired") == 2 * OPENS)
        self.assertGreater(self.figure("process_resident_memory_bytes", metrics), 1 << 20)
        self.end_target()  # and with it the trace
        self.read_until("the trace is over; its pages stay until Ctrl-C\n")
        self.until(lambda: self.figure("jtrace_windows_finished_total", metrics) == 1)
        listed = json.loads(self.ask(pages, "/api/windows").body)
        self.assertIsNone(listed["live"])
        (window,) = listed["windows"]
        self.assertEqual(window["title"], EVENT)
        served = self.ask(pages, "/window/1.json").body
        self.assertEqual(served, (self.folder / "x.json").read_bytes())
        ledger = {line["name"]: line["count"] for line in json.loads(served)["ledger"]["lines"]}
        self.assertEqual(self.figure("jtrace_events_fired_total", metrics), ledger["fired"])
        self.assertEqual(self.figure("jtrace_stacks_total", metrics), ledger["complete"])
        self.assertIn(b'id="profile"', self.ask(pages, "/window/1.html").body)
        self.tracer.send_signal(signal.SIGINT)
        self.assertEqual(self.tracer.wait(30), 0)

    def live_ledger(self, pages):
        """Asks for it, and takes what is there."""
        answer = self.ask(pages, "/window/live.json")
        if answer.status != 200:
            return {}
        return {line["name"]: line["count"] for line in json.loads(answer.body)["ledger"]["lines"]}

    def test_the_live_window_is_what_its_end_makes_of_it(self):
        self.tracer = self.trace("--serve", "0", "--loop", "1h", "--max-overhead", "off", "--by", "filename")
        pages = self.ports["serving"]
        for rounds in (1, 2):
            self.open_files()
            self.until(lambda: self.live_ledger(pages).get("fired") == rounds * OPENS)
        live = json.loads(self.ask(pages, "/window/live.json").body)
        self.assertTrue(live["ledger"]["balanced"])
        self.tracer.send_signal(signal.SIGHUP)  # ends the window
        self.until(lambda: self.ask(pages, "/window/1.json").status == 200)
        self.assertEqual(self.ask(pages, "/window/live.json").status, 404)
        ended = json.loads(self.ask(pages, "/window/1.json").body)
        others = ("fired, and under way when it was looked", "events of other processes")
        for one in (live, ended):
            one["header"].pop("duration_nanos")
            one["ledger"]["lines"] = [line for line in one["ledger"]["lines"] if line["name"] not in others]
        self.assertEqual(live, ended)
        # The next one begins with nothing, and no event is in both.
        self.open_files()
        self.until(lambda: self.live_ledger(pages).get("fired") == OPENS)
        page = json.loads(self.ask(pages, "/merged?from=1&to=live&as=data").body)["page"]
        self.assertEqual(dict(line[:2] for line in page["ledger"])["fired"], f"{3 * OPENS:,}")
        self.tracer.send_signal(signal.SIGTERM)
        self.assertEqual(self.tracer.wait(60), 0)

    def wakes(self):
        """How often each thread of the tracer has slept."""
        status = [(task / "status").read_text() for task in pathlib.Path(f"/proc/{self.tracer.pid}/task").iterdir()]
        return [int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)$", one, re.M)[1]) for one in status]

    def test_nobody_who_looks_wakes_nobody(self):
        self.tracer = self.trace("--serve", "0", "--loop", "1h")
        pages = self.ports["serving"]
        threads = len(self.wakes())
        begin, before = time.monotonic(), sum(self.wakes())
        select.select([], [], [], 4)
        quiet = (sum(self.wakes()) - before) / (time.monotonic() - begin)
        self.assertLess(quiet, 3)  # metrics, once a second
        self.assertEqual(len(self.wakes()), threads)
        # However often it is asked: once a second, and what that brings.
        begin, before = time.monotonic(), sum(self.wakes())
        seen = set()
        while (took := time.monotonic() - begin) < 4 or (len(seen) < 3 and took < 20):
            self.ask(pages, "/api/windows?live=1")
            seen.add((json.loads(self.ask(pages, "/api/windows").body)["live"] or {}).get("id"))
        self.assertGreaterEqual(len(seen), 3)
        self.assertLessEqual(len(seen), took + 3)
        self.assertLess((sum(self.wakes()) - before) / took, 40)
        self.tracer.send_signal(signal.SIGINT)
        self.assertEqual(self.tracer.wait(60), 0)

    def test_without_its_server_the_trace_goes_on(self):
        self.tracer = self.trace("--serve", "0", "--metrics", "0")
        children = pathlib.Path(f"/proc/{self.tracer.pid}/task/{self.tracer.pid}/children").read_text().split()
        names = {pathlib.Path(f"/proc/{pid}/comm").read_text().strip(): int(pid) for pid in children}
        os.kill(names["jtrace-server"], signal.SIGKILL)
        # At once, not when the trace is over.
        line = self.tracer.stderr.readline()
        self.assertEqual(line, "jtrace: the process that serves is gone: no pages and metrics until jtrace is started "
                               "again; the trace goes on\n")
        self.open_files()
        self.end_target()
        self.assertEqual(self.tracer.wait(60), 0)
        self.assertNotIn("that serves", self.tracer.stderr.read())
        lines = json.loads((self.folder / "x.json").read_text())["ledger"]["lines"]
        self.assertGreaterEqual({line["name"]: line["count"] for line in lines}["kept"], OPENS)

    def test_what_the_governor_stopped_leaves_its_metrics(self):
        flood = subprocess.Popen(["dd", "if=/dev/zero", "of=/dev/null", "bs=1"], stderr=subprocess.DEVNULL)
        self.addCleanup(flood.wait)
        self.addCleanup(flood.kill)
        tracer = self.trace("--metrics", "0", "--loop", "1h", "--max-overhead", "0.1%", "-p", str(flood.pid),
                            "-t", "syscalls:sys_enter_read")
        for line in tracer.stderr:
            self.said += line
            if "its metrics stay" in line:
                break
        self.assertIn("more than three times what --max-overhead 0.1% allows; name fewer events", self.said)
        self.assertIn("jtrace: the trace is over; its metrics stay until Ctrl-C\n", self.said)
        self.assertEqual(self.figure("jtrace_overhead_stopped", self.ports["metrics at"]), 1)
        # It waits, and does nothing else.
        attached = subprocess.check_output(["bpftool", "perf", "list"], text=True)
        self.assertNotIn(f"pid {tracer.pid} ", attached)
        self.assertIsNone(tracer.poll())
        tracer.send_signal(signal.SIGTERM)
        self.assertEqual(tracer.wait(60), 1)
        self.assertEqual(len(list(self.folder.glob("x-*.json"))), 1)

    def test_a_signal_ends_both(self):
        self.tracer = self.trace("--serve", "0")
        self.tracer.send_signal(signal.SIGTERM)
        self.assertEqual(self.tracer.wait(60), 0)
        self.assertNotIn("stay until", self.tracer.stderr.read())

    def test_its_token_goes_no_further(self):
        self.tracer = self.trace("--metrics", "0", env={"JTRACE_SERVE_TOKEN": TOKEN})
        port = self.ports["metrics at"]
        self.assertEqual(self.ask(port, "/metrics").status, 401)
        self.until(lambda: self.figure("jtrace_events_fired_total", port, f"Authorization: Bearer {TOKEN}") == 0)
        self.tracer.send_signal(signal.SIGINT)
        self.assertEqual(self.tracer.wait(60), 0)
        self.assertNotIn(TOKEN, self.said + self.tracer.stderr.read() + (self.folder / "x.json").read_text())

    def test_what_others_reach_is_refused_at_once(self):
        for options in (("--serve", "0.0.0.0:7070"), ("--metrics", "[::]:9464", "--dry-run"),
                        ("--serve", "name:1"), ("--metrics", "1.2.3.4")):
            done = subprocess.run([JTRACE, "-t", EVENT, "-p", str(self.target.pid), *options],
                                  capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)


    def dry_run(self, *options, env=None):
        return subprocess.run([JTRACE, "-t", EVENT, "-p", str(self.target.pid), "--dry-run", "-f",
                               str(self.folder / "x.json"), *options], capture_output=True, text=True, check=False,
                              timeout=60, env={**os.environ, **(env or {})})

    def test_a_dry_run_beside_the_service_says_what_is_in_use(self):
        self.tracer = self.trace("--serve", "0", "--metrics", "0")
        pages, metrics = self.ports["serving"], self.ports["metrics at"]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        done = self.dry_run("--serve", str(pages), "--metrics", str(port))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"serve    127.0.0.1:{pages}, in use now: by the service of this configuration, or it could not "
                      "be listened on\n", done.stdout)
        self.assertIn(f"metrics  127.0.0.1:{port}\n", done.stdout)
        self.assertEqual(self.ask(metrics, "/metrics").status, 200)
        self.tracer.send_signal(signal.SIGINT)
        self.assertEqual(self.tracer.wait(60), 0)

    def test_a_dry_run_tries_the_address(self):
        done = self.dry_run("--serve", "192.0.2.1:7070", "--metrics", "192.0.2.1:9464",
                            env={"JTRACE_SERVE_TOKEN": TOKEN})
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        for option, port in (("--serve", 7070), ("--metrics", 9464)):
            self.assertIn(f"jtrace: {option}: listen on 192.0.2.1:{port}: Cannot assign requested address", done.stderr)

    def test_a_dry_run_looks_for_the_library_and_the_spool(self):
        # In a namespace of mounts, where neither is there.
        library = subprocess.run(["sh", "-c", "ldconfig -p | sed -n 's/.*libmicrohttpd.so.12 .*=> //p'"],
                                 capture_output=True, text=True, check=True).stdout.strip()
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null "$0" && mkdir -p /var/spool && '
             'mount -t tmpfs -o ro none /var/spool && exec "$@"', library, JTRACE, "-t", EVENT, "-p",
             str(self.target.pid), "--dry-run", "--metrics", "0", "--push", "otlp+http://127.0.0.1:1"],
            capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertIn("jtrace: load libmicrohttpd: ", done.stderr)
        self.assertIn("jtrace: spool /var/spool/jtrace/otlp: Read-only file system", done.stderr)


if __name__ == "__main__":
    JTRACE = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
