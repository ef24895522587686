// SPDX-License-Identifier: Apache-2.0
#include "session/convert.h"

#include <chrono>

#include "export/diff.h"
#include "export/exporter.h"
#include "export/reader.h"
#include "session/output.h"

namespace jtrace::session {
namespace {

Result<std::vector<Output>> outputs_of(const cli::Options& options) {
  if (options.files.empty()) return fail(Errc::Usage, "no output: -f OUT is required");
  return plan_outputs(options, {}, std::chrono::system_clock::now());
}

}  // namespace

Result<int> run_convert(const cli::Options& options) {
  JT_TRY(const auto outputs, outputs_of(options));
  JT_TRY(const auto profile, exporting::read_profile(options.inputs.at(0)));
  for (const Output& output : outputs) JT_CHECK_OK(write_output(output, profile));
  return 0;
}

Result<int> run_diff(const cli::Options& options) {
  JT_TRY(auto outputs, outputs_of(options));
  // Collapsed text has a column for each side; the other formats show one profile only.
  static constexpr exporting::Exporter kCollapsed{
      .name = "collapsed", .suffixes = {}, .write = exporting::diff_collapsed};
  for (Output& output : outputs) {
    if (output.exporter->name == "collapsed") output.exporter = &kCollapsed;
    if (output.exporter->name == "collapsed" || output.exporter->name == "pprof") continue;
    return fail(Errc::Usage,
                "diff writes collapsed and pprof, not " + std::string(output.exporter->name));
  }
  JT_TRY(const auto base, exporting::read_profile(options.inputs.at(0)));
  JT_TRY(const auto next, exporting::read_profile(options.inputs.at(1)));
  const auto difference = exporting::diff_profile(base, next);
  for (const Output& output : outputs) JT_CHECK_OK(write_output(output, difference));
  return 0;
}

}  // namespace jtrace::session
