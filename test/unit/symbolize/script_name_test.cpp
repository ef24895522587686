// SPDX-License-Identifier: Apache-2.0
#include "symbolize/script_name.h"

#include <gtest/gtest.h>

namespace jtrace::test {
namespace {

using symbolize::script_name;

struct Case {
  const char* text;
  const char* name;
  const char* file;
};

TEST(ScriptName, IsOneForAllTiers) {
  for (const Case& c : {
           Case{"JS:~open /srv/app.js:10:5", "open /srv/app.js:10:5", "/srv/app.js"},
           Case{"JS:^open /srv/app.js:10:5", "open /srv/app.js:10:5", "/srv/app.js"},
           Case{"JS:+open /srv/app.js:10:5", "open /srv/app.js:10:5", "/srv/app.js"},
           Case{"JS:*open /srv/app.js:10:5", "open /srv/app.js:10:5", "/srv/app.js"},
           Case{"LazyCompile:*open /srv/app.js:10", "open /srv/app.js:10", "/srv/app.js"},
           Case{"Function:open /srv/app.js:10", "open /srv/app.js:10", "/srv/app.js"},
           Case{"JS:*openSync node:fs:570:18", "openSync node:fs:570:18", "node:fs"},
           Case{"JS:~ /srv/app.js:4:41", "(anonymous) /srv/app.js:4:41", "/srv/app.js"},
           Case{"Eval:~ /srv/a b.js:1:1", "(anonymous) /srv/a b.js:1:1", "/srv/a b.js"},
           Case{"JS:*get x", "get x", "x"},
           Case{"JS:*", "(anonymous)", ""},
           Case{"Builtin:ArrayMap", "Builtins_ArrayMap", ""},
           Case{"BytecodeHandler:Ldar", "Builtins_LdarHandler", ""},
       }) {
    const auto script = script_name(c.text);
    ASSERT_TRUE(script) << c.text;
    EXPECT_EQ(script->name, c.name);
    EXPECT_EQ(script->file, c.file);
  }
}

TEST(ScriptName, IsNoneForOtherRuntimes) {
  for (const char* text : {"", "JS", "void java.lang.Thread.run()", "RegExp:a+b",
                           "wasm-function[7]", "TRACE_1::main.lua:3"}) {
    EXPECT_FALSE(script_name(text)) << text;
  }
}

}  // namespace
}  // namespace jtrace::test
