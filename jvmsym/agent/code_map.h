// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "jvmsym/agent/log_format.h"

namespace jtrace::jvmsym::agent {

// A call on the chain that was inlined at one pc. Views into the method's record.
struct InlinedCall {
  std::string_view class_text;  // "Lpkg/Class;"
  std::string_view name;
  std::string_view signature;
  std::string_view source;  // empty: not known
  std::int32_t bci = -1;
  std::uint32_t line = 0;  // 0: not known
};

// A compiled method, or a stub, as the agent's log tells it.
class CompiledCode {
 public:
  // A whole record of type JT_AGENT_LOAD or JT_AGENT_STUB; nullopt where anything in it points
  // outside of it.
  [[nodiscard]] static std::optional<CompiledCode> parse(std::span<const std::byte> record);

  // Of which only the name is known (a jitdump): [begin, begin + bytes). `serial` tells it from
  // what else was there. nullopt where the place makes no sense, or the name is empty.
  [[nodiscard]] static std::optional<CompiledCode> named(std::uint64_t begin, std::uint64_t bytes,
                                                         std::string_view name,
                                                         std::uint32_t serial);

  [[nodiscard]] std::uint64_t begin() const { return code_; }
  [[nodiscard]] std::uint64_t end() const { return code_ + code_bytes_; }
  [[nodiscard]] std::uint64_t length() const { return code_bytes_; }
  [[nodiscard]] bool covers(std::uint64_t pc) const { return pc >= code_ && pc <= end(); }
  [[nodiscard]] bool is_stub() const { return stub_; }
  [[nodiscard]] std::uint32_t compile_id() const { return compile_id_; }  // 0: not known
  [[nodiscard]] int comp_level() const { return comp_level_; }            // 0: not known, or native
  [[nodiscard]] std::size_t bytes() const { return record_.size() + sizeof(*this); }
  [[nodiscard]] std::string_view stub_name() const;
  [[nodiscard]] std::string_view text() const { return record_; }  // the name of what was named()

  // Innermost first; the last is the compiled method itself. Only that one, without a bci, where
  // the JVM has described no call that returns to `pc`: what is inlined at another pc may be
  // another thing.
  [[nodiscard]] std::vector<InlinedCall> calls(std::uint64_t pc) const;
  [[nodiscard]] InlinedCall self() const { return method(0); }  // of no stub

 private:
  [[nodiscard]] static std::optional<CompiledCode> parse_stub(std::span<const std::byte> record);
  [[nodiscard]] bool parse_load(std::span<const std::byte> record);
  [[nodiscard]] bool index_texts(std::size_t heads, std::uint32_t methods);
  [[nodiscard]] bool well_formed(std::uint32_t methods) const;
  [[nodiscard]] jt_agent_node node(std::uint32_t index) const;
  [[nodiscard]] jt_agent_pc pc_entry(std::uint32_t index) const;
  [[nodiscard]] InlinedCall method(std::uint32_t index) const;

  std::string record_;
  std::vector<std::uint32_t> texts_;  // where each method's texts begin
  std::uint64_t code_ = 0;
  std::uint64_t code_bytes_ = 0;
  std::uint32_t compile_id_ = 0;
  int comp_level_ = 0;
  std::uint32_t nodes_ = 0, pcs_ = 0;
  std::size_t method_heads_ = 0;  // where they begin
  bool stub_ = false;
};

// Which code lived at an address, and when. Addresses are used again: each version has a birth and
// a death. Bounded: at its limit it forgets what is dead, and then takes nothing new.
class CodeMap {
 public:
  static constexpr std::uint64_t kAlive = ~0ULL;

  explicit CodeMap(std::size_t max_bytes = 160ULL << 20) : max_bytes_(max_bytes) {}

  // What overlaps it died by then: its memory is the new one's. Stubs lie within each other.
  void load(CompiledCode code, std::uint64_t time);
  void unload(std::uint64_t begin, std::uint64_t time);
  // The log ends: of what lives on, it tells nothing more.
  void end(std::uint64_t time);

  // By compile id, which one JVM gives once: right at any time, before the birth in the log, too.
  [[nodiscard]] const CompiledCode* find(std::uint64_t pc, std::uint32_t compile_id) const;
  // By time. Code runs before its load event comes, and an event of unloading may come late: near
  // the ends of a life this is as good as the JVM's events are.
  [[nodiscard]] const CompiledCode* at(std::uint64_t pc, std::uint64_t time) const;

  [[nodiscard]] std::size_t size() const { return versions_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t forgotten() const { return forgotten_; }  // dead ones
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct Version {
    CompiledCode code;
    std::uint64_t birth;
    std::uint64_t death;
  };
  [[nodiscard]] bool known(const CompiledCode& code) const;
  void kill_overlapping(const CompiledCode& code, std::uint64_t time);
  [[nodiscard]] bool make_room(std::size_t bytes);
  void add(Version version);
  template <class Accept>
  [[nodiscard]] const Version* newest(std::uint64_t pc, Accept accept) const;
  template <class Visit>
  void each_page(std::uint64_t begin, std::uint64_t end, Visit visit);
  [[nodiscard]] static std::size_t cost(const CompiledCode& code);

  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::deque<Version> versions_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> pages_;  // indices, oldest first
  std::uint64_t forgotten_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace jtrace::jvmsym::agent
