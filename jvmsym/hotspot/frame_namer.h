// SPDX-License-Identifier: Apache-2.0
// From the walker's frames to locations with names.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "bpf/jtrace_abi.h"
#include "jvmsym/hotspot/code_heap.h"
#include "jvmsym/hotspot/layout.h"
#include "jvmsym/hotspot/method_names.h"
#include "jvmsym/hotspot/scopes.h"
#include "jvmsym/hotspot/stub_names.h"
#include "process/memory.h"
#include "profile/symbol_table.h"

namespace jtrace::jvmsym::hotspot {

// Serves one SymbolTable at a time: given another one, it starts with empty caches. Both references
// outlive it.
class FrameNamer {
 public:
  FrameNamer(const process::MemoryReader& memory, const Layout& layout, StubNames stubs);

  // `epoch`: of class unloading when the frame was met.
  [[nodiscard]] profile::LocationId name(const jt_frame& frame, std::uint64_t epoch,
                                         profile::SymbolTable& symbols);
  // Where that counter lies; 0: the JVM has none, interpreted frames have no names.
  void use_epoch_at(ProcessAddr epoch);
  void use_raw_names() { raw_names_ = true; }

 private:
  using Lines = std::expected<std::vector<profile::Line>, profile::UnknownReason>;
  // Compiled code is told from what stood at its address before by its compile id, a counter: the
  // three together mean the same thing for as long as the JVM lives.
  struct BlobKey {
    std::uint64_t blob;
    std::uint32_t compile_id;
    friend auto operator<=>(const BlobKey&, const BlobKey&) = default;
  };
  using CompiledKey = std::tuple<BlobKey, std::uint64_t>;  // and pc

  using InterpretedKey = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;  // epoch last

  [[nodiscard]] profile::LocationId interpreted(const jt_frame& frame, std::uint64_t epoch);
  [[nodiscard]] Lines interpreted_lines(std::uint64_t method, std::uint64_t bcp, bool exact);
  [[nodiscard]] bool unloaded_since(std::uint64_t epoch) const;
  [[nodiscard]] bool too_late(std::uint64_t epoch) const;
  [[nodiscard]] bool same_epoch(std::uint64_t epoch) const;
  [[nodiscard]] profile::LocationId compiled(const jt_frame& frame, std::uint64_t epoch);
  [[nodiscard]] Lines compiled_lines(const BlobKey& key, std::uint64_t pc, const jt_frame& frame);
  [[nodiscard]] Lines scope_lines(const BlobHeader& header, const BlobKey& key, std::uint64_t pc,
                                  bool exact);
  [[nodiscard]] Lines stub(const jt_frame& frame);
  [[nodiscard]] std::expected<BlobHeader, profile::UnknownReason> live_blob(const BlobKey& key);
  [[nodiscard]] const NmethodTables* tables(const BlobHeader& header, const BlobKey& key);
  [[nodiscard]] std::optional<profile::Line> method_line(std::uint64_t method, std::int32_t bci,
                                                         profile::FrameKind kind);
  [[nodiscard]] profile::Line line(const JavaMethod& method, std::int32_t bci,
                                   profile::FrameKind kind);
  [[nodiscard]] profile::LocationId location(std::uint64_t address, Lines lines);
  [[nodiscard]] profile::UnknownReason why_unreadable() const;

  const process::MemoryReader& memory_;
  const Layout& layout_;
  BlobReader blobs_;
  std::optional<MethodNames> methods_;
  StubNames stubs_;
  profile::SymbolTable* symbols_ = nullptr;
  std::uint64_t named_in_ = 0;  // serial of that table
  std::map<BlobKey, NmethodTables> tables_;
  std::size_t tables_bytes_ = 0;
  bool raw_names_ = false;
  std::map<CompiledKey, profile::LocationId> compiled_;
  std::map<InterpretedKey, profile::LocationId> interpreted_;  // proven
  ProcessAddr epoch_at_{};
};

}  // namespace jtrace::jvmsym::hotspot
