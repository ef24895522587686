#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`jtrace convert IN --push URL`, the same of a trace, and what each backend's reader makes of what arrives.

convert_test.py JTRACE GOLDEN: GOLDEN is test/golden/json.
"""

import base64
import gzip
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import unittest

import otlp
import push_case
import receiver

TOKEN = "tok-7d21"


class Convert(push_case.PushCase):
    def setUp(self):
        super().setUp()
        self.profile = self.folder / "in.json"
        shutil.copy(pathlib.Path(GOLDEN, "java.expected"), self.profile)

    def convert(self, *arguments, wrapper=(), **env):
        run = subprocess.run([*wrapper, JTRACE, "convert", self.profile, *arguments],
                             capture_output=True, text=True, timeout=100,
                             env=push_case.environment(**env))
        self.assertNotIn(TOKEN, run.stdout + run.stderr)
        return run

    def push(self, scheme, *script, path="", tls=None, **env):
        with receiver.Receiver(*script, tls=tls) as backend:
            run = self.convert("--push", f"{scheme}://127.0.0.1:{backend.port}{path}", **env)
        return run, backend

    def accepted(self, scheme, **more):
        run, backend = self.push(scheme, **more)
        self.assertEqual((run.returncode, run.stdout, run.stderr), (0, "", ""))
        (request,) = backend.requests
        return request

    def test_otlp(self):
        path, headers, body = self.accepted("otlp+http")
        self.assertEqual(path, "/v1development/profiles")
        self.assertEqual((headers["Content-Type"], headers["Content-Encoding"]),
                         ("application/x-protobuf", "gzip"))
        request = READER.read(gzip.decompress(body))
        (profile,) = otlp.profiles(request)
        self.assertEqual(sum(sample.values[0] for sample in profile.samples), 1234)
        stacks = [otlp.frames(request, sample) for sample in profile.samples]
        self.assertIn(("java/lang/Thread.run", "app/Server.loop", "app/Server.handle",
                       "app/Store.get", "java/io/FileInputStream.open0",
                       "Java_java_io_FileInputStream_open0", "open64"), stacks)
        self.assertEqual(otlp.resource(request), {
            "service.name": "java", "process.pid": 4242, "host.name": "build-7.example"})

    def series_of(self, headers, body):
        if headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return json.loads(body)

    LABELS = {"__name__": "jtrace", "service_name": "java", "pid": "4242",
              "host": "build-7.example", "event": "syscalls:sys_enter_openat"}

    def check_pprof(self, sample):
        file = self.folder / "arrived.pb.gz"
        file.write_bytes(base64.b64decode(sample["rawProfile"], validate=True))
        text = subprocess.run(
            ["go", "tool", "pprof", "-symbolize=none", "-raw", file], check=True, text=True,
            capture_output=True, env={**os.environ, "HOME": str(self.folder),
                                      "PPROF_TMPDIR": str(self.folder), "GOFLAGS": "-mod=mod"},
        ).stdout
        counts = re.findall(r"^ +(\d+): [\d ]+$", text, re.M)
        self.assertEqual(sum(map(int, counts)), 1234)
        self.assertIn("app/Store.get", text)
        self.assertIn("ledger: fired = 1310", text)

    def test_pyroscope(self):
        path, headers, body = self.accepted("pyroscope+http")
        self.assertEqual(path, "/push.v1.PusherService/Push")
        self.assertEqual((headers["Content-Type"], headers["Content-Encoding"]),
                         ("application/json", "gzip"))
        (series,) = self.series_of(headers, body)["series"]
        self.assertEqual({one["name"]: one["value"] for one in series["labels"]}, self.LABELS)
        (sample,) = series["samples"]
        self.check_pprof(sample)

    def test_parca(self):
        path, headers, body = self.accepted("parca+http")
        self.assertEqual(path, "/profiles/writeraw")
        self.assertNotIn("Content-Encoding", headers)
        request = self.series_of(headers, body)
        self.assertTrue(request["normalized"])
        (series,) = request["series"]
        labels = series["labels"]["labels"]
        self.assertEqual({one["name"]: one["value"] for one in labels}, self.LABELS)
        (sample,) = series["samples"]
        self.check_pprof(sample)

    def test_a_path_tells_the_backend_or_is_kept(self):
        path, headers, _ = self.accepted("http", path="/v1development/profiles")
        self.assertEqual((path, headers["Content-Type"]),
                         ("/v1development/profiles", "application/x-protobuf"))
        path, _, _ = self.accepted("parca+http", path="/api/profiles/writeraw?tenant=a")
        self.assertEqual(path, "/api/profiles/writeraw?tenant=a")

    def test_the_token_is_the_files_or_the_variables(self):
        file = self.folder / "token"
        file.write_text("Basic " + TOKEN + "\n")
        with receiver.Receiver() as backend:
            url = f"otlp+http://127.0.0.1:{backend.port}"
            for more in (["--push-token-file", file], []):
                run = self.convert("--push", url, *more, JTRACE_PUSH_TOKEN=TOKEN)
                self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual([headers["Authorization"] for _, headers, _ in backend.requests],
                         ["Basic " + TOKEN, "Bearer " + TOKEN])

    def test_one_line_says_why_not(self):
        for script, why in (
                (400, "answered 400"),
                (500, "answered 500"),
                ((429, {"Retry-After": "7"}), "answered 429, asks to wait 7 s"),
                ((302, {"Location": "http://127.0.0.1:1/"}),
                 "answered 302, a redirect, which is not followed"),
                (403, "answered 403: the token is missing or not accepted"),
                ("close", "Empty reply from server")):
            run, backend = self.push("otlp+http", script, path="/p?token=" + TOKEN,
                                     JTRACE_PUSH_TOKEN=TOKEN)
            self.assertEqual(run.returncode, 1)
            self.assertEqual(run.stderr,
                             f"jtrace: push to http://127.0.0.1:{backend.port}/p: {why}\n")
            self.assertEqual(len(backend.requests), 1)
        with receiver.Receiver() as backend:
            port = backend.port
        run = self.convert("--push", f"otlp+http://127.0.0.1:{port}")
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"^jtrace: push to http://127\.0\.0\.1:\d+/v1development/"
                                     r"profiles: .*[Cc]onnect.*\n$")

    def test_what_it_does_not_take(self):
        empty, lines = self.folder / "empty", self.folder / "lines"
        empty.write_text("\n")
        lines.write_text(TOKEN + "\nX-Other: header\n")
        good = "otlp+http://127.0.0.1:1"
        for arguments, why in (
                (["--push", "otlp+http://me:" + TOKEN + "@h"],
                 "--push otlp+http://***@h: credentials do not belong into a URL"),
                (["--push", "http://u:p@" + TOKEN + "@h/x"], "--push http://***@h/x: "),
                (["--push", TOKEN + "@h"], "--push ***@h: not a URL that profiles can be sent to"),
                (["--push", "ftp://h"], "--push ftp://h: not a URL that profiles can be sent to"),
                (["--push", "otlp+file:///etc/passwd"], "not a URL that profiles can be sent to"),
                (["--push", "http://h:4318"], "the URL does not tell which backend is there"),
                (["--push", good, "--push-token-file", empty], "there is no token in it"),
                (["--push", good, "--push-token-file", lines], "a token is one line of ASCII"),
                (["--push", good, "--push-token-file", "/none"], "--push-token-file: read /none"),
                (["--pusch", "http://u:" + TOKEN + "@h/"], "unknown option '--pusch'"),
                (["http://u:" + TOKEN + "@h/"], "unexpected argument 'http://***@h/'")):
            with self.subTest(why):
                run = self.convert(*arguments)
                self.assertEqual((run.returncode, run.stdout), (2, ""))
                self.assertIn(why, run.stderr)
                self.assertEqual(run.stderr.count("\n"), 1)

    def test_a_configuration_sends_no_file_away(self):
        with receiver.Receiver() as backend:
            out = self.folder / "x.txt"
            run = self.convert("-f", out,
                               JTRACE_PUSH=f"otlp+http://127.0.0.1:{backend.port}")
            self.assertEqual((run.returncode, backend.requests), (0, []))
            self.assertTrue(out.exists())

    def test_files_are_written_before_it_is_sent(self):
        out = self.folder / "x.txt"
        with receiver.Receiver(400) as backend:
            run = self.convert("-f", out, "--push", f"otlp+http://127.0.0.1:{backend.port}")
        self.assertEqual(run.returncode, 1)
        self.assertTrue(out.exists())

    def test_the_difference_of_two_is_not_sent(self):
        shutil.copy(pathlib.Path(GOLDEN, "difference.expected"), self.profile)
        run, backend = self.push("otlp+http")
        self.assertEqual((run.returncode, backend.requests), (2, []))
        self.assertIn("--push: no backend takes the difference of two profiles", run.stderr)

    def certificate(self):
        key, cert = self.folder / "key.pem", self.folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", key, "-out", cert, "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return cert, context

    def test_tls_is_verified(self):
        cert, context = self.certificate()
        run, backend = self.push("otlp+https", tls=context)
        self.assertEqual((run.returncode, backend.requests), (1, []))
        self.assertIn("SSL certificate problem", run.stderr)
        # The same where this machine trusts it: in a namespace of mounts, nothing of it changes.
        trusted = subprocess.run(["curl-config", "--ca"], check=True, capture_output=True,
                                 text=True).stdout.strip()
        with receiver.Receiver(tls=context) as backend:
            run = self.convert("--push", f"otlp+https://127.0.0.1:{backend.port}", wrapper=[
                "unshare", "-m", "sh", "-c", f'mount --bind "{cert}" "{trusted}" && exec "$@"', "-"])
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertEqual(len(backend.requests), 1)


class Trace(push_case.PushCase):
    """What --push does for a trace: from a process that may open no socket once it traces."""

    def trace(self, *arguments, spool):
        # The spool's folder is the machine's own.
        bind = ("unshare", "--mount", "sh", "-c",
                'mkdir -p /var/spool && mount --bind "$0" /var/spool && exec "$@"', str(spool))
        run = subprocess.run(
            [*bind, JTRACE, "-t", "syscalls:sys_enter_openat", *arguments, "--", "/bin/cat",
             "/etc/hostname"], capture_output=True, text=True, timeout=100,
            env=push_case.environment(JTRACE_PUSH_TOKEN=TOKEN), cwd=self.folder)
        self.assertNotIn(TOKEN, run.stdout + run.stderr)
        return run

    def setUp(self):
        super().setUp()
        self.spool = self.folder / "spool"
        self.spool.mkdir()

    def test_its_profile_arrives_and_no_file_is_written(self):
        with receiver.Receiver() as backend:
            run = self.trace("--push", f"otlp+http://127.0.0.1:{backend.port}", spool=self.spool)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("jtrace: sent to http://127.0.0.1:", run.stderr)
        (request,) = backend.requests
        self.assertEqual(request[1]["Authorization"], "Bearer " + TOKEN)
        (profile,) = otlp.profiles(READER.read(gzip.decompress(request[2])))
        self.assertGreater(sum(sample.values[0] for sample in profile.samples), 1)
        self.assertEqual(list(self.folder.glob("*.html")), [])

    def test_what_nobody_takes_waits_for_the_next_run(self):
        with receiver.Receiver() as backend:
            port = backend.port
        run = self.trace("--push", f"otlp+http://127.0.0.1:{port}", spool=self.spool)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("1 profile waits in /var/spool/jtrace", run.stderr)
        with receiver.Receiver() as backend:
            run = self.trace("--push", f"otlp+http://127.0.0.1:{backend.port}", spool=self.spool)
        self.assertEqual((run.returncode, len(backend.requests)), (0, 2), run.stderr)

    def test_what_is_refused_fails_the_run(self):
        with receiver.Receiver(400) as backend:
            run = self.trace("--push", f"otlp+http://127.0.0.1:{backend.port}", "-f", "x.txt",
                             spool=self.spool)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertIn("1 of 1 not taken", run.stderr)
        self.assertTrue((self.folder / "x.txt").exists())


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    JTRACE, GOLDEN = sys.argv[1:3]
    WHY = otlp.reason() or (None if shutil.which("go") else "no go (package golang-go)")
    if WHY or os.geteuid() != 0:
        print("no reader of what is sent:", WHY or "not root")
        sys.exit(1 if "tools" in os.environ.get("JTRACE_REQUIRE", "").split(",") else 77)
    READER = otlp.Definitions()
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
