// SPDX-License-Identifier: Apache-2.0
// Text of any bytes is bounded, and what has a head of a known kind has text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "filter/fd_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const std::string text = jtrace::filter::fd_text(std::as_bytes(std::span(data, size)));
  if (text.size() > size + 256) std::abort();
  if (size >= 24 && (data[0] == 1 || data[0] == 2 || data[0] == 5) && text.empty()) std::abort();
  return 0;
}
