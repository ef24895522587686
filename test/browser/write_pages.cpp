// SPDX-License-Identifier: Apache-2.0
// write_pages DIR: the pages that flamegraph_test.py opens.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: write_pages DIR\n", stderr);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
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
