// SPDX-License-Identifier: Apache-2.0
// The input is the .eh_frame section of an executable that is right otherwise: the mutations get to
// the call frame instructions at once.
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/unique_fd.h"
#include "unwind/table.h"

namespace {

constexpr std::uint64_t kCode = 0x1000;
constexpr std::uint64_t kSection = 0x400;
constexpr char kNames[] = "\0.eh_frame\0.debug_frame\0.shstrtab";

template <class T>
void put(std::string& image, std::size_t at, const T& value) {
  if (image.size() < at + sizeof value) image.resize(at + sizeof value);
  std::memcpy(image.data() + at, &value, sizeof value);
}

std::string executable(const std::uint8_t* data, std::size_t size, bool eh_frame) {
  std::string image;
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof header;
  header.e_phnum = 1;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  header.e_shoff = sizeof header + sizeof(Elf64_Phdr);
  put(image, 0, header);
  Elf64_Phdr code{};
  code.p_type = PT_LOAD;
  code.p_flags = PF_R | PF_X;
  code.p_vaddr = kCode;
  code.p_memsz = 1U << 20;
  put(image, header.e_phoff, code);
  Elf64_Shdr frames{};
  frames.sh_name = eh_frame ? 1 : 11;
  frames.sh_type = SHT_PROGBITS;
  frames.sh_offset = kSection;
  frames.sh_addr = kSection;
  frames.sh_size = size;
  put(image, header.e_shoff + sizeof frames, frames);
  Elf64_Shdr names{};
  names.sh_name = 24;
  names.sh_type = SHT_STRTAB;
  names.sh_offset = 0x200;
  names.sh_size = sizeof kNames;
  put(image, header.e_shoff + 2 * sizeof names, names);
  put(image, names.sh_offset, kNames);
  image.resize(kSection);
  image.append(reinterpret_cast<const char*>(data), size);
  return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const bool eh_frame : {true, false}) {
    const std::string image = executable(data, size, eh_frame);
    const jtrace::UniqueFd fd(::memfd_create("elf", MFD_CLOEXEC));
    if (::write(fd.get(), image.data(), image.size()) != static_cast<ssize_t>(image.size())) {
      return 0;
    }
    const auto table = jtrace::unwind::compile_unwind_table(fd.get());
    if (!table) continue;
    if (!jtrace::unwind::is_sound(*table)) std::abort();
    // An instruction is one byte at least, and gives one row.
    if (table->rows.size() > 4 * size + 8) std::abort();
  }
  return 0;
}
