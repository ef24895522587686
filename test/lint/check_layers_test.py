# SPDX-License-Identifier: Apache-2.0
"""The checker must report what it is there for: each test breaks one rule in a tree of its own."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import check_layers  # noqa: E402

APACHE = "// SPDX-License-Identifier: Apache-2.0\n"
DUAL = "/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */\n"


class CheckLayersTest(unittest.TestCase):
    def findings(self, tree, hosts=frozenset()):
        with tempfile.TemporaryDirectory() as root:
            for name, text in tree.items():
                path = Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return list(check_layers.check_tree(root, hosts))

    def assert_clean(self, tree):
        self.assertEqual(self.findings(tree), [])

    def assert_found(self, name, text, words, line=2, hosts=frozenset()):
        found = self.findings({name: text}, hosts)
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{name}:{line}: "), found)
        self.assertIn(words, found[0])

    def include(self, name, what, words):
        self.assert_found(name, APACHE + f"#include {what}\n", words)

    def test_table_has_no_cycle(self):
        rooms = list(check_layers.LAYERS)
        for room, below in check_layers.LAYERS.items():
            for other in below:
                self.assertLess(rooms.index(other), rooms.index(room), f"{room} -> {other}")

    def test_clean_tree(self):
        self.assert_clean({
            "user/unwind/table.cpp": APACHE + '#include "unwind/table.h"\n#include <libelf.h>\n'
                                              '#include "process/maps.h"\n'
                                              '#include "bpf/jtrace_abi.h"\n'
                                              '#include "bpf/walk.h"\n#include <vector>\n',
            "user/capture/capture.cpp": APACHE + "#include <bpf/libbpf.h>\n"
                                                 '#include "jtrace.skel.h"\n',
            "user/main.cpp": APACHE + '#include "session/session.h"\n#include "cli/options.h"\n',
            "jvmsym/hotspot/heap.cpp": APACHE + '#include "jvmsym/hotspot/heap.h"\n'
                                                '#include "symbolize/elf_symbols.h"\n',
            "bpf/jtrace.bpf.c": DUAL + '#include "vmlinux.h"\n#include "walk.h"\n',
            "test/unit/a_test.cpp": APACHE + '#include "session/session.h"\n#include <libelf.h>\n',
            "user/base/CMakeLists.txt": "# SPDX-License-Identifier: Apache-2.0\n"
                                        "jtrace_room(base SOURCES a.cpp)\n",
            "test/data/any.bin.txt": "no licence in data\n",
            "build/x.h": "generated\n",
        })

    def test_upward_include(self):
        self.include("user/base/a.cpp", '"profile/profile.h"', "base may not include profile")
        self.include("user/export/a.cpp", '"symbolize/x.h"', "export may not include symbolize")
        self.include("user/symbolize/a.h", '"jvmsym/perf_map.h"',
                     "symbolize may not include jvmsym")
        self.include("jvmsym/a.cpp", '"capture/capture.h"', "jvmsym may not include capture")
        self.include("user/main.cpp", '"capture/capture.h"', "main.cpp may not include capture")

    def test_unqualified_include(self):
        self.include("user/base/a.cpp", '"result.h"', "name it from its room")
        self.include("user/base/a.cpp", '"user/base/result.h"', "name it from its room")

    def test_parent_folder(self):
        self.include("user/base/a.cpp", '"../profile/profile.h"', "`..`")
        self.include("test/unit/a.cpp", '"../../user/base/result.h"', "`..`")

    def test_restricted_headers(self):
        self.include("user/export/a.cpp", '"bpf/jtrace_abi.h"', "kernel ABI")
        self.include("user/capture/a.cpp", '"bpf/walk_step.h"', "in unwind only")
        self.include("user/unwind/a.cpp", '"bpf/maps.bpf.h"', "is BPF code")
        self.include("user/session/a.cpp", "<bpf/libbpf.h>", "libbpf is capture's")
        self.include("user/session/a.cpp", '"jtrace.skel.h"', "libbpf is capture's")
        self.include("user/capture/a.cpp", "<elfutils/libdw.h>", "ELF and DWARF")
        self.include("user/session/a.cpp", "<gelf.h>", "ELF and DWARF")

    def test_own_header_first(self):
        for first, wrong in (('"base/a.h"', 0), ("<vector>", 1), ('"base/b.h"', 1)):
            for name in ("user/base/a", "jvmsym/hotspot/a"):
                own = '"base/a.h"' if name.startswith("user") else '"jvmsym/hotspot/a.h"'
                code = APACHE + f"#include {own if not wrong else first}\n#include {own}\n"
                found = self.findings({f"{name}.h": APACHE, f"{name}.cpp": code})
                self.assertEqual(len(found), wrong, found)
        found = self.findings({"user/base/a.h": APACHE, "user/base/a.cpp": APACHE + "int a;\n"})
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith("user/base/a.cpp:1: includes base/a.h first"), found)
        self.assert_clean({"user/base/a.cpp": APACHE + "#include <vector>\n"})

    def test_unknown_room(self):
        self.assert_found("user/attic/a.h", APACHE, "room attic is not in", line=1)

    def test_linked_rooms(self):
        head = "# SPDX-License-Identifier: Apache-2.0\n"
        self.assert_found("user/cli/CMakeLists.txt",
                          head + "jtrace_room(cli SOURCES a.cpp\n  DEPENDS base session LIBS x)\n",
                          "cli may not depend on session")
        self.assert_found("user/x/CMakeLists.txt", head + "jtrace_room(attic SOURCES a.cpp)\n",
                          "room attic is not in")

    def test_sizes(self):
        limits = (("user/base/a.h", check_layers.HEADER_LINES),
                  ("user/base/a.cpp", check_layers.SOURCE_LINES))
        for name, limit in limits:
            self.assert_clean({name: APACHE + "\n" * (limit - 1)})
            self.assert_found(name, APACHE + "\n" * limit, "split it", line=limit + 1)

    def test_licences(self):
        self.assert_found("user/base/a.h", "int a;\n", "no SPDX line", line=1)
        self.assert_found("user/base/a.h", DUAL, "should be Apache-2.0", line=1)
        self.assert_found("bpf/a.bpf.c", APACHE, "should be GPL-2.0-only OR BSD", line=1)
        self.assert_found("test/bpf/a.bpf.c", APACHE, "should be GPL-2.0-only OR BSD", line=1)
        self.assert_found("scripts/run", "#!/bin/sh\n", "no SPDX line", line=1)
        self.assert_found("test/CMakeLists.txt", "enable_testing()\n", "no SPDX line", line=1)

    def test_promises(self):
        self.assert_found("user/base/a.h", APACHE + "// TO" "DO: later\n", "promise")

    def test_mirror_hosts(self):
        hosts = {"mirror.example.org"}
        self.assert_found("README.md", "x\nfrom http://Mirror.example.org/debian\n", "mirror",
                          hosts=hosts)
        found = self.findings({"a.md": "mirror.example.org\n"}, hosts)
        self.assertNotIn("example", found[0], "the report must not name the host itself")

    def test_reads_hosts_from_apt(self):
        with tempfile.TemporaryDirectory() as apt:
            folder = Path(apt)
            for name in ("sources.list.d", "apt.conf.d"):
                (folder / name).mkdir()
            (folder / "sources.list").write_text(
                "# deb http://off.example.org/d x main\n"
                "deb [arch=amd64] http://user:word@one.example.org:8080/d x main\n")
            (folder / "sources.list.d/a.sources").write_text(
                "Types: deb\n# http://comment.example.org/\nURIs: https://two.example.org/d\n"
                "  https://three.example.org/d\n")
            (folder / "sources.list.d/b.list").write_text("deb file:///srv/d x main\n")
            (folder / "apt.conf.d/p").write_text(
                '// see http://docs.example.org/\nAcquire::http::Proxy "http://p.example.org:1";\n'
                'Acquire::https::Proxy "http://127.0.0.1:3128";\n')
            self.assertEqual(check_layers.mirror_hosts(apt), {
                f"{name}.example.org" for name in ("one", "two", "three", "p")})


if __name__ == "__main__":
    unittest.main()
