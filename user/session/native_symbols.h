// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "helper/file_reader.h"
#include "process/maps.h"
#include "profile/symbol_table.h"
#include "symbolize/elf_symbols.h"
#include "unwind/address_space.h"

namespace jtrace::session {

// Names of native frames. Symbols of a binary are read once, at its first frame, through the
// process that has it mapped, and shared by all processes.
class NativeSymbols {
 public:
  // `files` must outlive this.
  explicit NativeSymbols(helper::FileReader& files, std::size_t max_bytes = kMaxBytes)
      : reader_(files), max_bytes_(max_bytes) {}

  // `elf_addr` is the ELF address of the frame's pc; looked up one below unless `exact`.
  [[nodiscard]] profile::LocationId locate(pid_t tgid, const unwind::MappedImage& image,
                                           std::uint64_t elf_addr, bool exact,
                                           profile::SymbolTable& symbols);

  // What they take beyond half of what they may, and how much is of one file.
  [[nodiscard]] std::size_t excess() const;
  [[nodiscard]] std::size_t bytes_of(const unwind::Binary& binary) const;
  void forget(const unwind::Binary& binary);

 private:
  // Of all files together: libjvm has 6 MB. Files beyond have no names until there is room.
  static constexpr std::size_t kMaxBytes = 512U << 20;
  struct File {
    std::unique_ptr<symbolize::ElfSymbols> symbols;  // null: could not be read
  };
  const File& file_of(pid_t tgid, const unwind::MappedImage& image);

  [[nodiscard]] std::unique_ptr<symbolize::ElfSymbols> load(pid_t tgid,
                                                            const unwind::MappedImage& image);

  helper::FileReader& reader_;
  std::size_t max_bytes_;
  std::map<const unwind::Binary*, File> files_;
  std::size_t bytes_ = 0;  // of all symbols
};

}  // namespace jtrace::session
