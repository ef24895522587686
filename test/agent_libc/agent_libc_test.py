#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The agent runs on whatever libc its JVM has: it asks for no version of a symbol, and for none that
musl has not.

agent_libc_test.py LIBJTRACE_AGENT
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

AGENT = None

# `now`: a symbol that is missing fails here, not at its first call.
LOADER = r"""
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char** argv) {
  void* agent = dlopen(argv[argc - 1], RTLD_NOW);
  if (!agent) return fprintf(stderr, "%s\n", dlerror()), 1;
  return !dlsym(agent, "Agent_OnLoad") || !dlsym(agent, "Agent_OnAttach");
}
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class AgentLibc(unittest.TestCase):
    def test_no_versions_and_no_libraries(self):
        self.assertIn("No version information found", run("readelf", "-V", AGENT))
        self.assertNotIn("NEEDED", run("readelf", "-d", AGENT))

    def test_exports_two_functions(self):
        exported = run("nm", "-D", "--defined-only", AGENT).split("\n")
        names = {line.split()[-1] for line in exported if line}
        self.assertEqual(names, {"Agent_OnLoad", "Agent_OnAttach"})

    def loads_with(self, compiler, *libraries):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "loader.c")
            source.write_text(LOADER)
            run(compiler, "-o", f"{folder}/loader", str(source), *libraries)
            run(f"{folder}/loader", AGENT)

    def test_loads_on_musl(self):
        self.loads_with("musl-gcc")

    def test_loads_on_glibc(self):
        self.loads_with("gcc", "-ldl")


if __name__ == "__main__":
    AGENT = sys.argv.pop(1)
    unittest.main()
