// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "jvmsym/agent/agent_log.h"

using jtrace::jvmsym::agent::CodeMap;
using jtrace::jvmsym::agent::CompiledCode;

namespace {

constexpr std::size_t kMaxMapBytes = 1U << 20;

void look(const CompiledCode* code, std::uint64_t pc) {
  if (code == nullptr) return;
  if (!code->covers(pc)) std::abort();
  std::size_t bytes = code->stub_name().size();
  for (const auto& call : code->calls(pc)) {
    bytes += call.class_text.size() + call.name.size() + call.signature.size();
    (void)jtrace::jvmsym::agent::class_name(call.class_text);
  }
  if (bytes > 512U * 4 * JT_AGENT_TEXT_MAX) std::abort();
}

}  // namespace

// The records behind a log's head, in two pieces as a reader meets them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  CodeMap code(kMaxMapBytes);
  jtrace::jvmsym::agent::LogParser parser;
  const std::size_t half = parser.take(bytes.first(size / 2), 1, code);
  if (half > size / 2) std::abort();
  const std::size_t rest = parser.take(bytes.subspan(half), 1, code);
  if (half + rest > size) std::abort();
  if (code.bytes() > kMaxMapBytes || code.size() > parser.records) std::abort();
  for (std::size_t at = 0; at + 24 <= size && at < 4096; at += 8) {
    std::uint64_t pc = 0;
    std::copy_n(data + at, sizeof(pc), reinterpret_cast<std::uint8_t*>(&pc));
    for (const std::uint64_t off : {0U, 1U, 8U, 64U}) {
      look(code.at(pc + off, pc), pc + off);
      look(code.find(pc + off, static_cast<std::uint32_t>(pc)), pc + off);
      look(code.find(pc + off, 7), pc + off);
    }
  }
  code.end(5);
  return 0;
}
