// SPDX-License-Identifier: Apache-2.0
#include "session/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "session/file_pattern.h"
#include "session/output_file.h"

namespace jtrace::session {
namespace {

// comm is the target's text: only what is harmless in a file name.
std::string file_name_part(const std::string& comm) {
  std::string out;
  for (const char c : comm) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
    out += fine ? c : '_';
  }
  return out.empty() ? "process" : out;
}

Result<const exporting::Exporter*> exporter_for(const cli::Options& options,
                                                const std::string& path) {
  if (options.format) return exporting::exporter_by_name(*options.format);
  if (path == "-") return exporting::exporter_by_name("text");
  return exporting::exporter_by_suffix(path);
}

Result<std::vector<std::string>> expand_files(const cli::Options& options,
                                              const process::ProcessInfo& first,
                                              std::chrono::system_clock::time_point now) {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host.front() = 0;
  const PatternFacts facts{
      .pid = first.key.tgid,
      .time = now,
      .host = *host.data() == 0 ? "host" : host.data(),
      .number = 0,
      .environment = [](const char* name) -> const char* { return std::getenv(name); }};
  std::vector<std::string> paths;
  for (const std::string& pattern : options.files) {
    JT_TRY(std::string path, expand_file_pattern(pattern, facts));
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace

Result<std::vector<Output>> plan_outputs(const cli::Options& options,
                                         const process::ProcessInfo& first,
                                         std::chrono::system_clock::time_point now) {
  JT_TRY(std::vector<std::string> paths, expand_files(options, first, now));
  if (paths.empty() && (options.push.empty() || options.format)) {
    const std::string number =
        first.key.tgid == 0 ? std::string() : fmt::format("-{}", first.key.tgid);
    const std::string base =
        fmt::format("jtrace-{}{}-{}", file_name_part(first.comm), number, file_stamp(now));
    std::string suffix = ".html";
    if (options.format) {
      JT_TRY(const auto* exporter, exporting::exporter_by_name(*options.format));
      suffix = exporter->suffixes.front();
    }
    paths.push_back(base + suffix);
  }
  std::vector<Output> outputs;
  for (const std::string& path : paths) {
    JT_TRY(const auto* exporter, exporter_for(options, path));
    if (path != "-") JT_CHECK_OK(check_writable(path));
    outputs.push_back(
        {path,
         exporter,
         {.plain = options.plain, .lines = options.lines, .normalise = options.normalise}});
  }
  return outputs;
}

Status write_output(const Output& output, const profile::Profile& profile) {
  const std::string bytes = output.exporter->write(profile, output.options);
  if (output.path == "-") return write_all(STDOUT_FILENO, "standard output", bytes);
  return write_file(output.path, bytes);
}

Status write_standard_output(std::string_view text) {
  return write_all(STDOUT_FILENO, "standard output", text);
}

}  // namespace jtrace::session
