// SPDX-License-Identifier: Apache-2.0
// Where, in one JVM, everything lies that is read of it. Chosen by which fields exist: releases,
// and update releases of one release, move them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "jvmsym/hotspot/guarded_memory.h"
#include "jvmsym/hotspot/vm_structs.h"

namespace jtrace::jvmsym::hotspot {

// A number inside a structure: size 0 is no number at all.
struct Member {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;

  [[nodiscard]] explicit operator bool() const { return size != 0; }
  [[nodiscard]] std::uint32_t end() const { return offset + size; }
  [[nodiscard]] std::optional<std::uint64_t> get(const Bytes& structure) const {
    return structure.get_unsigned(offset, size);
  }
};

// An address that a code blob tells: a pointer in its header, its own address plus an offset, ...
struct Place {
  bool from_blob = false;        // the blob's address is a term of the sum
  std::array<Member, 2> term{};  // the others

  // `header`: the blob's bytes from its start.
  [[nodiscard]] std::optional<std::uint64_t> get(const Bytes& header, ProcessAddr blob) const;
  [[nodiscard]] std::uint32_t end() const;  // bytes of the header it needs
};

struct HeapLayout {
  ProcessAddr heaps;  // CodeCache::_heaps, or _heap where there is only one
  bool single_heap = false;
  std::uint32_t array_length = 0;
  std::uint32_t array_data = 0;
  std::uint32_t memory_low_boundary = 0;  // in a CodeHeap
  std::uint32_t memory_high_boundary = 0;
  std::uint32_t memory_high = 0;
  std::uint32_t segmap_low = 0;
  std::uint32_t segmap_high = 0;
  std::uint32_t log2_segment_size = 0;
  std::uint32_t heap_bytes = 0;    // to read of a CodeHeap to see all of these
  std::uint32_t block_header = 0;  // sizeof(HeapBlock)
  Member block_length;             // in segments
  Member block_used;
};

struct InterpreterLayout {
  ProcessAddr code;  // AbstractInterpreter::_code
  std::uint32_t buffer = 0;
  std::uint32_t buffer_limit = 0;
  ProcessAddr call_stub_return;  // StubRoutines::_call_stub_return_address
};

struct BlobLayout {
  Member name;
  Member size;
  Member frame_size;
  Place code_begin;
  Place code_end;
  // nmethods only
  Member method;
  Member compile_id;
  Member comp_level;
  Member orig_pc;
  Member frame_complete;  // bytes of code that set the frame up; absent: nothing says
  Place deopt;
  Place deopt_mh;  // end() == 0: there is none
  std::uint32_t header_bytes = 0;
};

// Where a thread notes the Java frame that it left for native code.
struct AnchorLayout {
  std::uint32_t in_thread = 0;   // of a JavaThread
  std::uint32_t in_wrapper = 0;  // of a JavaCallWrapper
  std::uint32_t sp = 0, pc = 0, fp = 0;
  std::uint32_t stack_base = 0, stack_size = 0;  // of a JavaThread
};

// The list of Java threads, and the number that the kernel knows one by.
struct ThreadsLayout {
  ProcessAddr list;       // ThreadsSMRSupport::_java_thread_list, or Threads::_thread_list
  bool is_chain = false;  // JDK 8: threads are linked by `next`
  std::uint32_t next = 0;
  std::uint32_t length = 0, threads = 0;  // of a ThreadsList
  std::uint32_t osthread = 0;             // of a JavaThread
  Member thread_id;                       // of an OSThread
};

// What leads from a JavaThread to the name of its java.lang.Thread.
struct ThreadNamesLayout {
  Member thread_object;                    // of a JavaThread
  bool is_handle = false;                  // JDK 17 on: a pointer to the oop, not the oop
  ProcessAddr thread_class, string_class;  // variables that hold an InstanceKlass*
  ProcessAddr oop_base, oop_shift, klass_base, klass_shift;
  Member klass_constants;
  Member fields;  // Array<u2>*; JDK 21 on: Array<u1>*, a stream of UNSIGNED5
  bool fields_are_stream = false;
  Member java_field_count;                         // not with a stream
  std::uint32_t array_length = 0, array_data = 0;  // of an Array<u1> or Array<u2>
  ProcessAddr flags, flag_count;                   // JVMFlag, in JDK 8 Flag
  std::uint32_t flag_bytes = 0, flag_name = 0, flag_address = 0;
};

// PerfMemory: the JVM's own counters, as jstat reads them.
struct PerfMemoryLayout {
  ProcessAddr start, top;
};

// The tables of an nmethod that lead from a pc to methods and bytecodes.
struct ScopesLayout {
  Place metadata_begin, metadata_end;
  Place data_begin, data_end;
  Place pcs_begin, pcs_end;
  std::uint32_t pc_desc_size = 0;
  std::uint32_t pc_offset = 0;
  std::uint32_t scope_decode_offset = 0;
  bool unsigned5_excludes_zero = false;
};

struct MethodLayout {
  Member const_method;
  Member access_flags;
  std::uint32_t method_bytes = 0;
  Member constants;
  Member code_size;
  Member name_index;
  Member signature_index;
  Member const_method_size;  // words
  Member flags;
  std::uint64_t has_line_numbers = 0;    // mask of flags, 0: not known
  std::uint32_t const_method_bytes = 0;  // the bytecodes follow
  Member pool_holder;
  Member pool_length;
  Member pool_source_file;       // a symbol's index; moved here with JDK 15
  std::uint32_t pool_bytes = 0;  // the entries follow
  Member klass_source_file;
  Member klass_name;
  Member symbol_length;
  std::uint32_t symbol_length_shift = 0;
  std::uint32_t symbol_body = 0;
  bool unsigned5_excludes_zero = false;
};

// Each part is there whole or not at all; what is not says so in `missing`.
struct Layout {
  int major = 0;
  std::string version;
  std::int8_t slot_sender_sp = 0, slot_method = 0, slot_bcp = 0;
  bool code_is_freed_at_safepoints = false;
  std::optional<HeapLayout> heap;
  std::optional<InterpreterLayout> interpreter;
  std::optional<BlobLayout> blob;
  std::optional<ScopesLayout> scopes;
  std::optional<MethodLayout> method;
  std::optional<AnchorLayout> anchor;
  std::optional<ThreadsLayout> threads;
  std::optional<ThreadNamesLayout> thread_names;
  std::optional<PerfMemoryLayout> perf_memory;
  std::vector<std::string> missing;  // "inlined frames: no nmethod::_metadata_offset"
};

// The release: 17. JDK 8's VM calls itself 25.
[[nodiscard]] int major_version(const process::MemoryReader& memory, const VmStructs& structs);

// `memory` is needed for the version's text only.
[[nodiscard]] Layout make_layout(const process::MemoryReader& memory, const VmStructs& structs,
                                 int major);

}  // namespace jtrace::jvmsym::hotspot
