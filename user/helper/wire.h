// SPDX-License-Identifier: Apache-2.0
// What goes between jtrace and the process that reads a target's file, as bytes. A reply is decoded
// by jtrace with all its rights: the process that made it may have been taken over by the file, so
// every number in it is checked, and what is left is of use to a walk whatever it says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "symbolize/elf_symbols.h"
#include "unwind/binary_reader.h"

namespace jtrace::helper {

enum class Work : std::uint32_t {
  Facts = 1,      // where its code is, its build id
  Table = 2,      // its call frame information as rows and rules
  Symbols = 3,    // its functions
  VmSymbols = 4,  // of libjvm.so, what reading a JVM starts from
  PerfMap = 5,    // the text of the perf map of a process; the file is /proc/PID
  JitDump = 6,    // a stretch of a jitdump
};

// A reply is held in memory once, as bytes, and once as what it means.
constexpr std::size_t kMaxReply = 256U << 20;
constexpr std::size_t kMaxRequest = 64U << 10;
constexpr std::size_t kMaxDebugPaths = 4;

struct Request {
  Work work = Work::Facts;
  std::string path{};                      // of the file, for the directory of its debug file
  std::vector<std::string> debug_paths{};  // below the root that comes with it
  std::int32_t inner_tgid = 0;             // PerfMap: what the process calls itself
  std::uint64_t offset = 0;                // JitDump: where it begins
  std::uint64_t room = 0;                  // Symbols: bytes of them that are wanted at most; 0: all
};

// Before the bytes of a reply.
struct ReplyHeader {
  std::uint32_t ok = 0;  // else they are the reason, as text
  std::uint32_t bytes = 0;
};

struct SymbolsReply {
  symbolize::ElfSymbols symbols;
  symbolize::DebugWanted wanted;
  bool too_large = false;  // they are more than there is room for, and left out
};

using Bytes = std::span<const std::byte>;

[[nodiscard]] std::string encode(const Request& request);
[[nodiscard]] Result<Request> decode_request(Bytes bytes);

[[nodiscard]] std::string encode(const unwind::BinaryFacts& facts);
[[nodiscard]] std::string encode(const unwind::UnwindTable& table);
[[nodiscard]] std::string encode(const SymbolsReply& reply);
[[nodiscard]] std::string encode(const jvmsym::hotspot::VmSymbols& symbols);

[[nodiscard]] Result<unwind::BinaryFacts> decode_facts(Bytes bytes);
[[nodiscard]] Result<unwind::UnwindTable> decode_table(Bytes bytes);
[[nodiscard]] Result<SymbolsReply> decode_symbols(Bytes bytes);
[[nodiscard]] Result<jvmsym::hotspot::VmSymbols> decode_vm_symbols(Bytes bytes);
// One short line, whatever was sent.
[[nodiscard]] std::string decode_reason(Bytes bytes);

}  // namespace jtrace::helper
