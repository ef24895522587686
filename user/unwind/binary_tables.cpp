// SPDX-License-Identifier: Apache-2.0
#include "unwind/binary_tables.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace jtrace::unwind {
namespace {

// A process that maps new files without end must not take our memory.
constexpr std::size_t kMaxBinaries = 65536;
// Files kept open; a JVM maps about 40.
constexpr std::size_t kMaxOpenFiles = 512;

// The cache's key is the very file, in full: root of a container is root here too, and can give a
// file another one's build id, or find one whose hash is another's.
std::string file_stamp(const process::FileStatus& status) {
  return fmt::format("{:016x}{:016x}{:016x}{:016x}{:016x}", status.device, status.inode,
                     static_cast<std::uint64_t>(status.size),
                     static_cast<std::uint64_t>(status.modified_ns),
                     static_cast<std::uint64_t>(status.changed_ns));
}

}  // namespace

const Binary& BinaryTables::get(pid_t tgid, const process::MapEntry& entry) {
  if (entry.path == "[vdso]") return vdso();
  auto fd = process::find_mapped_file(tgid, entry);
  if (!fd) {
    // The process has ended. A file that is held keeps its inode; else the one that we see under
    // that name, if it has the same.
    const auto held = by_mapping_.find({entry.device, entry.inode});
    if (held != by_mapping_.end() && held->second->file.valid()) return *held->second;
    process::MapEntry ours = entry;
    ours.start = ours.end = 0;
    auto seen = process::find_mapped_file(::getpid(), ours);
    if (!seen) return without_cfi(entry.path, fd.error().message);
    fd = std::move(seen);
  }
  const auto status = process::file_status(fd->get());
  if (!status) return without_cfi(entry.path, status.error().message);
  const FileKey key{status->device, status->inode, status->size, status->modified_ns};
  if (const auto it = by_file_.find(key); it != by_file_.end()) {
    by_mapping_.insert_or_assign({entry.device, entry.inode}, it->second);
    Binary& known = *it->second;
    if (has_room_now(known)) compile(tgid, fd->get(), {}, known);
    if (!known.file.valid()) keep(known, std::move(*fd));
    return known;
  }
  if (known() >= kMaxBinaries) return without_cfi("", "too many binaries");
  Binary& binary = make();
  by_file_.emplace(key, &binary);
  by_mapping_.insert_or_assign({entry.device, entry.inode}, &binary);
  binary.path = entry.path;
  // Only files that no ordinary user can make go through the cache.
  const bool trusted = status->uid == 0 && (status->mode & (S_IWGRP | S_IWOTH)) == 0;
  compile(tgid, fd->get(), trusted ? file_stamp(*status) : std::string(), binary);
  keep(binary, std::move(*fd));
  return binary;
}

void BinaryTables::keep(Binary& binary, UniqueFd file) {
  if (open_files_ >= kMaxOpenFiles) return;
  binary.file = std::move(file);
  ++open_files_;
}

void BinaryTables::let_go(const Binary& binary) {
  Use& use = uses_[&binary];
  if (--use.holders == 0) use.left = window_;
}

std::vector<const Binary*> BinaryTables::note_window(std::size_t excess, const Part& part) {
  ++window_;
  const Unused unused = close_unused();
  std::size_t wanted = wanted_rows(unused);
  std::vector<const Binary*> gone;
  for (const auto& [left, binary] : unused) {
    const bool lack_rows = store_.used() > store_.capacity() / 2 || wanted != 0;
    const std::size_t share = excess == 0 ? 0 : part(*binary);
    const bool helps = (lack_rows && binary->table.rows != 0) || known() > kMaxBinaries / 2;
    if (!helps && share == 0) continue;
    excess -= std::min(excess, share);
    if (store_.remove(binary->table) >= wanted) wanted = 0;
    gone.push_back(binary);
    free_.push_back(binary);
  }
  forget(gone);
  return gone;
}

BinaryTables::Unused BinaryTables::close_unused() {
  Unused unused;
  for (Binary& binary : binaries_) {
    const auto use = uses_.find(&binary);
    if (use == uses_.end() || use->second.holders != 0 || use->second.left + 2 > window_) continue;
    if (binary.file.valid()) {
      binary.file.reset();
      --open_files_;
    }
    if (&binary != vdso_) unused.emplace_back(use->second.left, &binary);
  }
  std::ranges::sort(unused, {},
                    [](const auto& one) { return std::pair(one.first, one.second->serial); });
  return unused;
}

// The most that one of the others lacks, and would find without the unused ones only; 0: none.
std::size_t BinaryTables::wanted_rows(const Unused& unused) const {
  RowSpace space = store_.space();
  for (const auto& [left, binary] : unused) {
    space.give_back(binary->table.first_row, binary->table.rows);
  }
  std::size_t wanted = 0;
  for (const auto& [binary, use] : uses_) {
    const bool is_used = use.holders != 0 || use.left + 2 > window_;
    if (is_used && binary->lacks_rows <= space.largest_gap()) {
      wanted = std::max(wanted, binary->lacks_rows);
    }
  }
  return store_.has_room(wanted) ? 0 : wanted;
}

void BinaryTables::forget(const std::vector<const Binary*>& gone) {
  if (gone.empty()) return;
  const std::unordered_set<const Binary*> all(gone.begin(), gone.end());
  const auto is_gone = [&](const auto& entry) { return all.contains(entry.second); };
  std::erase_if(by_file_, is_gone);
  std::erase_if(by_mapping_, is_gone);
  std::erase_if(failed_, is_gone);
  std::erase_if(uses_, [&](const auto& entry) { return all.contains(entry.first); });
}

Binary& BinaryTables::make() {
  Binary* binary = free_.empty() ? &binaries_.emplace_back() : free_.back();
  if (!free_.empty()) free_.pop_back();
  *binary = Binary();
  binary->serial = ++last_serial_;
  return *binary;
}

void BinaryTables::compile(pid_t tgid, int fd, const std::string& stamp, Binary& binary) {
  binary.lacks_rows = 0;
  const bool cacheable = !stamp.empty() && cache_ != nullptr;
  if (cacheable) {
    if (auto cached = cache_->load(stamp)) {
      binary.code = std::move(cached->facts.code);
      binary.build_id = std::move(cached->facts.build_id);
      return add(std::move(cached->table), binary);
    }
  }
  auto facts = reader_.facts(tgid, fd);
  if (!facts) {
    binary.no_cfi_reason = facts.error().message;
    return;
  }
  binary.code = facts->code;
  binary.build_id = facts->build_id;
  auto table = reader_.table(tgid, fd);
  add(table, binary);
  if (table && cacheable) cache_->store(stamp, {std::move(*facts), std::move(*table)});
}

void BinaryTables::add(const Result<UnwindTable>& table, Binary& binary) {
  if (!table) {
    binary.no_cfi_reason = table.error().message;
    return;
  }
  const auto span = store_.add(*table);
  if (!span) {
    binary.no_cfi_reason = span.error().message;
    // Where rules are what is full it is not tried again: they are kept for good.
    if (!store_.has_room(table->rows.size())) binary.lacks_rows = table->rows.size();
    return;
  }
  binary.no_cfi_reason.clear();
  binary.table = *span;
  binary.has_cfi = true;
  binary.is_v8 = std::ranges::any_of(
      table->rules, [](const jt_rule& rule) { return rule.cfa_kind == JT_CFA_FRAMES; });
}

const Binary& BinaryTables::vdso() {
  if (vdso_ == nullptr) {
    Binary& binary = make();
    binary.path = "[vdso]";
    // Linked at 0 and mapped whole, file offset 0.
    binary.code.push_back({0, ~std::uint64_t{0}, 0});
    add(compile_vdso_table(), binary);
    vdso_ = &binary;
  } else if (has_room_now(*vdso_)) {
    vdso_->lacks_rows = 0;
    add(compile_vdso_table(), *vdso_);
  }
  return *vdso_;
}

const Binary& BinaryTables::without_cfi(const std::string& path, const std::string& reason) {
  // Past the limit one entry stands for all.
  const bool full = failed_.size() >= kMaxBinaries;
  auto key =
      full ? std::pair<std::string, std::string>{"", "too many binaries"} : std::pair{path, reason};
  if (const auto it = failed_.find(key); it != failed_.end()) return *it->second;
  Binary& binary = make();
  binary.path = key.first;
  binary.no_cfi_reason = key.second;
  failed_.emplace(std::move(key), &binary);
  return binary;
}

}  // namespace jtrace::unwind
