// SPDX-License-Identifier: Apache-2.0
// record_vm_structs PID: prints what test/data/vm_structs keeps of a release: of the tables that
// the JVM describes itself with, the types that jvmsym reads, and a stack walk may need.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "jvmsym/hotspot/vm_structs.h"
#include "process/maps.h"
#include "process/memory.h"

namespace jtrace::test {
namespace {

using jvmsym::hotspot::VmStructs;
using jvmsym::hotspot::VmSymbols;

constexpr std::array<std::string_view, 42> kTypes{"AbstractInterpreter",
                                                  "Abstract_VM_Version",
                                                  "Array<int>",
                                                  "Array<u1>",
                                                  "CodeBlob",
                                                  "CodeCache",
                                                  "CodeHeap",
                                                  "CompiledMethod",
                                                  "CompressedKlassPointers",
                                                  "CompressedOops",
                                                  "ConstMethod",
                                                  "ConstantPool",
                                                  "ContinuationEntry",
                                                  "Flag",
                                                  "GenericGrowableArray",
                                                  "GrowableArray<int>",
                                                  "GrowableArrayBase",
                                                  "HeapBlock",
                                                  "HeapBlock::Header",
                                                  "InstanceKlass",
                                                  "JDK_Version",
                                                  "JVMFlag",
                                                  "OopHandle",
                                                  "JavaCallWrapper",
                                                  "JavaFrameAnchor",
                                                  "JavaThread",
                                                  "Klass",
                                                  "Method",
                                                  "OSThread",
                                                  "PcDesc",
                                                  "PerfMemory",
                                                  "RuntimeBlob",
                                                  "StubQueue",
                                                  "StubRoutines",
                                                  "Symbol",
                                                  "Thread",
                                                  "Threads",
                                                  "ThreadsList",
                                                  "ThreadsSMRSupport",
                                                  "Universe",
                                                  "VirtualSpace",
                                                  "nmethod"};
// Of their types, those whose size is read; others matter as sizes of numbers.
constexpr std::array<std::string_view, 6> kSizes{"ConstMethod", "ConstantPool", "Flag",
                                                 "HeapBlock",   "JVMFlag",      "PcDesc"};
constexpr std::array<std::string_view, 3> kConstants{"ConstMethod::_has_linenumber_table",
                                                     "ConstMethodFlags::_misc_has_linenumber_table",
                                                     "InvocationEntryBci"};

bool one_of(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The stub addresses and the classes are many, and few of them are read.
bool kept_field(std::string_view name) {
  if (name.starts_with("vmClasses::") || name.starts_with("SystemDictionary::")) {
    return name.contains("::String_klass_knum") || name.contains("::Thread_klass_knum");
  }
  const std::string_view type = name.substr(0, name.rfind("::"));
  if (type == "StubRoutines") return name.ends_with("::_call_stub_return_address");
  return one_of(kTypes, type);
}

std::string recorded(const VmStructs& structs) {
  std::istringstream lines(structs.to_text());
  std::string text = "# SPDX-License-Identifier: Apache-2.0\n";
  std::set<std::string> types(kSizes.begin(), kSizes.end());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    std::string number;
    std::string name;
    words >> kind >> number >> std::ws;
    if (kind == "type" || kind == "constant") {
      std::getline(words, name);
      // "member" and "static" sort before "type": what they refer to is known by now.
      const bool kept = kind == "constant" ? one_of(kConstants, name) : types.contains(name);
      if (kept) text += line + "\n";
      continue;
    }
    std::string type;
    words >> name >> std::ws;
    std::getline(words, type);
    if (!kept_field(name)) continue;
    if (structs.type_size(type).value_or(0) <= 8 && !type.ends_with('*')) types.insert(type);
    text += line + "\n";
  }
  return text;
}

Result<std::string> record(pid_t pid) {
  JT_TRY(const auto maps, process::read_maps(pid));
  const auto libjvm = std::ranges::find_if(maps, [](const process::MapEntry& entry) {
    return entry.path.ends_with("/libjvm.so") && entry.offset == 0;
  });
  if (libjvm == maps.end()) return fail(Errc::Target, "it has no libjvm.so");
  JT_TRY(const UniqueFd file, process::open_mapped_file(pid, *libjvm));
  // libjvm.so's first segment starts at 0
  JT_TRY(const VmSymbols symbols, VmSymbols::load(file.get(), libjvm->start));
  const process::ProcessMemory memory(pid);
  JT_TRY(const VmStructs structs, VmStructs::read(memory, symbols));
  return recorded(structs);
}

}  // namespace
}  // namespace jtrace::test

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto text = jtrace::test::record(std::atoi(argv[1]));
  if (!text) {
    fmt::print(stderr, "record_vm_structs: {}\n", text.error().message);
    return 1;
  }
  fmt::print("{}", *text);
  return 0;
}
