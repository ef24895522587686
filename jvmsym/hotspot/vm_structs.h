// SPDX-License-Identifier: Apache-2.0
// HotSpot's description of itself, as its serviceability agent uses it: which types, fields and
// constants there are, where they lie. Knows nothing of what they mean.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "process/memory.h"

namespace jtrace::jvmsym::hotspot {

// The list of generated stubs, which no table exports: only where .symtab was kept.
inline constexpr std::string_view kStubListSymbol = "_ZN12StubCodeDesc5_listE";
// Moves at every safepoint.
inline constexpr std::string_view kSafepointCounterSymbol =
    "_ZN20SafepointSynchronize18_safepoint_counterE";

// Names a field; `type` is the class that the table lists it under, which moves between releases.
struct FieldName {
  std::string_view type;
  std::string_view field;
};

// Process addresses of libjvm.so's symbols, by name.
class VmSymbols {
 public:
  // From .dynsym (survives strip) the gHotSpotVM* symbols; from .symtab, where the distribution
  // keeps it, the few statics that no table exports.
  [[nodiscard]] static Result<VmSymbols> load(int libjvm_fd, std::uint64_t bias);

  // What load() found with bias 0, and with which bias it is to be used.
  [[nodiscard]] VmSymbols at(std::uint64_t bias) const;
  [[nodiscard]] const std::unordered_map<std::string, std::uint64_t>& all() const {
    return addresses_;
  }

  void add(std::string name, std::uint64_t address) { addresses_[std::move(name)] = address; }
  [[nodiscard]] std::optional<ProcessAddr> find(std::string_view name) const;

 private:
  std::unordered_map<std::string, std::uint64_t> addresses_;
};

class VmStructs {
 public:
  struct Field {
    std::string type;           // as C++ spells it: "int", "u2", "Method*"; may be empty
    std::uint64_t offset = 0;   // of a member
    std::uint64_t address = 0;  // of a static
    bool is_static = false;
  };

  // Reads the four tables out of the process (the file holds them unrelocated).
  [[nodiscard]] static Result<VmStructs> read(const process::MemoryReader& memory,
                                              const VmSymbols& symbols);

  // The first that exists among `aliases`; the only way a release's spelling is chosen.
  [[nodiscard]] const Field* find(std::initializer_list<FieldName> aliases) const;
  [[nodiscard]] std::optional<std::uint64_t> type_size(std::string_view type) const;
  [[nodiscard]] std::optional<std::int64_t> constant(std::string_view name) const;

  // One line an entry, sorted; what a release has is recorded and compared in this form.
  [[nodiscard]] std::string to_text() const;
  // The reverse; lines that do not parse are skipped.
  [[nodiscard]] static VmStructs from_text(std::string_view text);

 private:
  std::unordered_map<std::string, Field> fields_;  // "Type::field"
  std::unordered_map<std::string, std::uint64_t> types_;
  std::unordered_map<std::string, std::int64_t> constants_;
};

}  // namespace jtrace::jvmsym::hotspot
