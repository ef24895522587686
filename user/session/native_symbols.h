// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "helper/file_reader.h"
#include "process/maps.h"
#include "profile/symbol_table.h"
#include "session/worker.h"
#include "symbolize/elf_symbols.h"
#include "unwind/address_space.h"

namespace jtrace::session {

// Names of native frames. Symbols of a binary are read once, at its first frame, through the
// process that has it mapped, and shared by all processes. They are read by a thread beside: it
// takes 20 ms for libjvm's and 400 for Node's, and some processes whose names go with them live for
// no longer. It begins with the first file, so that it has no rights that its maker has given up.
class NativeSymbols {
 public:
  // `files` must outlive this, and is that thread's until wait().
  explicit NativeSymbols(helper::FileReader& files, std::size_t max_bytes = kMaxBytes)
      : reader_(files), max_bytes_(max_bytes) {}

  // Has them read, where that has not begun. Whether locate() would not wait for them.
  [[nodiscard]] bool is_ready(pid_t tgid, const unwind::MappedImage& image);
  // Until all are read that were begun.
  void wait();

  // `elf_addr` is the ELF address of the frame's pc; looked up one below unless `exact`.
  [[nodiscard]] profile::LocationId locate(pid_t tgid, const unwind::MappedImage& image,
                                           std::uint64_t elf_addr, bool exact,
                                           profile::SymbolTable& symbols);

  // What they take beyond half of what they may, and how much is of one file.
  [[nodiscard]] std::size_t excess() const;
  [[nodiscard]] std::size_t bytes_of(const unwind::Binary& binary) const;
  void forget(const unwind::Binary& binary);
  // How many files have been read. As long as it stays, is_ready() says the same.
  [[nodiscard]] std::uint64_t progress();
  [[nodiscard]] std::size_t max_bytes() const { return max_bytes_; }
  // Files that found no room since the last time, some of them.
  [[nodiscard]] std::vector<std::string> take_left_out() { return std::exchange(left_out_, {}); }

  // Of all files together: libjvm has 6 MB. Files beyond have no names until there is room.
  static constexpr std::size_t kMaxBytes = 512U << 20;

 private:
  // At a time, so that not many more are read than there is room for.
  static constexpr std::size_t kMostAwaited = 8;
  struct File {
    std::unique_ptr<symbolize::ElfSymbols> symbols;  // null: could not be read, or not yet
    std::uint64_t awaited = 0;                       // the serial of its binary; 0: is read
    bool left_out = false;                           // there was no room for them
  };
  struct Order {
    const unwind::Binary* binary;  // a key alone: it may be forgotten meanwhile
    std::uint64_t serial;
    pid_t tgid;
    UniqueFd file;
    std::string path, build_id;
    std::size_t room;
  };
  struct Done {
    const unwind::Binary* binary;
    std::uint64_t serial;
    std::unique_ptr<symbolize::ElfSymbols> symbols;
    bool too_large;
    std::string path;
  };
  [[nodiscard]] bool is_busy() const;
  File& file_of(pid_t tgid, const unwind::MappedImage& image);
  void begin(pid_t tgid, const unwind::MappedImage& image, File& file);
  // False where there is no room for them.
  bool put(std::unique_ptr<symbolize::ElfSymbols> symbols, File& file);
  void leave_out(std::map<const unwind::Binary*, File>::iterator file, const std::string& path);
  // Whether there was one.
  bool settle(std::optional<Done> done);

  helper::FileReader& reader_;
  std::size_t max_bytes_;
  std::optional<Worker<Order, Done>> worker_;
  std::map<const unwind::Binary*, File> files_;
  File no_room_{.symbols = nullptr, .awaited = 0, .left_out = true};
  std::uint64_t settled_ = 0;
  std::size_t bytes_ = 0;  // of all symbols
  bool full_ = false;      // one found no room: no other is read until one is forgotten
  std::vector<std::string> left_out_;
  std::set<std::string> said_;  // of them, to say each once
};

}  // namespace jtrace::session
