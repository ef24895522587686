// SPDX-License-Identifier: Apache-2.0
// A whole ELF file to the rows of its call frame information.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/unique_fd.h"
#include "unwind/binary_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const jtrace::UniqueFd fd(::memfd_create("elf", MFD_CLOEXEC));
  if (::write(fd.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  const auto facts = jtrace::unwind::read_facts(fd.get());
  if (facts && facts->build_id.size() > 128) std::abort();
  const auto table = jtrace::unwind::compile_unwind_table(fd.get());
  if (table && !jtrace::unwind::is_sound(*table)) std::abort();
  return 0;
}
