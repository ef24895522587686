// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "symbolize/elf_symbols.h"

// Run it with -rss_limit_mb and -timeout: what is looked for above all are names that expand.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string name = "_Z";
  for (std::size_t i = 0; i < size && data[i] != 0; ++i) name += static_cast<char>(data[i]);
  const std::string result = jtrace::symbolize::demangle(name);
  if (result.size() > 16384 && result.size() > name.size()) std::abort();
  if (result.empty()) std::abort();
  return 0;
}
