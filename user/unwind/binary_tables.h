// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "process/maps.h"
#include "unwind/binary_reader.h"
#include "unwind/store.h"
#include "unwind/table_cache.h"

namespace jtrace::unwind {

// An ELF file (or the vDSO) as all processes share it.
struct Binary {
  std::uint64_t serial = 0;  // addresses come again, this does not
  std::string path;          // as the first process that mapped it sees it
  std::string build_id;      // empty: none
  TableStore::Span table;
  bool has_cfi = false;
  bool is_v8 = false;  // has the builtins of V8, which generates code with rbp frames
  std::string no_cfi_reason;
  std::vector<CodeSegment> code;
  // O_PATH, kept so that its symbols can be read after the process, or the file's name, is gone.
  // Not valid for the vDSO, for what could not be found, past a limit of open files, and where no
  // process has had it for two windows.
  UniqueFd file;
  // So many found no room.
  std::size_t lacks_rows = 0;
};

// Has binaries compiled (or loads them from the cache) into the store, once each. A binary
// is told from another by device, inode, size and modification time, not by its build id: a
// hostile process can give its file any build id, and must not so replace another's table.
// Not thread-safe.
class BinaryTables {
 public:
  // All must outlive this; `cache` may be nullptr.
  BinaryTables(TableStore& store, const TableCache* cache, BinaryReader& reader)
      : store_(store), cache_(cache), reader_(reader) {}

  // Never fails: a Binary without CFI says why. The reference stays valid until note_window()
  // forgets it, which it does not while it is held.
  const Binary& get(pid_t tgid, const process::MapEntry& entry);

  // It found no room for its rows, and get() would find some now.
  [[nodiscard]] bool has_room_now(const Binary& binary) const {
    return binary.lacks_rows != 0 && store_.has_room(binary.lacks_rows);
  }
  // An address space has it, or has it no more.
  void hold(const Binary& binary) { ++uses_[&binary].holders; }
  void let_go(const Binary& binary);
  // A window has ended: files that nobody has had since the window before it began are closed, and
  // what was deleted is gone at last. Such binaries are forgotten, those first that nobody has had
  // for longest, until no more than half of the rows and of the binaries that there can be is in
  // use, a file that found no room for its rows would find it, and `excess` is gone, of which
  // each has `part`. Who does not help is not forgotten, for what starts again and again; the next
  // get() may hand out the addresses and rows of the others anew. Which ones: before another get(),
  // whoever may still look at their rows must have come to an end.
  using Part = std::function<std::size_t(const Binary&)>;
  std::vector<const Binary*> note_window(std::size_t excess = 0, const Part& part = {});
  [[nodiscard]] std::size_t open_files() const { return open_files_; }

  // Mapping ids count through all processes of a run; 0 is none.
  std::uint32_t next_mapping_id() { return ++last_mapping_id_; }

 private:
  struct FileKey {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    friend auto operator<=>(const FileKey&, const FileKey&) = default;
  };

  struct Use {
    std::size_t holders = 0;
    std::uint64_t left = 0;  // the window in which the last one went
  };

  [[nodiscard]] std::size_t known() const { return binaries_.size() - free_.size(); }
  Binary& make();
  using Unused = std::vector<std::pair<std::uint64_t, Binary*>>;  // by the window in which it went
  Unused close_unused();
  [[nodiscard]] std::size_t wanted_rows(const Unused& unused) const;
  void forget(const std::vector<const Binary*>& gone);
  void keep(Binary& binary, UniqueFd file);
  const Binary& vdso();
  const Binary& without_cfi(const std::string& path, const std::string& reason);
  // `stamp` names the file in the cache; empty: not to be cached.
  void compile(pid_t tgid, int fd, const std::string& stamp, Binary& binary);
  void add(const Result<UnwindTable>& table, Binary& binary);

  TableStore& store_;
  const TableCache* cache_;
  BinaryReader& reader_;
  std::uint32_t last_mapping_id_ = 0;
  std::uint64_t last_serial_ = 0;
  std::deque<Binary> binaries_;
  std::vector<Binary*> free_;  // of these
  std::map<FileKey, Binary*> by_file_;
  std::map<std::pair<std::string, std::string>, const Binary*> failed_;
  std::unordered_map<const Binary*, Use> uses_;
  std::size_t open_files_ = 0;
  std::uint64_t window_ = 0;
  Binary* vdso_ = nullptr;
  // By the device and inode that mappings show, which are not always those of stat.
  std::map<std::pair<std::uint64_t, std::uint64_t>, const Binary*> by_mapping_;
};

}  // namespace jtrace::unwind
