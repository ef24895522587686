// SPDX-License-Identifier: Apache-2.0
#include "capture/verifier_log.h"

#include <bpf/libbpf.h>

#include <array>
#include <cstdio>

namespace jtrace::capture {
namespace {

// libbpf's print callback takes no context, so the text has to live beside it.
thread_local std::string log_text;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

int collect(libbpf_print_level level, const char* format, va_list args) {
  if (level == LIBBPF_DEBUG) return 0;
  // Verifier logs come in one call of up to 16 MiB; their end tells what failed.
  std::array<char, 64 * 1024> line;
  const int n = std::vsnprintf(line.data(), line.size(), format, args);
  if (n > 0) log_text += line.data();
  return 0;
}

}  // namespace

LogCapture::LogCapture() {
  log_text.clear();
  libbpf_set_print(collect);
}

LogCapture::~LogCapture() { log_text.clear(); }

std::string LogCapture::tail() const {
  constexpr std::size_t kBytes = 4000;
  if (log_text.empty()) return {};
  return "\n" + (log_text.size() > kBytes ? log_text.substr(log_text.size() - kBytes) : log_text);
}

}  // namespace jtrace::capture
