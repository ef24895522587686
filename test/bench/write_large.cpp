// SPDX-License-Identifier: Apache-2.0
// write_large DIR WHAT COUNT STEP: a profile of COUNT call tree nodes or stacks (WHAT is "nodes" or
// "stacks"), 30 to 60 frames deep, of which each stack has up to STEP apart from the one before;
// DIR/FORMAT.SUFFIX of it, and a line for each: format, bytes, seconds, and megabytes a second.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "export/exporter.h"
#include "export/formats.h"
#include "support/sample_profiles.h"

namespace {

using jtrace::profile::FrameKind;
using jtrace::profile::LocationId;
using jtrace::test::ProfileSketch;

constexpr std::size_t kNames = 5000;
constexpr std::size_t kShallow = 30;
constexpr std::size_t kDeep = 60;

struct Size {
  bool nodes = true;
  std::size_t count = 0;
  std::size_t step = 1;
};

std::vector<LocationId> frames(ProfileSketch& sketch) {
  constexpr FrameKind kKinds[] = {FrameKind::JavaC2, FrameKind::JavaInlined, FrameKind::JavaC1,
                                  FrameKind::Native, FrameKind::JavaC2, FrameKind::Kernel};
  std::vector<LocationId> out;
  for (std::size_t i = 0; i < kNames; ++i) {
    out.push_back(sketch.frame(
        kKinds[i % std::size(kKinds)],
        fmt::format("org/example/part{}/Class{}.method{}", i % 97, i % 1201, i)));
  }
  return out;
}

// A walk that goes up a little and then down again, now and then back to near the root: what a
// sampled call tree looks like. The samples come in no order, as the kernel's table has them.
jtrace::profile::Profile make(const Size& size) {
  jtrace::profile::Header header;
  header.title = "syscalls:sys_enter_openat";
  header.events = {"syscalls:sys_enter_openat"};
  header.target = "large (pid 1)";
  ProfileSketch sketch(std::move(header));
  const std::vector<LocationId> names = frames(sketch);
  std::mt19937_64 random{11};
  std::vector<LocationId> stack;
  std::size_t nodes = 0;
  for (std::size_t stacks = 0; (size.nodes ? nodes : stacks) < size.count; ++stacks) {
    const bool far = random() % 1000 == 0;
    const std::size_t floor = far ? random() % 10 : kShallow - 1;
    const std::size_t up = far ? kDeep : 1 + random() % size.step;
    stack.resize(std::min(stack.size(), std::max(floor, stack.size() - std::min(up, stack.size()))));
    const std::size_t down = 1 + random() % size.step;
    const std::size_t to = std::min(std::max(stack.size() + down, kShallow), kDeep);
    for (; stack.size() < to; ++nodes) {
      // Half of all frames are of a tenth of the names.
      const std::size_t of = random() % 2 == 0 ? kNames / 10 : kNames;
      stack.push_back(names[random() % of]);
    }
    sketch.stack(stack, 1 + static_cast<std::int64_t>(random() % 20));
  }
  auto profile = std::move(sketch).build();
  std::ranges::shuffle(profile.samples, random);
  return profile;
}

bool write(const std::filesystem::path& path, std::string_view what,
           const std::function<std::string()>& make) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const std::string bytes = make();
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print("{} {} {:.3f} {:.1f}\n", what, bytes.size(), seconds,
             static_cast<double>(bytes.size()) / 1e6 / seconds);
  (void)std::fflush(stdout);
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  return !file.fail();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: write_large DIR nodes|stacks COUNT STEP\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const Size size{.nodes = std::string_view(argv[2]) == "nodes",
                  .count = std::strtoul(argv[3], nullptr, 10),
                  .step = std::max(1UL, std::strtoul(argv[4], nullptr, 10))};
  const jtrace::profile::Profile profile = make(size);
  fmt::print("samples {}\n", profile.samples.size());
  using namespace jtrace::exporting;
  const bool good =
      write(folder / "large.html", "html", [&] { return write_html(profile, {}); }) &&
      write(folder / "large.collapsed", "collapsed", [&] { return write_collapsed(profile, {}); }) &&
      write(folder / "large.pb", "pprof", [&] { return pprof_message(profile, {}); }) &&
      write(folder / "large.pb.gz", "pprof.gz", [&] { return write_pprof(profile, {}); });
  return good ? 0 : 1;
}
