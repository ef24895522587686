// SPDX-License-Identifier: Apache-2.0
#include "export/source.h"

#include <charconv>
#include <string_view>

#include "export/exporter.h"

namespace jtrace::exporting {
namespace {

// "java" of "/usr/bin/java -jar app.jar".
std::string_view program_of(std::string_view command) {
  command = command.substr(0, command.find(' '));
  return command.substr(command.rfind('/') + 1);
}

}  // namespace

Source source_of(const profile::Header& header) {
  if (const auto& process = header.process) {
    const std::string& name = process->main.empty() ? process->comm : process->main;
    return {.service = name.empty() ? "unknown_service" : safe_text(name), .pid = process->pid};
  }
  constexpr std::string_view kPid = " (pid ";
  const std::string_view text = header.target;
  const auto at = text.find(kPid);
  if (text.empty()) return {.service = "unknown_service", .pid = {}};
  if (at == 0 || at == text.npos) return {.service = safe_text(text), .pid = {}};
  const std::string_view name = text.substr(0, at);
  const std::string_view number = text.substr(at + kPid.size());
  std::int64_t pid = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), pid);
  const std::string_view rest(stop, number.data() + number.size());
  if (error != std::errc{} || !rest.starts_with(')'))
    return {.service = safe_text(text), .pid = {}};
  if (rest == ")") return {.service = safe_text(name), .pid = pid};
  // With its children, or one of several: no pid is that of all samples.
  const std::string_view program = program_of(name);
  return {.service = safe_text(program.empty() ? name : program), .pid = {}};
}

}  // namespace jtrace::exporting
