#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--push of traces of several processes: what each backend gets of each of them.

trace_test.py JTRACE PROGRAMS: PROGRAMS has truth_steady and the like; as root.
"""

import collections
import contextlib
import datetime
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import sys
import time
import unittest
import urllib.request

import arrivals
import otlp
import receiver
import trace_case
from trace_case import opens, started

BACKENDS = ("otlp", "pyroscope", "parca")
POD = "0a1b2c3d-1111-2222-3333-444455556666"
READER = None


def seconds_of(text):
    """Of "2026-11-27T01:50:12.120Z"."""
    form = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    return form.replace(tzinfo=datetime.timezone.utc).timestamp()


class Receiving(trace_case.TraceCase):
    def url(self, backend, at):
        return f"{backend}+http://127.0.0.1:{at.port}"

    def arrived(self, backend, at):
        return [arrivals.of_request(backend, READER, one) for one in at.requests]

    def sums(self, bodies, function=None):
        """Of each process, all its bodies: by its number, or that on samples of those together."""
        found = collections.Counter()
        for body in bodies:
            for frames, labels, value in body.samples:
                pid = body.about.get("pid", labels.get("pid"))
                through = function is None or any(name.startswith(function) for name in frames)
                found[int(str(pid).strip()) if pid is not None else None] += value if through else 0
        return found

    def expect_opens(self, bodies, program, function, count, tracer):
        """Every one through it; else, what else of the program was sent, and what was said of it."""
        counted = self.sums(bodies, function)[program.pid]
        if counted == count:
            return
        others = collections.Counter()
        for body in bodies:
            for frames, labels, value in body.samples:
                pid = body.about.get("pid", labels.get("pid"))
                if str(pid).strip() == str(program.pid) and not any(name.startswith(function) for name in frames):
                    others[body.when, tuple(frames)] += value
        most = "\n".join(f"{value} {key}" for key, value in others.most_common(8))
        self.fail(f"{counted} of {count} through {function}; also\n{most}\n{tracer.said()}")

    def expect_one_each(self, bodies):
        """Of a process in a window, where it is not one of those together."""
        of = collections.Counter((body.when, body.about.get("pid")) for body in bodies)
        self.assertEqual({key: count for key, count in of.items() if count > 1}, {})


class Several(Receiving):
    """Two native programs and a JVM; one of them in a cgroup that looks like a pod's."""

    def setUp(self):
        super().setUp()
        self.first, self.second, self.jvm = self.steady(300), self.steady(300), self.java(300)
        self.targets = [self.first, self.second, self.jvm]
        self.starts = {one.pid: started(one.pid) for one in self.targets}
        self.container = secrets.token_hex(32)
        self.group = self.pods_group()
        (self.group / "cgroup.procs").write_text(str(self.second.pid))

    def pods_group(self):
        """A cgroup that is named as a kubelet names a container's."""
        mounts = pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8")
        root = pathlib.Path(re.search(r"^\S+ (\S+) cgroup2 ", mounts, re.M)[1])
        name = f"kubepods-burstable-pod{POD.replace('-', '_')}.slice/cri-containerd-{self.container}.scope"
        self.path = f"/jtrace-test-{os.getpid()}/kubepods.slice/{name}"
        group = root / self.path[1:]
        group.mkdir(parents=True)

        def remove():
            # Whoever was in it has ended; the kernel may still be at it.
            for folder in [group, group.parent, group.parent.parent, group.parent.parent.parent]:
                for _ in range(200):
                    with contextlib.suppress(OSError):
                        folder.rmdir()
                        break
                    time.sleep(0.01)

        self.addCleanup(remove)
        return group

    def trace(self, backend, *words):
        with receiver.Receiver() as at:
            pids = [word for one in self.targets for word in ("-p", str(one.pid))]
            tracer = self.start("--push", self.url(backend, at), *pids, *words)
            for one in self.targets:
                one.go()
            for one in (self.first, self.second):
                one.wait_for("^over$")
                one.go()
            self.assertEqual(tracer.wait(), 0, tracer.said())
            for one in self.targets:
                one.wait()
        self.assertRegex(tracer.said(), "jtrace: sent to http://127.0.0.1:")
        return self.arrived(backend, at), tracer

    def labels(self):
        """What is to be said of each, but for its start."""
        host = {"host": socket.gethostname()}
        group = pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8")
        here = re.search(r"^0::(.*)$", group, re.M)[1]
        native = {"comm": "truth_steady", "service_name": "truth_steady", **host}
        return {self.first.pid: {**native, "cgroup": here},
                self.second.pid: {**native, "cgroup": self.path, "container": self.container,
                                  "pod": POD},
                self.jvm.pid: {"comm": "java", "main": "truth.ShortLived",
                               "service_name": "truth.ShortLived", "cgroup": here, **host}}

    def check(self, bodies):
        known = self.labels()
        self.assertEqual({body.about.get("pid") for body in bodies}, set(known))
        self.expect_one_each(bodies)
        for body in bodies:
            about = dict(body.about)
            pid = about.pop("pid")
            self.assertAlmostEqual(seconds_of(about.pop("start")), self.starts[pid], delta=0.05)
            for name in ("__name__", "event"):  # of a series alone
                about.pop(name, None)
            self.assertEqual(about, known[pid])
            for _, labels, _ in body.samples:
                self.assertEqual(set(labels) & {"pid", "start", "comm", "main", "container", "pod"},
                                 set())
        for function in ("open_once", "open_twice"):
            self.assertEqual(+self.sums(bodies, function), {
                one.pid: opens(one, function) for one in (self.first, self.second)})
        self.assertEqual(+self.sums(bodies, "truth/ShortLived.depth"),
                         {self.jvm.pid: opens(self.jvm, "opens")})

    def check_windows(self, backend):
        bodies, tracer = self.trace(backend, "--continuous", "--loop", "100ms")
        self.check(bodies)
        windows = {body.when for body in bodies}
        self.assertGreaterEqual(len(windows), 2, tracer.said())
        print(f"{backend}: {len(bodies)} bodies of 3 processes in {len(windows)} windows, "
              f"{sum(body.total() for body in bodies)} events")

    def test_windows_by_otlp(self):
        self.check_windows("otlp")

    def test_windows_by_pyroscope(self):
        self.check_windows("pyroscope")

    def test_windows_by_parca(self):
        self.check_windows("parca")

    def test_one_profile_is_one_body_for_each(self):
        for backend in BACKENDS:
            with self.subTest(backend):
                bodies, _ = self.trace(backend)
                self.assertEqual(len(bodies), 3)
                self.check(bodies)
                if backend != BACKENDS[-1]:
                    self.doCleanups()
                    self.setUp()


class Every(Receiving):
    def test_processes_of_the_host_have_their_windows(self):
        brief, jvm, steady = self.truth("parent", 20, self.programs / "truth_brief", 50), self.java(500), \
            self.steady(500)
        brief.wait_for("^ready$")
        with receiver.Receiver() as at:
            tracer = self.start("-a", "--continuous", "--loop", "250ms", "--push", self.url("otlp", at))
            for one in (brief, jvm, steady):
                one.go()
            for one in (brief, steady):
                one.wait_for("^over$")
            self.assertEqual(jvm.wait(), 0)
            self.stop(tracer)
        steady.go()
        bodies = self.arrived("otlp", at)
        self.expect_one_each(bodies)
        self.expect_opens(bodies, steady, "open_once", opens(steady, "open_once"), tracer)
        self.expect_opens(bodies, jvm, "truth/ShortLived.depth", opens(jvm, "opens"), tracer)
        told = told_by(brief)
        self.assertEqual(len(told), 20)
        counted = self.sums(bodies, "brief_open")
        self.assertEqual({pid: counted[pid] for pid in told}, told)
        for body in bodies:
            if body.about.get("pid") in told:
                self.assertEqual(body.about["comm"], "truth_brief")
        print(f"-a: {len(bodies)} bodies of {len({body.about.get('pid') for body in bodies})} processes "
              f"in {len({body.when for body in bodies})} windows")

    def test_beyond_64_the_rest_is_together(self):
        for backend in ("otlp", "pyroscope"):
            with self.subTest(backend):
                brief = self.truth("parent", 80, self.programs / "truth_brief", 5)
                brief.wait_for("^ready$")
                with receiver.Receiver() as at:
                    tracer = self.start("--follow", "-p", str(brief.pid), "--continuous", "--loop", "1h",
                                        "--push", self.url(backend, at))
                    brief.go()
                    brief.wait_for("^over$")
                    self.assertEqual(tracer.wait(), 0, tracer.said())
                    self.assertRegex(tracer.said(), "apart: the 64 processes that have most")
                bodies = self.arrived(backend, at)
                self.assertEqual(len(bodies), 65)
                apart = [body for body in bodies if "pid" in body.about]
                (rest,) = [body for body in bodies if "pid" not in body.about]
                self.assertEqual(len({body.about["pid"] for body in apart}), 64)
                told = told_by(brief)
                self.assertEqual(len(told), 80)
                counted = self.sums(bodies, "brief_open")
                self.assertEqual({pid: counted[pid] for pid in told}, told)
                # Those that have most are the ones apart.
                together = {pid: count for pid, count in self.sums([rest]).items() if count}
                self.assertLessEqual(max(together.values()), min(body.total() for body in apart))
                self.assertEqual({labels.get("comm") for _, labels, _ in rest.samples}, {"truth_brief"})


def told_by(parent):
    """Of each that it started: what it said that it opened."""
    told, last = {}, 0
    for line in parent.lines:
        if found := re.fullmatch(r"opens (\d+)", line):
            last = int(found[1])
        if found := re.fullmatch(r"process (\d+)", line):
            told[int(found[1])] = last
    return told


class Trouble(Receiving):
    """A backend that misbehaves, and two programs whose events it is to get all the same."""

    def setUp(self):
        super().setUp()
        self.targets = [self.steady(400), self.steady(400)]

    def run_with(self, at, *words, **more):
        pids = [word for one in self.targets for word in ("-p", str(one.pid))]
        tracer = self.start(*pids, "--continuous", "--loop", "100ms", "--push", self.url("parca", at), *words, **more)
        for one in self.targets:
            one.go()
        return tracer

    def targets_end(self):
        for one in self.targets:
            one.wait_for("^over$")
            one.go()
            self.assertEqual(one.wait(), 0)

    def expect_all(self, bodies):
        for function in ("open_once", "open_twice"):
            self.assertEqual(+self.sums(bodies, function), {
                one.pid: opens(one, function) for one in self.targets})
        self.expect_one_each(bodies)

    def test_errors_are_tried_again(self):
        # The first pause is a second at most, where nothing else is asked for.
        script = [(429, {"Retry-After": "2"}), 503, 500]
        with receiver.Receiver(*script) as at:
            tracer = self.run_with(at, "--metrics", "0")
            at.wait_for(len(script) + 1)
            metrics = self.settled(tracer)
            self.targets_end()
            self.assertEqual(tracer.wait(), 0, tracer.said())
        self.expect_all(self.arrived("parca", at)[len(script):])
        self.assertGreaterEqual(at.times[1] - at.times[0], 1.9)
        self.assertEqual(metrics["jtrace_upload_retries_total"], 3)
        self.assertRegex(tracer.said(), "jtrace: sent to http://127.0.0.1:")
        # While it went on: that it failed, and that it works again; without a window in between.
        said = self.lines(tracer, "answered 429, asks to wait 2 s; profiles wait in /var/spool/jtrace and are tried again")
        self.assertEqual(len(said), 1, tracer.said())
        again = self.lines(tracer, f"http://127.0.0.1:{at.port}/profiles/writeraw takes profiles again")
        self.assertEqual(len(again), 1, tracer.said())
        self.assertLess(tracer.lines.index(said[0]), tracer.lines.index(again[0]))

    def lines(self, tracer, part):
        return [line for line in tracer.lines if part in line]

    def test_a_token_that_is_replaced_is_taken_over(self):
        first, second = "tok-of-the-morning", "tok-of-the-evening"
        token = self.folder / "token"
        token.write_text(first)
        token.chmod(0o600)  # nobody, who traces, may read it all the same
        with receiver.Receiver(accept=first) as at:
            tracer = self.run_with(at, "--push-token-file", str(token))
            at.wait_for(2)
            at.accept = second
            tracer.wait_for(f"http://127.0.0.1:{at.port}/profiles/writeraw: answered 401: .*; profiles wait in ")
            fresh = self.folder / "fresh"
            fresh.write_text("Bearer " + second)
            fresh.chmod(0o600)
            fresh.rename(token)
            tracer.wait_for(f"the token in {token} was read again")
            tracer.wait_for("takes profiles again")
            self.targets_end()
            self.assertEqual(tracer.wait(), 0, tracer.said())
        taken = [request for request, status in zip(at.requests, at.statuses) if status == 200]
        self.assertEqual({status for status in at.statuses}, {200, 401})
        at.requests = taken
        self.expect_all(self.arrived("parca", at))
        for secret in (first, second):
            self.assertNotIn(secret, tracer.said())

    def test_a_token_that_is_not_taken_keeps_the_profiles(self):
        with receiver.Receiver(accept="tok-of-tomorrow") as at:
            tracer = self.run_with(at, env={"JTRACE_PUSH_TOKEN": "tok-of-today"})
            self.targets_end()
            self.assertEqual(tracer.wait(), 1, tracer.said())
            self.assertEqual(len(self.lines(tracer, "and are tried again")), 1, tracer.said())
            said = re.search(r"not accepted; (\d+) profiles wait in /var/spool/jtrace for the next run", tracer.said())
            self.assertIsNotNone(said, tracer.said())
            self.assertEqual(self.spooled(), int(said[1]))
            at.accept = None
            at.requests.clear()
            self.resume(at)
        self.expect_all([body for body in self.arrived("parca", at)
                         if body.about.get("pid") in {one.pid for one in self.targets}])

    def test_a_sender_that_is_killed_is_said_at_once(self):
        with receiver.Receiver() as at:
            tracer = self.start("-p", str(self.targets[0].pid), "--continuous", "--loop", "1h", "-f",
                                str(self.folder / "%n.json"), "--push", self.url("parca", at))
            children = pathlib.Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text(encoding="ascii")
            names = {pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip(): int(pid)
                     for pid in children.split()}
            os.kill(names["jtrace-sender"], signal.SIGKILL)
            # No window ends for an hour.
            tracer.wait_for("the sender of profiles is gone: profiles are not sent until jtrace is started again; "
                            "files are written on")
            for one in self.targets:
                one.go()
            self.targets_end()
            self.assertEqual(tracer.wait(), 1, tracer.said())
        self.assertEqual(len(self.lines(tracer, "files are written on")), 1, tracer.said())
        self.assertIn("1 of 1 not taken: the sender of profiles is gone", tracer.said())
        self.assertEqual(at.requests, [])
        self.assertEqual(len(list(self.folder.glob("*.json"))), 1)

    def resume(self, at):
        """Another run, of a process that opens nothing."""
        idle = self.steady(0)
        tracer = self.start("-p", str(idle.pid), "--push", self.url("parca", at))
        idle.go()
        idle.wait_for("^over$")
        idle.go()
        self.assertEqual(tracer.wait(), 0, tracer.said())
        self.assertEqual(self.spooled(), 0)

    def spooled(self):
        return len(list((self.spool / "jtrace/parca").glob("*.window")))

    def settled(self, tracer):
        """Its figures, once the targets have said all they had: they and it still run."""
        for one in self.targets:
            one.wait_for("^over$")
        over = sum(line.startswith("jtrace: window ") for line in tracer.lines)
        tracer.wait_for(f"jtrace: window {over + 1}: ")
        return self.metrics_of(tracer)

    def test_one_that_stalls_holds_no_window_and_the_next_run_sends_them(self):
        with receiver.Receiver("stall") as at:
            tracer = self.run_with(at, "--metrics", "0")
            metrics = self.settled(tracer)
            self.assertGreaterEqual(metrics["jtrace_upload_waiting_windows"], 4)
            self.assertGreater(metrics["jtrace_upload_spool_bytes"], 0)
            self.targets_end()
            self.assertEqual(tracer.wait(), 0, tracer.said())
            said = re.search(r"(\d+) profiles wait in /var/spool/jtrace", tracer.said())
            self.assertIsNotNone(said, tracer.said())
            waiting = self.spooled()
            self.assertEqual(waiting, int(said[1]))
            self.assertEqual(len(at.requests), 1)
        with receiver.Receiver() as at:
            self.resume(at)
        bodies = self.arrived("parca", at)
        self.assertEqual(len(bodies), waiting + 1)  # and of the run that sent them
        self.expect_all(bodies[:waiting])

    def test_who_is_killed_has_them_sent_by_the_next_run(self):
        with receiver.Receiver(*[503] * 1000) as at:
            tracer = self.run_with(at, "--metrics", "0")
            metrics = self.settled(tracer)
            tracer.process.kill()
            tracer.wait()
            waiting = self.spooled()
            self.assertIn(metrics["jtrace_upload_waiting_windows"], range(4, waiting + 1))
        with receiver.Receiver() as at:
            self.resume(at)
        bodies = [body for body in self.arrived("parca", at)
                  if body.about.get("pid") in {one.pid for one in self.targets}]
        self.assertEqual(len(bodies), waiting)
        self.targets_end()
        self.expect_all(bodies)

    def test_what_is_refused_is_counted(self):
        with receiver.Receiver(400, 200, 413) as at:
            tracer = self.run_with(at, "--metrics", "0")
            metrics = self.settled(tracer)
            self.targets_end()
            self.assertEqual(tracer.wait(), 1, tracer.said())
        count = len(at.requests)
        self.assertGreaterEqual(count, 5)
        self.assertEqual(metrics['jtrace_uploads_total{outcome="refused"}'], 2)
        self.assertIn(f"2 of {count} not taken: ", tracer.said())
        self.assertEqual(len(self.lines(tracer, "refuses profiles for good: answered 400")), 1, tracer.said())
        total = sum(body.total() for body in self.arrived("parca", at))
        self.assertEqual(total, sum(opens(one, "open_once", "open_twice") for one in self.targets))

    def test_what_finds_no_room_is_counted(self):
        with receiver.Receiver() as at:
            pass  # nobody answers there now
        tracer = self.run_with(at, "--metrics", "0", room="-t tmpfs -o size=20k,mode=755 none")
        metrics = self.settled(tracer)
        self.targets_end()
        self.assertEqual(tracer.wait(), 1, tracer.said())
        dropped = metrics['jtrace_uploads_total{outcome="dropped"}']
        self.assertGreaterEqual(dropped, 1)
        self.assertGreaterEqual(metrics["jtrace_upload_waiting_windows"], 1)
        self.assertLessEqual(metrics["jtrace_upload_spool_bytes"], 20 << 10)
        self.assertIn("not taken: ", tracer.said())
        self.assertEqual(len(self.lines(tracer, "the spool /var/spool/jtrace has no room: ")), 1, tracer.said())

    def metrics_of(self, tracer):
        address = tracer.wait_for("metrics at ").split("metrics at ")[1]
        with urllib.request.urlopen(address, timeout=30) as answer:
            text = answer.read().decode()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if not line.startswith("#")}


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    Receiving.jtrace, Receiving.programs = sys.argv[1], pathlib.Path(sys.argv[2])
    WHY = otlp.reason() or next((f"no {one}" for one in ("go", "java") if not shutil.which(one)), None)
    if WHY or os.geteuid() != 0:
        print("no reader of what is sent:", WHY or "not root")
        sys.exit(1 if "tools" in os.environ.get("JTRACE_REQUIRE", "").split(",") else 77)
    READER = otlp.Definitions()
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
