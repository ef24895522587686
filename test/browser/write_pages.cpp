// SPDX-License-Identifier: Apache-2.0
// write_pages DIR: the pages that the tests here open. write_pages DIR million: that of a million
// nodes.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "export/exporter.h"
#include "support/io_profiles.h"
#include "support/sample_differences.h"
#include "support/sample_profiles.h"

namespace {

bool write(const std::filesystem::path& path, const jtrace::profile::Profile& profile) {
  const auto html = jtrace::exporting::exporter_by_name("html");
  if (!html) return false;
  std::ofstream file(path, std::ios::binary);
  file << (*html)->write(profile, {});
  file.close();
  return !file.fail();
}

// Ten roots, each calls a thousand functions, each of which calls a hundred.
jtrace::profile::Profile million() {
  using jtrace::profile::LocationId;
  using enum jtrace::profile::FrameKind;
  jtrace::profile::Header header;
  header.title = "million";
  jtrace::test::ProfileSketch sketch(std::move(header));
  std::vector<LocationId> mains;
  std::vector<LocationId> leaves;
  for (int i = 0; i < 1000; ++i)
    mains.push_back(sketch.frame(JavaC2, fmt::format("main/A{:03}", i)));
  for (int i = 0; i < 100; ++i) {
    leaves.push_back(sketch.frame(JavaInlined, fmt::format("leaf/B{:02}", i)));
  }
  for (int i = 0; i < 10; ++i) {
    const LocationId root = sketch.frame(JavaC2, fmt::format("root/{}", i));
    for (const LocationId main : mains) {
      for (const LocationId leaf : leaves) {
        sketch.stack({root, main, leaf}, leaf == leaves.front() ? 901 : 1);
      }
    }
  }
  return std::move(sketch).build();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && (argc != 3 || std::string_view(argv[2]) != "million")) {
    std::fputs("usage: write_pages DIR [million]\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  if (argc == 3) return write(folder / "million.html", million()) ? 0 : 1;
  bool good = true;
  for (const auto& named : jtrace::test::small_profiles()) {
    good &= write(folder / (named.name + ".html"), named.profile);
  }
  for (const auto& named : jtrace::test::small_differences()) {
    good &= write(folder / (named.name + ".html"), named.profile);
  }
  good &= write(folder / "large-difference.html", jtrace::test::large_difference());
  good &= write(folder / "server.html", jtrace::test::server_profile());
  good &= write(folder / "large.html", jtrace::test::large_profile(100'000, 400));
  good &= write(folder / "deep.html", jtrace::test::large_profile(8'000, 3'500));
  good &= write(folder / "io.html", jtrace::test::io_profile(4'000, 30));
  good &= write(folder / "large-io.html", jtrace::test::io_profile(100'000, 400));
  good &= write(folder / "hostile-weights.html", jtrace::test::hostile_weights_profile());
  return good ? 0 : 1;
}
