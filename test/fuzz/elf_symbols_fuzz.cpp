// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/unique_fd.h"
#include "symbolize/elf_symbols.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const jtrace::UniqueFd fd(::memfd_create("elf", MFD_CLOEXEC));
  if (::write(fd.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  const auto symbols = jtrace::symbolize::ElfSymbols::load(fd.get(), "input", "/nonexistent");
  if (!symbols) return 0;
  for (std::uint64_t address = 1; address != 0; address *= 2) {
    const auto found = symbols->find(jtrace::ElfAddr{address});
    if (!found) continue;
    if (found->offset > address || found->name.size() > 4096) std::abort();
    (void)symbols->address_of(found->name);
  }
  return 0;
}
