#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""package_test.py BUILD: the Debian package of the build, its files, control data and lintian."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import parts
from parts import PACKAGING, ROOT

BUILD = sys.argv[1]
FILES = """
/etc/jtrace/service.toml
/usr/bin/jtrace
/usr/lib/jtrace/libjtrace-agent.so
/usr/lib/systemd/system/jtrace.service
/usr/lib/sysusers.d/jtrace.conf
/usr/share/bash-completion/completions/jtrace
/usr/share/doc/jtrace/changelog.Debian.gz
/usr/share/doc/jtrace/changelog.gz
/usr/share/doc/jtrace/copyright
/usr/share/doc/jtrace/service.md
/usr/share/doc/jtrace/troubleshooting.md
/usr/share/fish/vendor_completions.d/jtrace.fish
/usr/share/lintian/overrides/jtrace
/usr/share/man/man8/jtrace.8.gz
/usr/share/zsh/vendor-completions/_jtrace
""".split()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=True, **more).stdout


@parts.needs("cpack", "dpkg-deb", "dpkg-shlibdeps", "fakeroot")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        os.umask(0o022)
        run("cpack", "-G", "DEB", "--config", f"{BUILD}/CPackConfig.cmake", "-B", cls.folder,
            cwd=cls.folder)
        (cls.package,) = cls.folder.glob("*.deb")
        cls.root = cls.folder / "root"
        run("dpkg-deb", "-x", cls.package, cls.root)
        cls.control = cls.folder / "control"
        run("dpkg-deb", "-e", cls.package, cls.control)
        cls.program = cls.root / "usr/bin/jtrace"

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def field(self, name):
        return run("dpkg-deb", "-f", self.package, name).strip()

    def test_files(self):
        found = sorted("/" + str(path.relative_to(self.root)) for path in self.root.rglob("*")
                       if not path.is_dir())
        self.assertEqual(found, FILES)
        owners = set(re.findall(r"^\S+ (\S+)", run("dpkg-deb", "-c", self.package), re.M))
        self.assertEqual(owners, {"root/root"})

    def test_control(self):
        version = run(self.program, "--version").split()[1]
        self.assertEqual(self.field("Version"), f"{version}-1")
        self.assertEqual((self.control / "conffiles").read_text(), "/etc/jtrace/service.toml\n")
        with gzip.open(self.root / "usr/share/doc/jtrace/changelog.Debian.gz", "rt") as text:
            self.assertTrue(text.readline().startswith(f"jtrace ({version}-1) "))
        self.assertIn(f"jtrace:{version}", parts.container()["image"])
        for script in ("postinst", "prerm", "postrm"):
            run("sh", "-n", self.control / script)

    def test_it_depends_on_what_it_loads(self):
        """Libraries that the program names, and those that it opens when they are asked for."""
        depends = {word.split()[0] for word in self.field("Depends").split(", ")}
        needed = re.findall(r"NEEDED +(\S+)", run("objdump", "-p", self.program))
        self.assertGreater(len(needed), 8)
        for library in needed:
            path = re.search(rf"{re.escape(library)} => (\S+)", run("ldd", self.program)).group(1)
            packages = [line.split(":")[0] for line in
                        run("dpkg", "-S", f"*/{Path(path).name}").splitlines()]
            self.assertTrue(depends & set(packages), f"{library}: {packages}")
        opened = set()
        for source in (ROOT / "user").rglob("*.cpp"):
            opened |= set(re.findall(r'dlopen\("lib(\w+)\.so\.(\d+)"', source.read_text()))
        recommends = set(self.field("Recommends").split(", "))
        self.assertEqual({name + number for name, number in opened},
                         {name.removeprefix("lib") for name in recommends if name.startswith("lib")})

    def test_program(self):
        self.assertRegex(run(self.program, "--version"), r"^jtrace \d+\.\d+\.\d+\n$")
        self.assertNotIn(".debug_info", run("objdump", "-h", self.program))
        self.assertIn("/etc/jtrace/service.toml", run(self.program, "--config",
                                                      self.root / "etc/jtrace/service.toml",
                                                      "--print-config"))

    def test_unit_and_configuration_are_those_of_the_tree(self):
        for name, path in (("jtrace.service", "usr/lib/systemd/system/jtrace.service"),
                           ("service.toml", "etc/jtrace/service.toml")):
            self.assertEqual((self.root / path).read_bytes(), (PACKAGING / name).read_bytes())

    @parts.needs("groff")
    def test_man_page(self):
        with gzip.open(self.root / "usr/share/man/man8/jtrace.8.gz") as page:
            done = subprocess.run(["groff", "-man", "-Tascii", "-ww", "-P-c", "-P-bou"], input=page.read(),
                                  capture_output=True, check=True)
        self.assertEqual(done.stderr, b"")
        self.assertIn("/etc/jtrace/service.toml", done.stdout.decode())
        if shutil.which("man"):
            shown = run("man", "-l", self.root / "usr/share/man/man8/jtrace.8.gz",
                        env={**os.environ, "MANPAGER": "cat", "MAN_KEEP_FORMATTING": ""})
            self.assertIn("System Administration", shown)

    def test_completion_of_bash(self):
        script = ('source "$1"; COMP_LINE="jtrace --max-d" COMP_POINT=14; _jtrace jtrace; '
                  'echo "${COMPREPLY[@]}"; complete -p jtrace')
        file = self.root / "usr/share/bash-completion/completions/jtrace"
        self.assertEqual(run("bash", "--norc", "-c", script, "-", file),
                         "--max-depth\ncomplete -F _jtrace jtrace\n")

    @parts.needs("fish")
    def test_completion_of_fish(self):
        file = self.root / "usr/share/fish/vendor_completions.d/jtrace.fish"
        fake = self.folder / "bin"
        fake.mkdir()
        program = fake / "jtrace"
        program.write_text("#!/bin/sh\necho '782 syscalls:sys_enter_openat'\n")
        program.chmod(0o755)

        def complete(line):
            done = subprocess.run(["fish", "--no-config", "-c",
                                   f"source {file}; complete -C '{line}'"], capture_output=True,
                                  text=True, env={"PATH": f"{fake}:/usr/bin:/bin",
                                                  "HOME": str(self.folder)})
            self.assertEqual(done.stderr, "")
            return [word.split("\t")[0] for word in done.stdout.splitlines()]
        self.assertEqual(complete("jtrace --max-d"), ["--max-depth"])
        self.assertEqual(complete("jtrace --cstack d"), ["dwarf"])
        self.assertIn("doctor", complete("jtrace d"))
        self.assertNotIn("--cstack", complete("jtrace list --"))
        self.assertIn("--json", complete("jtrace list --"))
        self.assertEqual(complete("jtrace -t sys"), ["syscalls:sys_enter_openat"])

    @parts.needs("zsh")
    def test_completion_of_zsh(self):
        file = self.root / "usr/share/zsh/vendor-completions/_jtrace"
        run("zsh", "-fn", file)
        self.assertTrue(file.read_text().startswith("#compdef jtrace\n"))
        script = ('zmodload zsh/zpty; zpty z zsh -f -i; '
                  f'zpty -w z "fpath=({file.parent} \\$fpath); autoload -U compinit; '
                  f'compinit -u -d {self.folder}/dump; PS1=; echo rea\'\'dy"; '
                  'zpty -r -m z line "*ready*"; zpty -w -n z $1$\'\\t\'; '
                  'zpty -r -m z line $2; print -r -- "$line"')
        for typed, shown in (("jtrace --max-d", "*--max-depth*"), ("jtrace --cstack dw", "*dwarf*"),
                             ("jtrace docto", "*doctor*")):
            done = subprocess.run(["timeout", "60", "zsh", "-fc", script, "-", typed, shown],
                                  capture_output=True, text=True, env={
                                      "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TERM": "dumb"})
            self.assertEqual(done.returncode, 0, typed + done.stdout + done.stderr)

    @parts.needs("lintian")
    def test_lintian_has_nothing_to_say(self):
        done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning",
                               "--no-tag-display-limit", self.package], capture_output=True,
                              text=True)
        self.assertEqual((done.stdout, done.returncode), ("", 0))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
