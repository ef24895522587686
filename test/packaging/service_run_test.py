#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""service_run_test.py JTRACE: traces with the rights of the unit and with those of the DaemonSet, and
tells a service manager. Root only; exit status 77 (skipped) without, unless JTRACE_REQUIRE names
`bpf`."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import parts

JTRACE = sys.argv[1]
TRACER, OTHER, NOBODY = 65533, 65532, 65534
LONG = 60  # seconds; what takes longer hangs
SKIPPED = 77
# Opens a file for as long as it runs, so that there are events whenever jtrace is ready.
TARGET = ["setpriv", f"--reuid={OTHER}", f"--regid={OTHER}", "--clear-groups", "sh", "-c",
          "while :; do : </etc/hostname; done"]


def as_flags(capabilities):
    return ",".join("+" + name.removeprefix("CAP_").lower() for name in capabilities)


def status_of(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\t(.*)$", text, re.M))


def capabilities_of(pid, which="CapPrm"):
    bits = int(status_of(pid)[which], 16)
    known = {2: "CAP_DAC_READ_SEARCH", 19: "CAP_SYS_PTRACE", 40: "CAP_CHECKPOINT_RESTORE"}
    return {known.get(bit, bit) for bit in range(64) if bits >> bit & 1}


# As systemd has it; of this process and its children only.
MOUNT = ("mount --make-rprivate / && { mountpoint -q /sys/kernel/tracing || "
         "mount -t tracefs tracefs /sys/kernel/tracing; } && ")
LEFT = {"CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_CHECKPOINT_RESTORE"}


class Traced(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.folder.chmod(0o777)
        target = subprocess.Popen(TARGET)
        self.addCleanup(target.wait)
        self.addCleanup(target.kill)
        self.target = target.pid

    def start(self, command, **environment):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JTRACE_", "XDG_"))}
        self.log = ""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd=self.folder, env={**kept, **environment})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def ends(self, process):
        """Standard output of a run that ends well."""
        output, rest = process.communicate(timeout=LONG)
        self.log += rest
        self.assertEqual(process.returncode, 0, self.log)
        return output

    def count(self, name):
        found = re.search(rf"^ *{name} +([\d,]+)$", self.log, re.M)
        self.assertIsNotNone(found, self.log)
        return int(found.group(1).replace(",", ""))

    def whole(self):
        self.assertGreater(self.count("kept"), 0)
        self.assertEqual(self.count("complete"), self.count("kept"))


class Service(Traced):
    """As the unit: a user with its capabilities, and a manager that listens."""

    def setUp(self):
        super().setUp()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.folder / "notify"))
        self.manager.settimeout(LONG)
        (self.folder / "notify").chmod(0o777)

    def run_service(self, *options, address=None):
        flags = as_flags(parts.unit_capabilities())
        return self.start(["unshare", "--mount", "sh", "-c", MOUNT + 'exec "$@"', "-",
                           "setpriv", f"--reuid={TRACER}", f"--regid={TRACER}", "--clear-groups",
                           "--no-new-privs", f"--inh-caps={flags}", f"--ambient-caps={flags}",
                           f"--bounding-set=-all,{flags}", JTRACE, "-t", "syscalls:sys_enter_openat",
                           "-p", str(self.target), *options],
                          NOTIFY_SOCKET=address or str(self.folder / "notify"),
                          WATCHDOG_USEC="100000", XDG_CACHE_HOME=str(self.folder / "cache"),
                          XDG_STATE_HOME=str(self.folder))

    def hear(self, process, what):
        """The message of the manager's that begins so; those before it."""
        before = []
        while True:
            if not select.select([self.manager], [], [], 0.1)[0]:
                self.assertIsNone(process.poll(), f"ended before {what}")
                continue
            message = self.manager.recv(4096).decode()
            if message.startswith(what):
                return message, before
            before.append(message)

    def test_traces_and_says_so(self):
        service = self.run_service("-f", str(self.folder / "out.pb.gz"))
        ready, before = self.hear(service, "READY=1")
        self.assertEqual(before, [])
        self.assertIn("STATUS=tracing syscalls:sys_enter_openat of", ready)
        # By then it has given up what it does not need.
        self.assertEqual(capabilities_of(service.pid), LEFT)
        self.assertEqual(capabilities_of(service.pid, "CapAmb"), set())
        self.assertEqual(status_of(service.pid)["NoNewPrivs"], "1")
        for _ in range(3):
            self.hear(service, "WATCHDOG=1")
        service.send_signal(signal.SIGTERM)
        stopping, _ = self.hear(service, "STOPPING=1")
        self.assertIn("STATUS=", stopping)
        self.ends(service)
        self.assertTrue((self.folder / "out.pb.gz").stat().st_size)
        self.whole()

    def test_a_reload_takes_over_what_can_change(self):
        config = self.folder / "service.toml"
        config.write_text('loop = "1h"\nmax-memory = "300M"\n')
        service = self.run_service("--config", str(config), "-f", str(self.folder / "%n.pb.gz"))
        self.hear(service, "READY=1")
        config.write_text('loop = "1h"\nmax-memory = "200M"\nkeep = "1"\n')
        service.send_signal(signal.SIGHUP)
        self.hear(service, "RELOADING=1")
        self.hear(service, "READY=1")
        service.send_signal(signal.SIGTERM)
        self.hear(service, "STOPPING=1")
        self.ends(service)
        self.assertIn(f"{config} was read again, now in force: keep = 1\n", self.log)
        self.assertIn(f"changed in {config}: takes effect after a restart: --max-memory\n", self.log)
        self.assertEqual([path.name for path in self.folder.glob("*.pb.gz")], ["1.pb.gz"])

    def test_a_manager_that_cannot_be_reached_is_no_reason_to_stop(self):
        service = self.run_service("-d", "300ms", "-f", str(self.folder / "out.pb.gz"),
                                   address=str(self.folder / "nobody"))
        self.ends(service)
        self.assertIn(f"NOTIFY_SOCKET {self.folder}/nobody: nobody is told of the trace: ",
                      self.log)
        self.whole()

    def test_a_dry_run_is_not_ready(self):
        service = self.run_service("--dry-run", "-f", str(self.folder / "out.pb.gz"))
        self.assertIn("output ", self.ends(service))
        self.manager.settimeout(0)
        self.assertRaises(BlockingIOError, self.manager.recv, 4096)


class DaemonSet(Traced):
    """As the container: root with its capabilities, in a file system that is read only but for the
    volumes."""

    SCRIPT = MOUNT + """\
set -e
for place in /var/log /var/spool /var/cache; do mount -t tmpfs tmpfs $place; done
mkdir /var/log/jtrace
cd /var/log/jtrace
mount -o remount,bind,ro /
"$@" && status=0 || status=$?
find /var/log/jtrace /var/spool -type f -printf '%u %p\\n'
exit $status
"""

    def test_traces_as_nobody(self):
        flags = as_flags(parts.container()["securityContext"]["capabilities"]["add"])
        container = self.start(["unshare", "--mount", "sh", "-c", self.SCRIPT, "-", "setpriv",
                                "--no-new-privs", "--inh-caps=-all", f"--bounding-set=-all,{flags}",
                                JTRACE, "-t", "syscalls:sys_enter_openat", "-p", str(self.target),
                                "-d", "1s", "-f", "/var/log/jtrace/out.pb.gz",
                                "--push", "otlp+http://127.0.0.1:1", "--metrics", "127.0.0.1:0"])
        while not self.log.endswith("\n") or "jtrace: tracing " not in self.log:
            line = container.stderr.readline()
            self.assertTrue(line, self.log)
            self.log += line
        # It is the child of the shell.
        children = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
        self.assertEqual(len(children), 1, self.log)
        users = status_of(children[0])
        self.assertEqual(users["Uid"].split(), [str(NOBODY)] * 4)
        self.assertEqual(users["Gid"].split(), [str(NOBODY)] * 4)
        self.assertEqual(users["Groups"].strip(), "")
        self.assertEqual(capabilities_of(children[0]), LEFT)
        text = self.ends(container)
        self.assertIn("root /var/log/jtrace/out.pb.gz", text)
        self.assertRegex(text, r"nobody /var/spool/jtrace/otlp/\S+")
        self.whole()


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("needs root")
        sys.exit(1 if "bpf" in os.environ.get("JTRACE_REQUIRE", "").split(",") else SKIPPED)
    unittest.main(argv=sys.argv[:1])
