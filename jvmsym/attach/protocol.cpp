// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/protocol.h"

#include <algorithm>
#include <charconv>

#include "base/printable.h"

namespace jtrace::jvmsym::attach {
namespace {

// AttachOperation::name_length_max, arg_length_max, arg_count_max.
constexpr std::size_t kMaxName = 16;
constexpr std::size_t kMaxArgument = 1024;
constexpr std::size_t kArguments = 3;
constexpr std::size_t kMaxRequest = 256U << 10;  // of protocol 2
constexpr std::size_t kMaxWords = 200;

void add(std::string& bytes, std::string_view text) {
  bytes += text;
  bytes += '\0';
}

bool holds_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

}  // namespace

std::optional<std::string> encode(const Operation& operation, Protocol protocol) {
  const auto& arguments = operation.arguments;
  if (operation.name.empty() || operation.name.size() > kMaxName || holds_nul(operation.name) ||
      std::ranges::any_of(arguments, holds_nul)) {
    return std::nullopt;
  }
  std::string body;
  add(body, operation.name);
  for (const std::string& argument : arguments) add(body, argument);
  std::string bytes;
  if (protocol == Protocol::Two) {
    if (body.size() > kMaxRequest) return std::nullopt;
    add(bytes, "2");
    add(bytes, std::to_string(body.size()));
    return bytes + body;
  }
  const auto too_long = [](const std::string& text) { return text.size() > kMaxArgument; };
  if (arguments.size() > kArguments || std::ranges::any_of(arguments, too_long)) {
    return std::nullopt;
  }
  add(bytes, "1");
  bytes += body;
  bytes.append(kArguments - arguments.size(), '\0');
  return bytes;
}

Result<Answer> parse_answer(std::string_view bytes) {
  Answer answer;
  const auto line = bytes.find('\n');
  const std::string_view code = bytes.substr(0, line);
  const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), answer.code);
  if (line == std::string_view::npos || error != std::errc{} || end != code.data() + code.size()) {
    return fail(Errc::Target, "the answer is none of a JVM");
  }
  answer.text = bytes.substr(line + 1);
  return answer;
}

Operation version_question() { return {.name = "getversion"}; }

Protocol protocol_of(const Answer& answer) {
  int version = 0;
  const std::string& text = answer.text;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return answer.code == 0 && version >= 2 ? Protocol::Two : Protocol::One;
}

Operation load_request(const std::string& path, const std::string& options) {
  return {.name = "load", .arguments = {path, "true", options}};
}

// 8: code -1 and nothing, or what the agent returned. Since 9: "return code: N", or why not.
Status check_loaded(const Answer& answer) {
  constexpr std::string_view kReturned = "return code: ";
  std::string_view text = answer.text;
  if (text.starts_with(kReturned)) text.remove_prefix(kReturned.size());
  if (answer.code == 0 && text.starts_with("0")) return {};
  if (answer.text.find("EnableDynamicAgentLoading") != std::string::npos) {
    return fail(Errc::Target, "its JVM loads no agents while it runs",
                "start it with -XX:+EnableDynamicAgentLoading, or with -agentpath:");
  }
  // The first line says that it was not loaded, the second why.
  const auto second = answer.text.find('\n');
  Answer why = answer;
  if (answer.text.find("was not loaded") < second && second != std::string::npos) {
    why.text = answer.text.substr(second + 1);
  }
  return fail(Errc::Target, "its JVM did not load the agent: " + words_of(why));
}

std::string words_of(const Answer& answer) {
  std::string_view text = answer.text;
  text.remove_prefix(std::min(text.find_first_not_of(" \r\n\t"), text.size()));
  text = text.substr(0, std::min(text.find_first_of("\r\n"), kMaxWords));
  return text.empty() ? "code " + std::to_string(answer.code) : printable(text);
}

}  // namespace jtrace::jvmsym::attach
