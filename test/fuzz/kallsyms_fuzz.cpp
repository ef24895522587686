// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "symbolize/kernel_symbols.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto symbols = jtrace::symbolize::KernelSymbols::parse(text);
  if (!symbols) return 0;
  if (symbols->size() == 0) std::abort();
  for (std::uint64_t address = UINT64_MAX; address != 0; address >>= 1) {
    const auto found = symbols->find(address);
    if (found && found->name.empty() && text.find('\0') == text.npos) std::abort();
  }
  return 0;
}
