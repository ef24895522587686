// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace jtrace::symbolize {

// A function of JavaScript, or a builtin of V8's.
struct ScriptName {
  std::string name;  // as shown: "open /srv/app.js:10:5", "Builtins_ArrayMap"
  std::string file;  // "/srv/app.js"; empty: not known
};

// What V8 calls code in a perf map or jitdump, "JS:*open /srv/app.js:10:5" (before V8 10
// "LazyCompile:*open /srv/app.js:10"), without what changes while the same function runs: how it
// was compiled, `~` not, `^` by Sparkplug, `+` by Maglev, `*` by TurboFan. Builtins get the name
// that they have as symbols of the binary. nullopt where it is none of V8's.
[[nodiscard]] std::optional<ScriptName> script_name(std::string_view text);

}  // namespace jtrace::symbolize
