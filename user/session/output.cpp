// SPDX-License-Identifier: Apache-2.0
#include "session/output.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "session/file_pattern.h"
#include "session/output_file.h"
#include "session/retention.h"

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
                                              std::chrono::system_clock::time_point now,
                                              bool several) {
  PatternFacts facts{
      .pid = first.key.tgid,
      .time = now,
      .host = host_of(options),
      .number = 0,
      .environment = [](const char* name) -> const char* { return std::getenv(name); },
      .of_window = options.continuous()};
  std::vector<std::string> paths;
  for (const std::string& pattern : options.files) {
    facts.of_process = several && tells_processes(pattern);
    JT_TRY(std::string path, expand_file_pattern(pattern, facts));
    paths.push_back(std::move(path));
  }
  return paths;
}

bool is_special(const std::string& path) {
  struct stat info{};
  return path == "-" || (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode));
}

// `path`: a pattern, or what is written in place.
Status check_windows(Output& output, std::chrono::system_clock::time_point now) {
  if (is_special(output.path)) return {};
  if (varies(output.path) == Varies::No) {
    return fail(Errc::Usage,
                fmt::format("-f {}: each window would replace the last one", output.path),
                "put %t (time), %n (number) or %n{MAX} into the name");
  }
  const std::size_t folder = output.path.rfind('/');
  if (folder != std::string::npos && varies(output.path.substr(0, folder)) != Varies::No) {
    return fail(Errc::Usage, fmt::format("-f {}: a folder for each window", output.path),
                "%t and %n belong into the last part of the path");
  }
  output.of_windows = true;
  JT_TRY(std::string first, files_of_window(output.path, now, 0));
  if (output.by_process) {
    JT_TRY(first, file_of_process(first, 0));
  }
  return check_writable(first);
}

// Of one that has a file for each process.
Status check_processes(const Output& output) {
  const std::size_t folder = output.path.rfind('/');
  if (folder != std::string::npos && tells_processes(output.path.substr(0, folder))) {
    return fail(Errc::Usage, fmt::format("-f {}: a folder for each process", output.path),
                "%p of several processes belongs into the last part of the path");
  }
  if (output.exporter->single_events) {
    return fail(Errc::Usage,
                fmt::format("-f {}: events one by one are not told apart by process", output.path),
                "leave %p out of the name: each line has its process");
  }
  if (output.of_windows && varies(output.path) == Varies::InTurns) {
    return fail(Errc::Usage,
                fmt::format("-f {}: files of processes that have ended would stay", output.path),
                "take %n or %t in place of %n{MAX}, and --keep");
  }
  if (output.of_windows) return {};
  JT_TRY(const std::string first, file_of_process(output.path, 0));
  return check_writable(first);
}

// Of windows that are sent or shown nobody needs files, too.
bool needs_file(const cli::Options& options) {
  if (options.format) return true;
  return options.push.empty() && !(options.continuous() && !options.serve.empty());
}

}  // namespace

std::string host_of(const cli::Options& options) {
  if (!options.host.empty()) return options.host;
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) name.front() = 0;
  return name.front() == 0 ? "host" : name.data();
}

Result<std::vector<Output>> plan_outputs(const cli::Options& options,
                                         const process::ProcessInfo& first,
                                         std::chrono::system_clock::time_point now, bool several) {
  JT_TRY(std::vector<std::string> paths, expand_files(options, first, now, several));
  if (paths.empty() && needs_file(options)) {
    const std::string number =
        first.key.tgid == 0 ? std::string() : fmt::format("-{}", first.key.tgid);
    const std::string base = fmt::format("jtrace-{}{}-{}", file_name_part(first.comm), number,
                                         options.continuous() ? "%t" : file_stamp(now));
    std::string suffix = ".html";
    if (options.format) {
      JT_TRY(const auto* exporter, exporting::exporter_by_name(*options.format));
      suffix = exporter->suffixes.front();
    }
    paths.push_back(base + suffix);
  }
  std::vector<Output> outputs;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string& path = paths[i];
    JT_TRY(const auto* exporter, exporter_for(options, path));
    Output output{
        .path = path,
        .exporter = exporter,
        .options = {
            .plain = options.plain, .lines = options.lines, .normalise = options.normalise}};
    output.by_process = several && i < options.files.size() && tells_processes(options.files[i]);
    if (options.continuous()) JT_CHECK_OK(check_windows(output, now));
    if (output.by_process) {
      JT_CHECK_OK(check_processes(output));
    } else if (!options.continuous() && path != "-") {
      JT_CHECK_OK(check_writable(path));
    }
    outputs.push_back(std::move(output));
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
