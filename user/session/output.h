// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "export/exporter.h"
#include "process/identity.h"

namespace jtrace::session {

// One file to write at the end, or one for each window, or for each process in it.
struct Output {
  std::string path;  // "-": standard output
  const exporting::Exporter* exporter = nullptr;
  exporting::WriteOptions options;
  bool of_windows = false;  // `path` is a pattern still: files_of_window()
  bool by_process = false;  // ... file_of_process()
};

// --host, else what the kernel calls it.
[[nodiscard]] std::string host_of(const cli::Options& options);

// The outputs of a run: those of -f with their % expanded (session/file_pattern.h), else
// jtrace-<comm>-<pid>-<yyyymmdd-hhmmss>.html here; in the continuous mode, where windows are sent
// or shown, none. Checks formats and that every file can be written, before anything is traced.
// `several`: processes, so that %p means a file for each.
[[nodiscard]] Result<std::vector<Output>> plan_outputs(const cli::Options& options,
                                                       const process::ProcessInfo& first,
                                                       std::chrono::system_clock::time_point now,
                                                       bool several = false);

// Into its file (session/output_file.h) or to standard output. A closed pipe ends quietly.
[[nodiscard]] Status write_output(const Output& output, const profile::Profile& profile);

// What list, doctor and the like were asked for. A closed pipe ends quietly, a full disk does not.
[[nodiscard]] Status write_standard_output(std::string_view text);

}  // namespace jtrace::session
