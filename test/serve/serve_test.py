#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The process that serves, with visitors that misbehave.

serve_test.py DRIVER GOLDEN: runs serve_driver as root, so that what is given up can be seen; GOLDEN is
test/golden/metrics.
"""

import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import serve_case
from serve_case import TOKEN, Answer, ServeCase, read_all

GOLDEN = None


def profile_of(page):
    """What a flame graph page draws."""
    begin = page.index(b'<script type="application/json" id="profile">')
    return json.loads(page[page.index(b">", begin) + 1:page.index(b"</script>", begin)])


def promtool(text):
    return subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)


class Routes(ServeCase):
    def setUp(self):
        self.driver_ = self.driver("serve=127.0.0.1:0", "metrics=127.0.0.1:0")
        self.port = self.driver_.ports["serve"]

    def get(self, path, *headers, **more):
        return self.ask(self.port, path, *headers, **more)

    def test_each_has_its_answer(self):
        self.assertEqual(self.get("/metrics").status, 503)
        self.assertEqual(json.loads(self.get("/api/windows").body), {"windows": [], "dropped": 0, "live": None})
        self.driver_("window java")
        self.driver_("window server")
        self.driver_("counters")
        listed = json.loads(self.get("/api/windows").body)["windows"]
        self.assertEqual([one["id"] for one in listed], [1, 2])
        self.assertEqual(listed[0]["target"], "java (pid 4242)")
        first = profile_of(self.get("/window/1.html").body)
        self.assertEqual(first["target"], "java (pid 4242)")
        kept = json.loads(self.get("/window/1.json").body)
        self.assertEqual(kept["header"]["target"], first["target"])
        both = profile_of(self.get("/merged?from=1&to=2").body)
        second = profile_of(self.get("/window/2.html").body)
        self.assertEqual(sum(both["self"]), sum(first["self"]) + sum(second["self"]))
        differs = profile_of(self.get("/diff?base=1&new=2").body)
        self.assertEqual((sum(differs["before"]), sum(differs["self"])),
                         (sum(first["self"]), sum(second["self"])))
        self.assertEqual((differs["base"].split(",")[0], differs["new"].split(",")[0]),
                         ("window 1", "window 2"))
        self.assertIn("windows 1 to 2", profile_of(self.get("/diff?base=1&new=1-2").body)["new"])
        self.assertIn(b"Compared with", self.get("/").body)

    def test_one_process_of_several(self):
        for name in ("shared", "shared2", "shared"):
            self.driver_("window " + name)
        self.driver_("counters")

        def data(path):
            return json.loads(self.get(path).body)

        def events(page):
            return sum(page["rows"]["values"][0])

        whole = data("/window/1.html?as=data")
        java = whole["choices"]["processes"][0]
        self.assertEqual(java, {"key": "43@2026-01-02T00:00:00.000Z", "name": "app.Main (pid 43)"})
        self.assertEqual(whole["page"], profile_of(self.get("/window/1.html").body))
        self.assertEqual(events(whole["page"]), 60)
        one = data(f"/window/1.html?as=data&process={java['key']}")
        self.assertEqual((events(one["page"]), one["page"]["target"]), (30, java["name"]))
        self.assertEqual(one["choices"], whole["choices"])
        self.assertEqual(events(data(f"/merged?from=1&to=3&as=data&process={java['key']}")["page"]), 120)
        differs = data(f"/diff?base=1&new=2-3&as=data&process={java['key']}")
        self.assertEqual((sum(differs["page"]["before"]), sum(differs["page"]["self"])), (30, 90))
        self.assertEqual(differs["choices"], whole["choices"])
        closes = data("/diff?base=1&new=2&as=data&event=syscalls:sys_enter_close&weight=bytes")["page"]
        self.assertEqual((sum(closes["before"]), sum(closes["self"]), closes["unit"]), (5 * 4096, 10 * 4096, "bytes"))
        self.assertEqual(data("/window/1.html?as=data&process=nobody")["page"]["names"], [])

    def test_what_is_wrong_is_said(self):
        self.driver_("window java")
        self.driver_("counters")
        for path, status in (("/nothing", 404), ("/window/2.html", 404), ("/window/1.exe", 404),
                             ("/window/../1.html", 404), ("/window/-1.html", 404), ("/window/1", 404),
                             ("/window/99999999999999999999.html", 404), ("/merged", 400),
                             ("/merged?from=5&to=9", 404), ("/merged?from=x&to=1", 400), ("/diff", 400),
                             ("/diff?base=1&new=2", 404), ("/diff?base=1-&new=1", 400),
                             ("/diff?base=1&new=3-2", 400), ("//etc/passwd", 404)):
            with self.subTest(path):
                answer = self.get(path)
                self.assertEqual(answer.status, status)
                self.assertTrue(answer.body.endswith(b"\n"))

    def test_metrics_are_as_promtool_wants_them(self):
        self.driver_("metrics 12345678901")
        self.driver_("counters")
        text = self.get("/metrics").body
        self.assertEqual(self.ask(self.driver_.ports["metrics"], "/metrics").body, text)
        self.assertIn(b'jtrace_events_fired_total{event="syscalls:sys_enter_openat"} 12345678901\n', text)
        for one in (text, (GOLDEN / "full.expected").read_bytes()):
            checked = promtool(one)
            self.assertEqual((checked.returncode, checked.stdout, checked.stderr), (0, b"", b""))
        self.assertNotEqual(promtool(text.replace(b"fired_total", b"fired")).stdout + promtool(
            text.replace(b"fired_total", b"fired")).stderr, b"")

    def test_the_last_metrics_count(self):
        for i in range(1, 50):
            self.driver_(f"metrics {i}")
            self.driver_("counters")
        self.driver_("metrics 77")
        while b" 77\n" not in self.get("/metrics").body:
            self.driver_("metrics 77")

    def test_the_address_of_metrics_has_nothing_else(self):
        self.driver_("window java")
        self.driver_("counters")
        for path in ("/", "/api/windows", "/window/1.json"):
            self.assertEqual(self.ask(self.driver_.ports["metrics"], path).status, 404)

    def test_the_live_window_is_no_finished_one(self):
        def listed():
            every = json.loads(self.get("/api/windows").body)
            return [one["id"] for one in every["windows"]], (every["live"] or {}).get("id")

        def events(path):
            return sum(profile_of(self.get(path).body)["self"])

        self.driver_("window java")
        self.assertEqual(self.driver_("window java 1")["handed"], True)
        while listed() != ([1], 1):
            pass
        one = events("/window/1.html")
        self.assertEqual(events("/window/live.html"), one)
        self.assertEqual(events("/merged?from=1&to=live"), 2 * one)
        self.assertEqual(events("/merged?from=1&to=9"), one)
        self.assertEqual(self.get("/window/live.json").body, self.get("/window/1.json").body)
        self.assertIn("the window that goes on", profile_of(self.get("/diff?base=1&new=live").body)["new"])
        self.driver_("window server 1")  # its next state
        while listed() != ([1], 2):
            pass
        self.assertNotEqual(events("/window/live.html"), one)
        counters = self.driver_("window java") and self.driver_("counters")  # its end
        self.assertEqual(listed(), ([1, 2], None))
        self.assertEqual((counters["published"], counters["taken"], counters["windows"], counters["dropped"]), (2, 2, 2, 0))
        self.assertEqual(self.get("/window/live.html").status, 404)
        self.assertEqual(events("/merged?from=1&to=live"), 2 * one)

    def test_who_looks_at_it_is_told_to_the_tracer(self):
        self.assertEqual(self.driver_("watched"), {"watched": False, "open": True})
        for path in ("/", "/api/windows", "/graph.html", "/window/1.html", "/merged?from=1&to=2"):
            self.get(path)
        self.assertEqual(self.driver_("watched"), {"watched": False, "open": True})
        for path in ("/api/windows?live=1", "/window/live.html", "/merged?from=1&to=live", "/diff?base=1&new=live"):
            with self.subTest(path):
                self.get(path)
                self.assertTrue(self.driver_("watched")["watched"])
                self.assertFalse(self.driver_("watched")["watched"])
        for _ in range(3):
            self.get("/api/windows?live=1")
        self.assertTrue(self.driver_("watched")["watched"])
        self.assertFalse(self.driver_("watched")["watched"])
        self.driver_("kill")
        self.assertEqual(self.driver_("watched"), {"watched": False, "open": False})

    def test_other_hosts_are_refused(self):
        for host in ("evil.example", "localhost.evil.example", "evil.example:7070", "127.0.0.1.evil.example",
                     "", None, "[::1", "localhost:port", "127.0.0.1:80:80", "2130706433"):
            with self.subTest(host):
                answer = self.get("/api/windows", host=host)
                self.assertIn(answer.status, (400, 421))
                self.assertNotIn(b"windows\"", answer.body)
        for host in ("localhost", "127.0.0.1:7070", "[::1]:7070", "LOCALHOST", socket.gethostname()):
            self.assertEqual(self.get("/api/windows", host=host).status, 200, host)

    def test_only_reading(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
            self.assertEqual(self.get("/api/windows", "Content-Length: 0", method=method).status, 405)
        self.assertEqual(self.get("/api/windows", method="HEAD").body, b"")

    def test_headers_of_security(self):
        self.driver_("window java")
        self.driver_("counters")
        for path in ("/", "/api/windows", "/window/1.html", "/nothing"):
            headers = self.get(path, "Origin: http://evil.example").headers
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["referrer-policy"], "no-referrer")
            self.assertEqual(headers["cache-control"], "no-store")
            self.assertIn("frame-ancestors", headers["content-security-policy"])
            self.assertNotIn("access-control-allow-origin", headers)
        page = self.get("/").body.decode()
        self.assertRegex(page, r"default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'")


class Tokens(ServeCase):
    def setUp(self):
        file = tempfile.NamedTemporaryFile("w", delete=False)
        self.addCleanup(os.unlink, file.name)
        with file:
            file.write(TOKEN + "\n")
        self.file = file.name

    def test_others_are_not_reached_without_one(self):
        for setting in ("serve=0.0.0.0:0", "metrics=0.0.0.0:0", "serve=[::]:0", "serve=192.0.2.1:7070"):
            status, errors = serve_case.Driver(setting).end()
            self.assertEqual(status, 2)
            self.assertIn("others reach this address, and no token is asked for\n", errors)

    def test_it_is_asked_for(self):
        for how in ({"env": {"JTRACE_SERVE_TOKEN": TOKEN}}, {}):
            more = [] if how else ["token-file=" + self.file]
            driver = self.driver("serve=0.0.0.0:0", "metrics=127.0.0.1:0", *more, **how)
            driver("metrics 1")
            driver("counters")
            for port, path in ((driver.ports["serve"], "/api/windows"), (driver.ports["metrics"], "/metrics")):
                for wrong in ((), ("Authorization: Bearer wrong",), (f"Authorization: Bearer {TOKEN}x",),
                              (f"Authorization: Bearer {TOKEN[:-1]}",), ("Authorization: Bearer ",),
                              (f"Authorization: Basic {TOKEN}",), (f"Cookie: jtrace_session={TOKEN}",),
                              ("Cookie: jtrace_session=",), ("Cookie: jtrace_session",), ("Cookie: ;;",)):
                    answer = self.ask(port, path, *wrong)
                    self.assertEqual((answer.status, answer.headers["www-authenticate"]), (401, "Bearer"))
                    self.assertNotIn(TOKEN.encode(), answer.body)
                self.assertEqual(self.ask(port, path, f"Authorization: Bearer {TOKEN}").status, 200)
            self.assertNotIn(TOKEN, pathlib.Path(f"/proc/{driver.process.pid}/cmdline").read_text())

    def test_once_as_a_parameter(self):
        driver = self.driver("serve=127.0.0.1:0", "token-file=" + self.file)
        port = driver.ports["serve"]
        self.assertEqual(self.ask(port, "/?token=wrong").status, 401)
        self.assertEqual(self.ask(port, f"/api/windows?token={TOKEN}").status, 401)
        answer = self.ask(port, f"/?token={TOKEN}")
        self.assertEqual((answer.status, answer.headers["location"]), (303, "/"))
        cookie, *rest = answer.headers["set-cookie"].split("; ")
        self.assertEqual(rest, ["HttpOnly", "SameSite=Strict", "Path=/"])
        self.assertNotIn(TOKEN, cookie)
        self.assertEqual(self.ask(port, "/api/windows", f"Cookie: other=1; {cookie}").status, 200)
        self.assertEqual(self.ask(port, "/api/windows", f"Cookie: {cookie[:-1]}").status, 401)

    def test_one_that_can_be_guessed_is_none(self):
        for token in ("short", "two words of it here", "tab\tin a long long token"):
            status, errors = serve_case.Driver("serve=127.0.0.1:0", env={"JTRACE_SERVE_TOKEN": token}).end()
            self.assertEqual((status, errors), (2, "JTRACE_SERVE_TOKEN: a token is one word of 16 characters of"
                                                   " ASCII at least\n"))


class Limits(ServeCase):
    def test_a_slow_visitor_holds_nobody_and_is_cut(self):
        driver = self.driver("serve=127.0.0.1:0", "ask=700")
        port = driver.ports["serve"]
        slow = [self.connect(port) for _ in range(30)]
        begin = time.monotonic()
        cut = 0
        while cut < len(slow):
            cut = 0
            for one in slow:
                try:  # a byte now and then, for ever
                    one.sendall(b"X")
                    cut += one.recv(1, socket.MSG_DONTWAIT) == b""
                except BlockingIOError:
                    pass
                except OSError:
                    cut += 1
            asked = time.monotonic()
            self.assertEqual(self.ask(port, "/api/windows").status, 200)
            self.assertLess(time.monotonic() - asked, 0.6)
            self.assertLess(time.monotonic() - begin, 20)
        self.assertGreater(time.monotonic() - begin, 0.6)

    def test_one_that_does_not_read_is_cut_too(self):
        driver = self.driver("serve=127.0.0.1:0", "take=700")
        port = driver.ports["serve"]
        driver("window java 0 30000000")
        driver("counters")
        slow = self.connect(port)
        slow.sendall(b"GET /window/1.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(self.ask(port, "/api/windows").status, 200)
        begin = time.monotonic()
        resident = 30_000_000  # what it read ahead for that one is free again, once it is cut
        while time.monotonic() - begin < 1:
            self.assertEqual(self.ask(port, "/api/windows").status, 200)
        self.assertLess(len(read_all(slow)), resident)

    def test_more_connections_than_there_is_room_for_wait(self):
        driver = self.driver("serve=127.0.0.1:0", "connections=4", "ask=500")
        idle = [self.connect(driver.ports["serve"]) for _ in range(12)]
        self.assertEqual(self.ask(driver.ports["serve"], "/api/windows").status, 200)
        for one in idle:
            self.assertEqual(read_all(one), b"")

    def test_large_requests_are_refused(self):
        driver = self.driver("serve=127.0.0.1:0")
        port = driver.ports["serve"]
        for request in ((f"/{'x' * 40000}",), ("/", "X: " + "x" * 40000), ("/", *["X: y"] * 8000)):
            self.assertIn(self.ask(port, *request).status, (0, 400, 413, 414, 431))
        connection = self.connect(port)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n")
        self.assertEqual(Answer(read_all(connection)).status, 405)
        for nonsense in (b"\0" * 100 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\r\n\r\n"):
            connection = self.connect(port)
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            self.assertNotEqual(Answer(read_all(connection)).status, 200)
        self.assertEqual(self.ask(port, "/api/windows").status, 200)

    def test_old_windows_make_room(self):
        driver = self.driver("serve=127.0.0.1:0", "windows=3", "bytes=100000")
        for _ in range(5):
            driver("window java")
        counters = driver("counters")
        self.assertEqual((counters["windows"], counters["dropped"]), (3, 2))
        listed = json.loads(self.ask(driver.ports["serve"], "/api/windows").body)
        self.assertEqual(([one["id"] for one in listed["windows"]], listed["dropped"]), ([3, 4, 5], 2))
        self.assertEqual(self.ask(driver.ports["serve"], "/window/1.html").status, 404)
        driver("window java 0 98000")
        self.assertEqual(driver("counters")["windows"], 1)
        driver("window java 0 200000")  # more than all
        counters = driver("counters")
        self.assertEqual((counters["windows"], counters["dropped"], counters["taken"]), (1, 6, 7))


class Process(ServeCase):
    def test_it_is_nobody_without_rights(self):
        driver = self.driver("serve=127.0.0.1:0", "metrics=127.0.0.1:0")
        status = dict(line.split(":\t", 1) for line in
                      pathlib.Path(f"/proc/{driver.server}/status").read_text().splitlines())
        self.assertEqual(set(status["Uid"].split()) | set(status["Gid"].split()), {"65534"})
        self.assertEqual({int(status[one], 16) for one in ("CapPrm", "CapEff", "CapBnd")}, {0})
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"], status["Name"], status["Threads"]),
                         ("1", "2", "jtrace-server", "1"))

    def test_one_that_is_killed_costs_its_pages_only(self):
        driver = self.driver("serve=127.0.0.1:0")
        driver("window java")
        driver("counters")
        self.assertTrue(driver("kill")["gone"])
        self.assertFalse(driver("window java")["handed"])
        self.assertFalse(driver("metrics 1")["handed"])
        counters = driver("counters")
        self.assertEqual((counters["published"], counters["taken"], counters["lost"]), (2, 1, 1))

    def test_one_that_hangs_holds_nobody(self):
        driver = self.driver("serve=127.0.0.1:0")
        driver("stop")
        answers = [driver("window java") for _ in range(300)]
        self.assertLess(max(one["ms"] for one in answers), 500)
        self.assertFalse(answers[-1]["handed"])
        driver("continue")
        counters = driver("counters")
        self.assertEqual(counters["published"], counters["taken"] + counters["lost"])
        self.assertEqual(counters["lost"], sum(not one["handed"] for one in answers))
        self.assertEqual(counters["windows"], counters["taken"])

    def test_it_ends_with_the_tracer(self):
        driver = self.driver("serve=127.0.0.1:0")
        end = os.pidfd_open(driver.server)
        self.addCleanup(os.close, end)
        driver.process.kill()
        self.assertEqual(signal.SIGKILL, -driver.process.wait(30))
        self.assertTrue(select.select([end], [], [], 30)[0])

    def test_an_address_in_use_is_said(self):
        first = self.driver("serve=127.0.0.1:0")
        status, errors = serve_case.Driver(f"metrics=127.0.0.1:{first.ports['serve']}").end()
        self.assertEqual(status, 1)
        self.assertIn("--metrics: listen on 127.0.0.1:", errors)
        self.assertIn("Address already in use", errors)

    def test_one_address_may_have_both(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        driver = self.driver(f"serve=127.0.0.1:{port}", f"metrics=localhost:{port}")
        driver("metrics 1")
        driver("counters")
        self.assertEqual(self.ask(port, "/metrics").status, 200)
        self.assertEqual(self.ask(port, "/api/windows").status, 200)


if __name__ == "__main__":
    serve_case.Driver.program = sys.argv[1]
    GOLDEN = pathlib.Path(sys.argv[2])
    if shutil.which("promtool") is None and "tools" not in os.environ.get("JTRACE_REQUIRE", ""):
        print("skipped: no promtool")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
