// SPDX-License-Identifier: Apache-2.0
#include "unwind/elf_file.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "unwind/byte_cursor.h"

namespace jtrace::unwind {
namespace {

// The largest .eh_frame known to us (a browser with everything linked in) is about 30 MB.
constexpr std::uint64_t kMaxSection = 128ULL << 20;
constexpr std::uint64_t kMaxNames = 16ULL << 20;
constexpr std::size_t kMaxSegments = 512;

// Before libelf sees the file: it allocates for as many sections as the header claims, so the
// extended counts (which no executable needs) are refused.
Status check_header(const Elf64_Ehdr& header) {
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return fail(Errc::Target, "not ELF");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64) {
    return fail(Errc::Target, "not a 64-bit x86 ELF file");
  }
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    return fail(Errc::Target, "neither executable nor shared object");
  }
  if (header.e_phnum == 0 || header.e_phnum > kMaxSegments) {
    return fail(Errc::Target, "unlikely number of ELF segments");
  }
  if (header.e_shnum == 0 && header.e_shoff != 0) {
    return fail(Errc::Target, "unlikely number of ELF sections");
  }
  return {};
}

}  // namespace

Result<ElfFile> ElfFile::open(int fd) {
  Elf64_Ehdr header;
  ssize_t got = 0;
  do {
    got = ::pread(fd, &header, sizeof header, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail(Errc::Target, errno_text("read ELF header", errno));
  if (got != static_cast<ssize_t>(sizeof header)) return fail(Errc::Target, "not ELF");
  JT_CHECK_OK(check_header(header));
  (void)elf_version(EV_CURRENT);
  return adopt(elf_begin(fd, ELF_C_READ, nullptr));
}

Result<ElfFile> ElfFile::from_memory(std::span<std::byte> image) {
  Elf64_Ehdr header;
  if (image.size() < sizeof header) return fail(Errc::Target, "not ELF");
  std::memcpy(&header, image.data(), sizeof header);
  JT_CHECK_OK(check_header(header));
  (void)elf_version(EV_CURRENT);
  return adopt(elf_memory(reinterpret_cast<char*>(image.data()), image.size()));
}

Result<ElfFile> ElfFile::adopt(Elf* elf) {
  ElfFile file{Handle(elf)};
  std::size_t count = 0;
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &count) != 0) {
    return fail(Errc::Target, std::string("damaged ELF file: ") + elf_errmsg(-1));
  }
  if (count > kMaxSegments) return fail(Errc::Target, "unlikely number of ELF segments");
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) {
      return fail(Errc::Target, std::string("damaged ELF file: ") + elf_errmsg(-1));
    }
    file.segments_.push_back(segment);
  }
  return file;
}

Elf_Scn* ElfFile::find(std::string_view name, GElf_Shdr& header) const {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf_.get(), &names) != 0 || names == 0) return nullptr;
  Elf_Scn* names_section = elf_getscn(elf_.get(), names);
  if (names_section == nullptr || gelf_getshdr(names_section, &header) == nullptr ||
      header.sh_size > kMaxNames || (header.sh_flags & SHF_COMPRESSED) != 0) {
    return nullptr;
  }
  for (Elf_Scn* scn = nullptr; (scn = elf_nextscn(elf_.get(), scn)) != nullptr;) {
    if (gelf_getshdr(scn, &header) == nullptr) continue;
    const char* text = elf_strptr(elf_.get(), names, header.sh_name);
    // Not by the length of `text`, which may be all of the string table, section for section.
    if (text != nullptr && std::strncmp(text, name.data(), name.size()) == 0 &&
        text[name.size()] == '\0') {
      return scn;
    }
  }
  return nullptr;
}

std::uint64_t ElfFile::entry() const {
  GElf_Ehdr header;
  return gelf_getehdr(elf_.get(), &header) == nullptr ? 0 : header.e_entry;
}

std::optional<ElfFile::Section> ElfFile::section(std::string_view name) const {
  GElf_Shdr header;
  Elf_Scn* scn = find(name, header);
  // A separate debug file names the sections of its binary without having them.
  if (scn == nullptr || header.sh_type == SHT_NOBITS || header.sh_size > kMaxSection) {
    return std::nullopt;
  }
  Elf_Data* data = nullptr;
  if ((header.sh_flags & SHF_COMPRESSED) != 0) {
    GElf_Chdr compressed;
    if (gelf_getchdr(scn, &compressed) == nullptr || compressed.ch_size > kMaxSection ||
        elf_compress(scn, 0, 0) < 0) {
      return std::nullopt;
    }
    data = elf_getdata(scn, nullptr);
  } else {
    data = elf_rawdata(scn, nullptr);
  }
  if (data == nullptr || data->d_buf == nullptr || data->d_size == 0) return std::nullopt;
  return Section{
      header.sh_addr, data, {static_cast<const std::uint8_t*>(data->d_buf), data->d_size}};
}

std::optional<ElfFile::Section> ElfFile::eh_frame_by_segment() const {
  constexpr std::uint8_t kPcrelSdata4 = 0x1b;  // the only encoding linkers write here
  for (const GElf_Phdr& header : segments_) {
    if (header.p_type != PT_GNU_EH_FRAME) continue;
    const auto bytes = chunk(header.p_offset, 8, ELF_T_BYTE);
    if (!bytes || (*bytes)[0] != 1 || (*bytes)[1] != kPcrelSdata4) return std::nullopt;
    const auto delta = ByteCursor(bytes->subspan(4)).number<std::int32_t>();
    const std::uint64_t address =
        header.p_vaddr + 4 + static_cast<std::uint64_t>(std::int64_t{delta});
    for (const GElf_Phdr& load : segments_) {
      if (load.p_type != PT_LOAD || address - load.p_vaddr >= load.p_filesz) continue;
      const std::uint64_t skip = address - load.p_vaddr;
      const std::uint64_t size = std::min(load.p_filesz - skip, kMaxSection);
      Elf_Data* data = elf_getdata_rawchunk(
          elf_.get(), static_cast<std::int64_t>(load.p_offset + skip), size, ELF_T_BYTE);
      if (data == nullptr || data->d_buf == nullptr || data->d_size == 0) return std::nullopt;
      return Section{address, data, {static_cast<const std::uint8_t*>(data->d_buf), data->d_size}};
    }
  }
  return std::nullopt;
}

std::optional<ElfFile::Range> ElfFile::code_section(std::string_view name) const {
  GElf_Shdr header;
  if (find(name, header) == nullptr || (header.sh_flags & SHF_EXECINSTR) == 0 ||
      header.sh_type != SHT_PROGBITS || header.sh_size == 0 ||
      header.sh_addr + header.sh_size < header.sh_addr) {
    return std::nullopt;
  }
  return Range{header.sh_addr, header.sh_addr + header.sh_size};
}

bool ElfFile::has_name(std::string_view name) const {
  const std::string whole = '\0' + std::string(name) + '\0';
  return std::ranges::any_of(std::array{".dynstr", ".strtab"}, [&](const char* table) {
    const auto names = section(table);
    if (!names) return false;
    const auto* text = reinterpret_cast<const char*>(names->bytes.data());
    return std::string_view(text, names->bytes.size()).find(whole) != std::string_view::npos;
  });
}

std::optional<std::span<const std::uint8_t>> ElfFile::chunk(std::uint64_t offset,
                                                            std::uint64_t size,
                                                            Elf_Type type) const {
  if (size > kMaxSection) return std::nullopt;
  const Elf_Data* data =
      elf_getdata_rawchunk(elf_.get(), static_cast<std::int64_t>(offset), size, type);
  if (data == nullptr || data->d_buf == nullptr || data->d_size < size) return std::nullopt;
  return std::span(static_cast<const std::uint8_t*>(data->d_buf), static_cast<std::size_t>(size));
}

}  // namespace jtrace::unwind
