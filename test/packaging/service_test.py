#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""service_test.py JTRACE: the unit, its configuration, the DaemonSet and the container file."""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import parts
from parts import PACKAGING, ROOT

JTRACE = sys.argv[1]
# systemd-analyze security, times ten: what tracing takes is about this much.
MOST_EXPOSURE = 30
# What the container's root has to have to be nobody while it traces.
TO_BE_NOBODY = {"SETUID", "SETGID", "KILL", "CHOWN"}


def clean():
    return {k: v for k, v in os.environ.items() if not k.startswith("JTRACE_")}


def jtrace(*arguments):
    return subprocess.run([JTRACE, *arguments], capture_output=True, text=True, env=clean())


class Configured(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)

    def parsed(self, text, *arguments):
        """Each option as jtrace has it of such a configuration, and the text that says so."""
        file = self.folder / "service.toml"
        file.write_text(text)
        done = jtrace("--config", file, *arguments, "--print-config")
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 0)
        return tomllib.loads(done.stdout), done.stdout

    def holds(self, text):
        """The configuration says all that stands in it, no more, and comes back from what is printed."""
        printed, again = self.parsed(text)
        wanted = tomllib.loads(text)
        # What may be given several times is printed as an array.
        self.assertEqual({key: printed[key] for key in wanted},
                         {key: [value] if isinstance(printed[key], list) and
                          not isinstance(value, list) else value for key, value in wanted.items()})
        self.assertEqual(self.parsed(again)[0], printed)


class Unit(Configured):
    def copy(self):
        """The unit with the program where it is, so that systemd-analyze finds it."""
        file = self.folder / "jtrace.service"
        file.write_text(parts.UNIT.read_text().replace("/usr/bin/jtrace", JTRACE))
        return file

    @parts.needs("systemd-analyze")
    def test_systemd_takes_it(self):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", self.copy()],
                              capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("", "", 0))

    @parts.needs("systemd-analyze")
    def test_little_is_open_to_it(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager",
                               f"--threshold={MOST_EXPOSURE}", self.copy()],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_it_has_the_capabilities_that_are_explained(self):
        text = parts.UNIT.read_text()
        unit = parts.unit()
        self.assertEqual(unit["AmbientCapabilities"], unit["CapabilityBoundingSet"])
        comments = "\n".join(re.findall("^#.*", text, re.M))
        document = (ROOT / "docs/service.md").read_text()
        for capability in parts.unit_capabilities():
            self.assertIn(capability, comments)
            self.assertIn(f"`{capability}`", document)

    @parts.needs("systemd-sysusers")
    def test_its_user_is_made(self):
        user = parts.unit()["User"][0]
        for name in ("passwd", "group"):
            (self.folder / "etc").mkdir(exist_ok=True)
            (self.folder / "etc" / name).write_text("")
        subprocess.run(["systemd-sysusers", f"--root={self.folder}", PACKAGING / "sysusers.conf"],
                       check=True, capture_output=True)
        line = (self.folder / "etc/passwd").read_text().strip()
        self.assertRegex(line, rf"^{user}:[^\n]*:/usr/sbin/nologin$")

    def test_openat2_is_left_to_it(self):
        """systemd refuses it to units that may make no set-uid files: see the comment in the unit."""
        self.assertFalse({"RestrictSUIDSGID", "DynamicUser"} & set(parts.unit()))

    def test_it_stops_without_a_loss(self):
        unit = parts.unit()
        self.assertEqual(unit["Type"], ["notify"])
        # Else the process that writes the last window would be asked to end before it has it.
        self.assertEqual(unit["KillMode"], ["mixed"])
        for limit in ("MemoryMax", "CPUQuota", "TasksMax", "WatchdogSec"):
            self.assertIn(limit, unit)

    def test_what_it_starts_is_understood(self):
        unit = parts.unit()
        starts = unit["ExecStart"] + unit["ExecReload"][:1]
        self.assertEqual(unit["ExecReload"][0], unit["ExecStart"][0] + " --dry-run")
        for line in starts:
            words = line.replace("/etc/jtrace", str(PACKAGING)).split()[1:]
            done = jtrace(*words, "--print-config")
            self.assertEqual(done.stderr, "")
            self.assertEqual(done.returncode, 0)


class Configuration(Configured):
    def test_as_it_is_shipped(self):
        self.holds((PACKAGING / "service.toml").read_text())

    def test_with_every_example_in_it(self):
        text = re.sub(r"^# ([a-z-]+ = )", r"\1", (PACKAGING / "service.toml").read_text(), flags=re.M)
        self.assertGreater(len(tomllib.loads(text)), 12)
        self.holds(text)

    def test_of_the_daemon_set(self):
        self.holds(parts.manifest("ConfigMap")["data"]["service.toml"])

    def test_a_dry_run_says_all_that_is_wrong(self):
        file = self.folder / "wrong.toml"
        file.write_text("""
tracepoint = ["syscalls:sys_enter_opennat", "trace:99999999"]
all = true
file = ["/nowhere/x.html"]
push = "otlp+http://user:password@backend"
push-token-file = "/nowhere/push"
serve = "127.0.0.1:port"
metrics = "0.0.0.0:9464"
serve-token-file = "/nowhere/serve"
""")
        done = jtrace("--config", file, "--dry-run")
        self.assertEqual(done.returncode, 2 if os.geteuid() == 0 else done.returncode)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        for part in ("write /nowhere/x.html: ", "--push otlp+http://***@backend: ",
                     "--push-token-file: read /nowhere/push: ", "--serve '127.0.0.1:port': ",
                     "--serve-token-file: read /nowhere/serve: "):
            self.assertEqual(sum(part in line for line in lines), 1, part + "\n" + done.stderr)
        self.assertTrue(all(line.startswith("jtrace: ") for line in lines))
        self.assertNotIn("password", done.stderr)


class DaemonSet(unittest.TestCase):
    def setUp(self):
        self.pod = parts.manifest("DaemonSet")["spec"]["template"]["spec"]
        self.security = parts.container()["securityContext"]

    def test_its_capabilities_are_those_of_the_unit(self):
        added = set(self.security["capabilities"]["add"])
        of_unit = {name.removeprefix("CAP_") for name in parts.unit_capabilities()}
        self.assertEqual(self.security["capabilities"]["drop"], ["ALL"])
        self.assertEqual(added, of_unit | TO_BE_NOBODY)
        # Each with what it is for.
        text = (PACKAGING / "kubernetes/jtrace.yaml").read_text()
        for name in added:
            self.assertRegex(text, rf"- {name} +# \w")
        document = (ROOT / "docs/service.md").read_text()
        for name in added:
            self.assertIn(f"`CAP_{name}`", document)

    def test_it_has_no_more_than_it_needs(self):
        self.assertFalse(self.security["privileged"])
        self.assertFalse(self.security["allowPrivilegeEscalation"])
        self.assertTrue(self.security["readOnlyRootFilesystem"])
        self.assertEqual(self.security["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertFalse(self.pod["automountServiceAccountToken"])
        self.assertTrue(self.pod["hostPID"])
        self.assertFalse(self.pod["hostNetwork"])
        self.assertIn("limits", parts.container()["resources"])
        self.assertEqual({one["kind"] for one in parts.manifests()},
                         {"Namespace", "ConfigMap", "DaemonSet"})

    def test_only_profiles_are_written_to_the_host(self):
        volumes = {one["name"]: one for one in self.pod["volumes"]}
        mounts = {one["name"]: one for one in parts.container()["volumeMounts"]}
        self.assertEqual(set(volumes), set(mounts))
        written = {volumes[name]["hostPath"]["path"] for name, mount in mounts.items()
                   if "hostPath" in volumes[name] and not mount.get("readOnly")}
        self.assertEqual(written, {"/var/log/jtrace"})

    def test_it_starts_what_the_unit_starts(self):
        self.assertEqual(parts.unit()["ExecStart"][0].split()[1:], parts.container()["args"])

    def test_its_limits_are_those_of_the_unit(self):
        limits = parts.container()["resources"]["limits"]
        self.assertEqual(limits["memory"], parts.unit()["MemoryMax"][0] + "i")
        self.assertEqual(parts.unit()["CPUQuota"], [f"{int(limits['cpu']) * 100}%"])

    @parts.needs("kubectl")
    def test_kubernetes_knows_every_field(self):
        """kubectl drops what it does not know: what comes out has all that went in."""
        client = json.loads(subprocess.run(["kubectl", "version", "--client", "-o", "json"],
                                           capture_output=True, text=True, check=True).stdout)
        if int(client["clientVersion"]["minor"].rstrip("+")) < 30:
            self.skipTest("kubectl before 1.30 has no appArmorProfile")
        given = parts.manifest("DaemonSet")
        done = subprocess.run(["kubectl", "set", "image", "--local", "-o", "json", "-f", "-",
                               "jtrace=other:1"], input=json.dumps(given), capture_output=True,
                              text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        known = json.loads(done.stdout)
        for spec in (given, known):
            del spec["spec"]["template"]["spec"]["containers"][0]["image"]
        self.within(given, known, "")

    def within(self, given, known, path):
        if isinstance(given, dict):
            for key, value in given.items():
                # A false that is the default is left out.
                if value is not False:
                    self.assertIn(key, known, path)
                    self.within(value, known[key], f"{path}.{key}")
        elif isinstance(given, list):
            self.assertEqual(len(given), len(known), path)
            for one, other in zip(given, known):
                self.within(one, other, path)
        else:
            self.assertEqual(given, known, path)


class Containerfile(unittest.TestCase):
    def setUp(self):
        text = re.sub(r"\\\n", " ", (PACKAGING / "Containerfile").read_text())
        self.lines = [line.split(maxsplit=1) for line in text.splitlines()
                      if line and not line.startswith("#")]

    def values(self, word):
        return [value for name, value in self.lines if name == word]

    def test_it_is_built_in_two_steps(self):
        known = {"FROM", "WORKDIR", "COPY", "RUN", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
        self.assertLessEqual({name for name, _ in self.lines}, known)
        self.assertEqual(self.values("FROM"), ["debian:bookworm AS build", "debian:bookworm-slim"])
        self.assertEqual(json.loads(self.values("ENTRYPOINT")[0]), ["/usr/bin/jtrace"])
        self.assertEqual(self.values("STOPSIGNAL"), ["SIGTERM"])
        for script in re.findall(r"scripts/\w+", " ".join(self.values("RUN"))):
            self.assertTrue(os.access(ROOT / script, os.X_OK), script)

    def test_it_takes_along_what_the_package_recommends(self):
        cmake = (PACKAGING / "debian.cmake").read_text()
        recommended = re.search(r'PACKAGE_RECOMMENDS "(.*)"', cmake).group(1).split(", ")
        install = re.search(r"apt-get install ([^&]*)", self.values("RUN")[1]).group(1).split()
        packages = [word for word in install if not word.startswith(("-", "/"))]
        self.assertEqual(sorted(packages), sorted(recommended))

    def test_the_context_has_no_build_in_it(self):
        ignored = (ROOT / ".dockerignore").read_text().split("\n")
        self.assertLessEqual({".git", "build*"}, set(ignored))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
