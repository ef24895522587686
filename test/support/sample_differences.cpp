// SPDX-License-Identifier: Apache-2.0
#include "support/sample_differences.h"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "export/diff.h"

namespace jtrace::test {
namespace {

using enum profile::FrameKind;

struct Path {
  std::string_view method, leaf;
  std::int64_t value;
};

profile::Profile run(std::int64_t start, profile::FrameKind loop, const std::vector<Path>& paths) {
  ProfileSketch s({.title = "syscalls:sys_enter_openat",
                   .events = {"syscalls:sys_enter_openat"},
                   .target = "java (pid 4242)",
                   .host = "build-7.example",
                   .command_line = "jtrace -t syscalls:sys_enter_openat -p 4242 -d 30",
                   .start = std::chrono::system_clock::time_point{std::chrono::seconds{start}},
                   .duration = std::chrono::milliseconds{30'250}});
  const auto root = s.frame(JavaInterpreted, "java/lang/Thread.run");
  const auto server = s.frame(loop, "app/Server.loop");
  std::uint64_t total = 0;
  for (const Path& path : paths) {
    s.stack({root, server, s.frame(JavaC2, path.method), s.frame(Native, path.leaf)}, path.value);
    total += static_cast<std::uint64_t>(path.value);
  }
  return std::move(s).build({{{"fired", total, 0, true}, {"kept", total, 0, true}}, true},
                            {"events: every event was taken"});
}

}  // namespace

std::vector<NamedProfile> small_differences() {
  const auto base = run(1'785'000'000, JavaInterpreted,
                        {{"app/Store.get", "open64", 400},
                         {"app/Audit.log", "open64", 300},
                         {"app/Cache.miss", "open64", 100},
                         {"app/Old.path", "open64", 200}});
  const auto next = run(1'785'086'400, JavaC2,
                        {{"app/Store.get", "open64", 400},
                         {"app/Audit.log", "open64", 60},
                         {"app/Cache.miss", "open64", 340},
                         {"app/Fresh.path", "openat64", 700}});
  const auto hostile = hostile_profile();
  std::vector<NamedProfile> all;
  all.push_back({"difference",
                 exporting::diff_profile({base, "before.pb.gz"}, {next, "after.pb.gz"}).value()});
  all.push_back({"hostile-difference",
                 exporting::diff_profile({base, "</script><img src=x onerror=alert(3)>"},
                                         {hostile, "\x1b[31m\xe2\x80\xae.html"})
                     .value()});
  return all;
}

profile::Profile large_difference() {
  return exporting::diff_profile({large_profile(50'000, 400), "base"},
                                 {large_profile(100'000, 400), "new"})
      .value();
}

}  // namespace jtrace::test
