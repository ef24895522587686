// SPDX-License-Identifier: Apache-2.0
#include "session/convert.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "export/diff.h"
#include "export/exporter.h"
#include "export/reader.h"
#include "push/body.h"
#include "push/destination.h"
#include "push/http.h"
#include "session/confine.h"
#include "session/output.h"

namespace jtrace::session {
namespace {

Result<std::vector<Output>> outputs_of(const cli::Options& options) {
  if (options.files.empty()) return std::vector<Output>();
  JT_TRY(auto outputs, plan_outputs(options, {}, std::chrono::system_clock::now()));
  for (const Output& output : outputs) {
    if (!output.exporter->single_events) continue;
    return fail(Errc::Usage, "-o events: a profile has sums, no single events",
                "jtrace -t EVENT -o events writes them while it traces");
  }
  return outputs;
}

Status check_formats(const std::vector<Output>& outputs) {
  for (const Output& output : outputs) {
    if (output.exporter->differences) continue;
    return fail(Errc::Usage,
                std::string(output.exporter->name) + " cannot show the difference of two profiles",
                "html, collapsed, pprof, json and text can");
  }
  return {};
}

// Where both files have one name in folders of their own, the folders tell them apart.
std::pair<std::string, std::string> names_of(const std::string& base, const std::string& next) {
  const auto last = [](const std::string& path) {
    return std::filesystem::path(path).filename().string();
  };
  if (last(base) == last(next)) return {base, next};
  return {last(base), last(next)};
}

// Asks nothing of the host but the network: what it needs of it, it has been given before.
Status send(const push::Destination& to, const std::string& authorization,
            const profile::Profile& profile) {
  if (exporting::is_difference(profile)) {
    return fail(Errc::Usage, "--push: no backend takes the difference of two profiles");
  }
  std::vector<std::string> bodies = push::make_bodies(to.backend, profile);
  JT_CHECK_OK(confine_sending());
  for (std::string& body : bodies) JT_CHECK_OK(push::send_once(to, authorization, std::move(body)));
  return {};
}

}  // namespace

Result<int> run_convert(const cli::Options& options) {
  push::Destination to;
  std::string authorization;
  if (!options.push.empty()) {
    JT_TRY(to, push::parse_destination(options.push));
    JT_TRY(authorization, push::read_authorization(options.push_token_file));
  }
  JT_TRY(const auto outputs, outputs_of(options));
  JT_TRY(const auto profile, exporting::read_profile(options.inputs.at(0)));
  if (exporting::is_difference(profile)) JT_CHECK_OK(check_formats(outputs));
  for (const Output& output : outputs) JT_CHECK_OK(write_output(output, profile));
  if (!options.push.empty()) JT_CHECK_OK(send(to, authorization, profile));
  return 0;
}

Result<int> run_diff(const cli::Options& options) {
  JT_TRY(const auto outputs, outputs_of(options));
  JT_CHECK_OK(check_formats(outputs));
  JT_TRY(const auto base, exporting::read_profile(options.inputs.at(0)));
  JT_TRY(const auto next, exporting::read_profile(options.inputs.at(1)));
  const auto [base_name, next_name] = names_of(options.inputs.at(0), options.inputs.at(1));
  JT_TRY(const auto difference, exporting::diff_profile({.profile = base, .name = base_name},
                                                        {.profile = next, .name = next_name}));
  for (const Output& output : outputs) JT_CHECK_OK(write_output(output, difference));
  return 0;
}

}  // namespace jtrace::session
