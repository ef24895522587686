// SPDX-License-Identifier: Apache-2.0
// The profile in pprof's words (github.com/google/pprof proto/profile.proto), as pure data.
// Strings, functions, mappings and locations are interned: equal values have equal ids.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "profile/process.h"

namespace jtrace::profile {

using StringId = Id<struct StringTag, std::uint32_t>;      // 0 is the empty string
using FunctionId = Id<struct FunctionTag, std::uint32_t>;  // 0 is no function
using MappingId = Id<struct MappingTag, std::uint32_t>;    // 0 is no mapping
using LocationId = Id<struct LocationTag, std::uint32_t>;  // 0 is no location

// What a frame is. Order is stable: exporters and the page key their colours by it.
enum class FrameKind : std::uint8_t {
  Native,  // C, C++, ... in an ELF file
  Kernel,
  JavaC2,  // compiled by C2 (or a JVMCI compiler); pprof line of an inlining chain's root
  JavaC1,
  JavaInlined,  // inlined into the compiled frame below it
  JavaInterpreted,
  JavaNative,  // a native method: its wrapper or its interpreter entry
  JavaStub,    // generated code that is no method: stubs, adapters, runtime blobs
  Event,       // the event itself, or an argument of it, as a leaf frame
  Thread,      // [name tid=N]
  Marker,      // [truncated], [gap]: says that something is missing here
  Unknown,     // could not be named; Location::reason says why
};

// Why a frame has no name. A closed list; the text of each is in frame_text.cpp.
enum class UnknownReason : std::uint8_t {
  None,
  NoSymbols,     // the binary has no symbol that covers this address
  FileGone,      // the binary could not be opened
  Unmapped,      // the address is in no mapping
  ProcessGone,   // the target ended before its memory was read
  CodeReplaced,  // the compiled method at that address is no longer the one of the event
  BadMetadata,   // the JVM's data did not make sense
  NoJvmSymbols,  // --jvm-symbols none, or nothing readable
  Unverified,    // classes were unloaded since: the method there may be another one
};

struct Function {
  StringId name;         // as shown: pkg/Class.method, demangled C++
  StringId system_name;  // as the binary has it; signature for Java
  StringId filename;     // source file, empty where not known
  friend auto operator<=>(const Function&, const Function&) = default;
};

struct Mapping {
  std::uint64_t start = 0;  // process address
  std::uint64_t limit = 0;
  std::uint64_t offset = 0;  // in the file
  StringId filename;
  StringId build_id;  // hex, empty where there is none
  friend auto operator<=>(const Mapping&, const Mapping&) = default;
};

struct Line {
  FunctionId function;
  FrameKind kind = FrameKind::Unknown;
  std::uint32_t line = 0;  // source line, 0 where not known
  std::int32_t bci = -1;   // bytecode index, -1 where there is none
  friend auto operator<=>(const Line&, const Line&) = default;
};

// Who gave a frame of generated code its name.
enum class NameSource : std::uint8_t {
  VmStructs,     // the JVM's own tables; of no meaning for code that lies in a file
  Walk,          // the walk knows what it is: the way from native code into Java
  Agent,         // the log of the agent inside of it
  JitDump,       // a runtime's own log of its code
  PerfMap,       // a map that the JVM wrote for us: proven to mean the code that was met
  FoundPerfMap,  // a map that was there: nothing proves that
};

// One physical frame. lines[0] is the innermost inlined function, as in pprof.
// A location without lines could not be named: mapping, address and reason tell what is known.
struct Location {
  MappingId mapping;
  std::uint64_t address = 0;  // ELF address for native, else process address
  UnknownReason reason = UnknownReason::None;
  NameSource source = NameSource::VmStructs;
  std::vector<Line> lines;
  friend auto operator<=>(const Location&, const Location&) = default;
};

struct ValueType {
  std::string type;  // "events"
  std::string unit;  // "count"
  friend bool operator==(const ValueType&, const ValueType&) = default;
};

// Keys of labels that every output knows, as those of process.h; all others are fields of events.
inline constexpr std::string_view kEventLabel = "event";
inline constexpr std::string_view kThreadLabel = "thread";

// A label of a sample; str or num, never both (pprof). A number with a unit says how large the
// events of the sample were: it is the lower end of a bucket, 0 or a power of two, and the bucket
// ends before the next one.
struct Label {
  StringId key;
  StringId str;
  std::int64_t num = 0;
  StringId unit{};  // of num
  [[nodiscard]] bool is_number() const { return str.value == 0 && (num != 0 || unit.value != 0); }
  friend auto operator<=>(const Label&, const Label&) = default;
};

struct Sample {
  std::vector<LocationId> locations;  // leaf first
  std::vector<std::int64_t> values;   // one per sample type
  std::vector<Label> labels;
};

// One event of a sample, where they were asked for one by one.
struct SingleEvent {
  std::chrono::system_clock::time_point time;  // when it was counted: of a call, its end
  std::size_t sample = 0;                      // index
  std::uint32_t pid = 0, tid = 0;
  std::vector<std::int64_t> values;  // one per sample type
};

// A line of the ledger: "lost: ring buffer full" 12. Nested lines (depth 1) are part of the last
// line of depth 0 before them.
struct LedgerLine {
  std::string name;
  std::uint64_t count = 0;
  int depth = 0;
  bool measurable = true;  // false: this kernel cannot count it
};

// What was traced and what became of every event. Every exporter writes it.
struct Ledger {
  std::vector<LedgerLine> lines;
  bool balanced = true;  // fired = kept + filtered + ... + lost, kept = complete + partial
};

struct Header {
  std::string title;  // "syscalls:sys_enter_openat"
  std::vector<std::string> events;
  std::string target;  // "java (pid 123)"
  std::string host;
  std::string command_line;
  std::chrono::system_clock::time_point start;
  std::chrono::nanoseconds duration{0};
  std::optional<Process> process{};  // of whom it is a part (split_by_process)
};

// Immutable once built (ProfileBuilder::build). Tables are indexed by id; entry 0 is the zero
// value.
struct Profile {
  Header header;
  std::vector<ValueType> sample_types;
  std::size_t default_type = 0;  // the weight that was asked for: outputs of one weight draw it
  std::vector<std::string> strings;
  std::vector<Function> functions;
  std::vector<Mapping> mappings;
  std::vector<Location> locations;
  std::vector<Sample> samples;
  std::vector<SingleEvent> events;  // in the order of their times; empty where nobody asked
  std::vector<std::string> comments;
  Ledger ledger;

  [[nodiscard]] std::string_view string(StringId id) const { return strings[id.value]; }
};

}  // namespace jtrace::profile
