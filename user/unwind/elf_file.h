// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gelf.h>
#include <libelf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jtrace::unwind {

// A 64-bit x86-64 executable or shared object, opened through libelf with limits: the file may be
// anything a traced process mapped. Read, never mapped, so that truncating it cannot raise SIGBUS.
class ElfFile {
 public:
  struct Section {
    std::uint64_t address = 0;
    Elf_Data* data = nullptr;  // owned by the file
    std::span<const std::uint8_t> bytes;
  };
  struct Range {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
  };

  // Does not take the descriptor over, which must stay open as long as the object.
  [[nodiscard]] static Result<ElfFile> open(int fd);
  [[nodiscard]] static Result<ElfFile> from_memory(std::span<std::byte> image);

  [[nodiscard]] const std::vector<GElf_Phdr>& segments() const { return segments_; }
  [[nodiscard]] const char* ident() const { return elf_getident(elf_.get(), nullptr); }

  // Address of the entry point; 0 where there is none.
  [[nodiscard]] std::uint64_t entry() const;

  // Contents of the section, decompressed; nullopt where it is absent, empty or above the limits.
  [[nodiscard]] std::optional<Section> section(std::string_view name) const;
  // .eh_frame as the run time finds it, through PT_GNU_EH_FRAME: for files without section headers.
  [[nodiscard]] std::optional<Section> eh_frame_by_segment() const;
  // Addresses of an executable section.
  [[nodiscard]] std::optional<Range> code_section(std::string_view name) const;
  // Whether a table of its symbols' names has this one.
  [[nodiscard]] bool has_name(std::string_view name) const;
  [[nodiscard]] std::optional<std::span<const std::uint8_t>> chunk(std::uint64_t offset,
                                                                   std::uint64_t size,
                                                                   Elf_Type type) const;

 private:
  struct End {
    void operator()(Elf* elf) const { elf_end(elf); }
  };
  using Handle = std::unique_ptr<Elf, End>;

  explicit ElfFile(Handle elf) : elf_(std::move(elf)) {}
  [[nodiscard]] static Result<ElfFile> adopt(Elf* elf);
  [[nodiscard]] Elf_Scn* find(std::string_view name, GElf_Shdr& header) const;

  Handle elf_;
  std::vector<GElf_Phdr> segments_;
};

}  // namespace jtrace::unwind
