// SPDX-License-Identifier: Apache-2.0
// write_large DIR WHAT COUNT STEP [FORMAT]...: a profile of COUNT call tree nodes or stacks (WHAT
// is "nodes" or "stacks"), 30 to 60 frames deep, of which each stack has up to STEP apart from the
// one before; DIR/large.SUFFIX of it, and a line for each format: its name, bytes, seconds, and
// seconds of CPU. Formats: html, collapsed, pprof, and message, which is pprof before it is
// compressed; one that is named several times is written as often.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
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
                                  FrameKind::Native, FrameKind::JavaC2,      FrameKind::Kernel};
  std::vector<LocationId> out;
  for (std::size_t i = 0; i < kNames; ++i) {
    out.push_back(
        sketch.frame(kKinds[i % std::size(kKinds)],
                     fmt::format("org/example/part{}/Class{}.method{}", i % 97, i % 1201, i)));
  }
  return out;
}

// A walk that goes up a little and then down again, now and then back to near the root: what a
// sampled call tree looks like. The stacks come in no order.
jtrace::profile::Profile make(const Size& size) {
  jtrace::profile::Header header;
  header.title = "syscalls:sys_enter_openat";
  header.events = {"syscalls:sys_enter_openat"};
  header.target = "large (pid 1)";
  ProfileSketch sketch(std::move(header));
  const std::vector<LocationId> names = frames(sketch);
  std::mt19937_64 random{11};
  std::vector<LocationId> stack;
  std::vector<std::vector<LocationId>> all;
  std::size_t nodes = 0;
  for (std::size_t stacks = 0; (size.nodes ? nodes : stacks) < size.count; ++stacks) {
    const bool far = random() % 1000 == 0;
    const std::size_t floor = far ? random() % 10 : kShallow - 1;
    const std::size_t up = far ? kDeep : 1 + random() % size.step;
    stack.resize(
        std::min(stack.size(), std::max(floor, stack.size() - std::min(up, stack.size()))));
    const std::size_t down = 1 + random() % size.step;
    const std::size_t to = std::min(std::max(stack.size() + down, kShallow), kDeep);
    for (; stack.size() < to; ++nodes) {
      // Half of all frames are of a tenth of the names.
      const std::size_t of = random() % 2 == 0 ? kNames / 10 : kNames;
      stack.push_back(names[random() % of]);
    }
    all.push_back(stack);
  }
  std::ranges::shuffle(all, random);
  for (std::vector<LocationId>& one : all) {
    sketch.stack(std::move(one), 1 + static_cast<std::int64_t>(random() % 20));
  }
  return std::move(sketch).build();
}

struct Format {
  std::string_view name, file;
  std::string (*write)(const jtrace::profile::Profile&, const jtrace::exporting::WriteOptions&);
};

bool write(const std::filesystem::path& folder, const Format& format,
           const jtrace::profile::Profile& profile) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const std::clock_t used = std::clock();
  const std::string bytes = format.write(profile, {});
  const double cpu = static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC;
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print("{} {} {:.3f} {:.3f}\n", format.name, bytes.size(), seconds, cpu);
  (void)std::fflush(stdout);
  std::ofstream file(folder / format.file, std::ios::binary);
  file << bytes;
  file.close();
  return !file.fail();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: write_large DIR nodes|stacks COUNT STEP [FORMAT]...\n", stderr);
    return 2;
  }
  using namespace jtrace::exporting;
  constexpr Format kFormats[] = {{"html", "large.html", write_html},
                                 {"collapsed", "large.collapsed", write_collapsed},
                                 {"message", "large.pb", pprof_message},
                                 {"pprof", "large.pb.gz", write_pprof}};
  std::vector<std::string_view> asked(argv + 5, argv + argc);
  if (asked.empty()) std::ranges::transform(kFormats, std::back_inserter(asked), &Format::name);
  const Size size{.nodes = std::string_view(argv[2]) == "nodes",
                  .count = std::strtoul(argv[3], nullptr, 10),
                  .step = std::max(1UL, std::strtoul(argv[4], nullptr, 10))};
  const jtrace::profile::Profile profile = make(size);
  fmt::print("samples {}\n", profile.samples.size());
  bool good = true;
  for (const std::string_view name : asked) {
    const Format* const format = std::ranges::find(kFormats, name, &Format::name);
    if (format == std::end(kFormats)) {
      std::fputs("write_large: no such format\n", stderr);
      return 2;
    }
    good &= write(argv[1], *format, profile);
  }
  return good ? 0 : 1;
}
