// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <span>

#include "jvmsym/hotspot/jdk_quirks.h"

namespace jtrace::jvmsym::hotspot {
namespace {

// The largest structure read is InstanceKlass, some 500 bytes.
constexpr std::uint64_t kMaxOffset = 4096;
constexpr std::size_t kMaxVersion = 128;

using Aliases = std::initializer_list<FieldName>;

// One way in which some releases tell an address; holds where all its fields, and `with`, exist.
struct Spelling {
  FieldName with{};
  bool from_blob = false;
  std::array<FieldName, 2> terms{};
};

// Looks up the fields of one feature and remembers the first that is not there.
class Feature {
 public:
  Feature(const VmStructs& structs, std::string name) : structs_(structs), name_(std::move(name)) {}

  Member optional(Aliases aliases) const {
    const auto* field = structs_.find(aliases);
    return field == nullptr ? Member{} : member_of(*field);
  }
  Member member(Aliases aliases) {
    const Member result = optional(aliases);
    if (!result) miss(*aliases.begin());
    return result;
  }
  // Offset of a member whose size does not matter: a structure, an array.
  std::uint32_t offset(Aliases aliases) {
    const auto* field = structs_.find(aliases);
    if (field != nullptr && !field->is_static && field->offset < kMaxOffset) {
      return static_cast<std::uint32_t>(field->offset);
    }
    miss(*aliases.begin());
    return 0;
  }
  ProcessAddr static_field(Aliases aliases) {
    const auto* field = structs_.find(aliases);
    if (field != nullptr && field->is_static && field->address != 0) {
      return ProcessAddr{field->address};
    }
    miss(*aliases.begin());
    return {};
  }
  std::uint32_t type_size(std::string_view type) {
    const auto size = structs_.type_size(type);
    if (size && *size > 0 && *size < kMaxOffset) return static_cast<std::uint32_t>(*size);
    miss({"sizeof", type});
    return 0;
  }
  Place optional_place(std::initializer_list<Spelling> spellings) const {
    for (const Spelling& spelling : spellings) {
      if (const auto place = spell(spelling)) return *place;
    }
    return {};
  }
  Place place(std::initializer_list<Spelling> spellings) {
    const Place result = optional_place(spellings);
    if (result.end() == 0) miss((spellings.end() - 1)->terms[0]);
    return result;
  }

  // What was filled in, if all of it was found.
  template <class T>
  std::optional<T> finish(T value, std::vector<std::string>& missing) const {
    if (missing_.empty()) return value;
    missing.push_back(fmt::format("{}: no {}", name_, missing_));
    return std::nullopt;
  }

 private:
  void miss(const FieldName& field) {
    if (missing_.empty()) missing_ = fmt::format("{}::{}", field.type, field.field);
  }
  Member member_of(const VmStructs::Field& field) const {
    std::uint64_t size = 0;
    if (field.type.ends_with('*')) {
      size = 8;
    } else {
      size = structs_.type_size(field.type).value_or(0);
    }
    const bool number = size == 1 || size == 2 || size == 4 || size == 8;
    if (field.is_static || field.offset >= kMaxOffset || !number) return {};
    return {static_cast<std::uint32_t>(field.offset), static_cast<std::uint32_t>(size)};
  }
  std::optional<Place> spell(const Spelling& spelling) const {
    if (!spelling.with.type.empty() && structs_.find({spelling.with}) == nullptr) {
      return std::nullopt;
    }
    Place place{.from_blob = spelling.from_blob, .term = {}};
    for (std::size_t i = 0; i < spelling.terms.size(); ++i) {
      if (spelling.terms.at(i).type.empty()) continue;
      place.term.at(i) = optional({spelling.terms.at(i)});
      if (!place.term.at(i)) return std::nullopt;
    }
    return place;
  }

  const VmStructs& structs_;
  std::string name_;
  std::string missing_;
};

std::optional<HeapLayout> heap_layout(const VmStructs& structs, std::vector<std::string>& missing) {
  Feature f(structs, "code cache");
  HeapLayout heap;
  heap.single_heap = structs.find({{"CodeCache", "_heaps"}}) == nullptr;
  heap.heaps = f.static_field({{"CodeCache", "_heaps"}, {"CodeCache", "_heap"}});
  if (!heap.single_heap) {
    heap.array_length = f.offset({{"GrowableArrayBase", "_len"}, {"GenericGrowableArray", "_len"}});
    heap.array_data = f.offset({{"GrowableArray<int>", "_data"}});
  }
  const std::uint32_t memory = f.offset({{"CodeHeap", "_memory"}});
  const std::uint32_t segmap = f.offset({{"CodeHeap", "_segmap"}});
  const std::uint32_t low = f.offset({{"VirtualSpace", "_low"}});
  const std::uint32_t high = f.offset({{"VirtualSpace", "_high"}});
  heap.memory_low_boundary = memory + f.offset({{"VirtualSpace", "_low_boundary"}});
  heap.memory_high_boundary = memory + f.offset({{"VirtualSpace", "_high_boundary"}});
  heap.memory_high = memory + high;
  heap.segmap_low = segmap + low;
  heap.segmap_high = segmap + high;
  heap.log2_segment_size = f.offset({{"CodeHeap", "_log2_segment_size"}});
  heap.heap_bytes =
      8 + std::max({heap.memory_low_boundary, heap.memory_high_boundary, heap.memory_high,
                    heap.segmap_low, heap.segmap_high, heap.log2_segment_size});
  heap.block_header = f.type_size("HeapBlock");
  const std::uint32_t header = f.offset({{"HeapBlock", "_header"}});
  heap.block_length = f.member({{"HeapBlock::Header", "_length"}});
  heap.block_used = f.member({{"HeapBlock::Header", "_used"}});
  heap.block_length.offset += header;
  heap.block_used.offset += header;
  return f.finish(heap, missing);
}

std::optional<InterpreterLayout> interpreter_layout(const VmStructs& structs,
                                                    std::vector<std::string>& missing) {
  Feature f(structs, "interpreter");
  InterpreterLayout interpreter;
  interpreter.code = f.static_field({{"AbstractInterpreter", "_code"}});
  interpreter.buffer = f.offset({{"StubQueue", "_stub_buffer"}});
  interpreter.buffer_limit = f.offset({{"StubQueue", "_buffer_limit"}});
  interpreter.call_stub_return = f.static_field({{"StubRoutines", "_call_stub_return_address"}});
  return f.finish(interpreter, missing);
}

// JDK 8 and 23+ keep offsets from the blob, JDK 9 to 22 pointers; CompiledMethod is a class of its
// own in JDK 9 to 22 only.
std::optional<BlobLayout> blob_layout(const VmStructs& structs, std::vector<std::string>& missing) {
  Feature f(structs, "compiled code");
  BlobLayout blob;
  blob.name = f.member({{"CodeBlob", "_name"}});
  blob.size = f.member({{"CodeBlob", "_size"}});
  blob.frame_size = f.member({{"CodeBlob", "_frame_size"}});
  blob.code_begin = f.place({{.terms = {{{"CodeBlob", "_code_begin"}}}},
                             {.from_blob = true, .terms = {{{"CodeBlob", "_code_offset"}}}}});
  blob.code_end = f.place({{.terms = {{{"CodeBlob", "_code_end"}}}},
                           {.from_blob = true, .terms = {{{"CodeBlob", "_data_offset"}}}}});
  blob.method = f.member({{"nmethod", "_method"}, {"CompiledMethod", "_method"}});
  blob.compile_id = f.member({{"nmethod", "_compile_id"}});
  blob.comp_level = f.member({{"nmethod", "_comp_level"}});
  blob.orig_pc = f.member({{"nmethod", "_orig_pc_offset"}});
  blob.frame_complete = f.optional({{"CodeBlob", "_frame_complete_offset"}});
  blob.deopt =
      f.place({{.from_blob = true, .terms = {{{"nmethod", "_deopt_handler_entry_offset"}}}},
               {.from_blob = true, .terms = {{{"nmethod", "_deopt_handler_offset"}}}},
               {.from_blob = true, .terms = {{{"nmethod", "_deoptimize_offset"}}}},
               {.terms = {{{"CompiledMethod", "_deopt_handler_begin"}}}}});
  blob.deopt_mh =
      f.optional_place({{.from_blob = true, .terms = {{{"nmethod", "_deopt_mh_handler_offset"}}}},
                        {.from_blob = true, .terms = {{{"nmethod", "_deoptimize_mh_offset"}}}},
                        {.terms = {{{"CompiledMethod", "_deopt_mh_handler_begin"}}}}});
  blob.header_bytes = std::max({blob.name.end(), blob.size.end(), blob.frame_size.end(),
                                blob.code_begin.end(), blob.code_end.end(), blob.method.end(),
                                blob.compile_id.end(), blob.comp_level.end(), blob.orig_pc.end(),
                                blob.frame_complete.end(), blob.deopt.end(), blob.deopt_mh.end()});
  return f.finish(blob, missing);
}

std::optional<AnchorLayout> anchor_layout(const VmStructs& structs,
                                          std::vector<std::string>& missing) {
  Feature f(structs, "native code without unwind information");
  AnchorLayout anchor;
  anchor.in_thread = f.offset({{"JavaThread", "_anchor"}});
  anchor.in_wrapper = f.offset({{"JavaCallWrapper", "_anchor"}});
  anchor.sp = f.offset({{"JavaFrameAnchor", "_last_Java_sp"}});
  anchor.pc = f.offset({{"JavaFrameAnchor", "_last_Java_pc"}});
  anchor.fp = f.offset({{"JavaFrameAnchor", "_last_Java_fp"}});
  anchor.stack_base = f.offset({{"JavaThread", "_stack_base"}, {"Thread", "_stack_base"}});
  anchor.stack_size = f.offset({{"JavaThread", "_stack_size"}, {"Thread", "_stack_size"}});
  return f.finish(anchor, missing);
}

// ThreadsList came with JDK 10; the OSThread moved from JavaThread to Thread with JDK 25.
std::optional<ThreadsLayout> threads_layout(const VmStructs& structs,
                                            std::vector<std::string>& missing) {
  Feature f(structs, "Java threads");
  ThreadsLayout threads;
  threads.list =
      f.static_field({{"ThreadsSMRSupport", "_java_thread_list"}, {"Threads", "_thread_list"}});
  threads.is_chain = structs.find({{"ThreadsSMRSupport", "_java_thread_list"}}) == nullptr;
  if (threads.is_chain) {
    threads.next = f.offset({{"JavaThread", "_next"}});
  } else {
    threads.length = f.offset({{"ThreadsList", "_length"}});
    threads.threads = f.offset({{"ThreadsList", "_threads"}});
  }
  threads.osthread = f.offset({{"JavaThread", "_osthread"}, {"Thread", "_osthread"}});
  // A typedef whose size is in no table: pid_t.
  threads.thread_id = {f.offset({{"OSThread", "_thread_id"}}), 4};
  return f.finish(threads, missing);
}

// Handles came with JDK 17, the stream of fields with JDK 21. OopHandle's size is that of a
// pointer.
std::optional<ThreadNamesLayout> thread_names_layout(const VmStructs& structs,
                                                     std::vector<std::string>& missing) {
  Feature f(structs, "names of Java threads");
  ThreadNamesLayout n;
  n.thread_object = {f.offset({{"JavaThread", "_threadObj"}}), 8};
  const auto* object = structs.find({{"JavaThread", "_threadObj"}});
  n.is_handle = object != nullptr && object->type == "OopHandle";
  n.thread_class = f.static_field(
      {{"vmClasses", "_klasses[static_cast<int>(vmClassID::Thread_klass_knum)]"},
       {"SystemDictionary", "_well_known_klasses[SystemDictionary::Thread_klass_knum]"}});
  n.string_class = f.static_field(
      {{"vmClasses", "_klasses[static_cast<int>(vmClassID::String_klass_knum)]"},
       {"SystemDictionary", "_well_known_klasses[SystemDictionary::String_klass_knum]"}});
  n.oop_base = f.static_field({{"CompressedOops", "_base"},
                               {"CompressedOops", "_narrow_oop._base"},
                               {"Universe", "_narrow_oop._base"}});
  n.oop_shift = f.static_field({{"CompressedOops", "_shift"},
                                {"CompressedOops", "_narrow_oop._shift"},
                                {"Universe", "_narrow_oop._shift"}});
  n.klass_base = f.static_field({{"CompressedKlassPointers", "_base"},
                                 {"CompressedKlassPointers", "_narrow_klass._base"},
                                 {"Universe", "_narrow_klass._base"}});
  n.klass_shift = f.static_field({{"CompressedKlassPointers", "_shift"},
                                  {"CompressedKlassPointers", "_narrow_klass._shift"},
                                  {"Universe", "_narrow_klass._shift"}});
  n.klass_constants = f.member({{"InstanceKlass", "_constants"}});
  n.fields = f.member({{"InstanceKlass", "_fieldinfo_stream"}, {"InstanceKlass", "_fields"}});
  n.fields_are_stream = structs.find({{"InstanceKlass", "_fieldinfo_stream"}}) != nullptr;
  if (!n.fields_are_stream)
    n.java_field_count = f.member({{"InstanceKlass", "_java_fields_count"}});
  n.array_length = f.offset({{"Array<int>", "_length"}});
  n.array_data = f.offset({{"Array<u1>", "_data"}});
  n.flags = f.static_field({{"JVMFlag", "flags"}, {"Flag", "flags"}});
  n.flag_count = f.static_field({{"JVMFlag", "numFlags"}, {"Flag", "numFlags"}});
  const bool flag = structs.find({{"JVMFlag", "flags"}}) == nullptr;
  n.flag_bytes = f.type_size(flag ? "Flag" : "JVMFlag");
  n.flag_name = f.offset({{"JVMFlag", "_name"}, {"Flag", "_name"}});
  n.flag_address = f.offset({{"JVMFlag", "_addr"}, {"Flag", "_addr"}});
  return f.finish(n, missing);
}

std::optional<PerfMemoryLayout> perf_memory_layout(const VmStructs& structs,
                                                   std::vector<std::string>& missing) {
  Feature f(structs, "the JVM's own counters");
  PerfMemoryLayout layout;
  layout.start = f.static_field({{"PerfMemory", "_start"}});
  layout.top = f.static_field({{"PerfMemory", "_top"}});
  return f.finish(layout, missing);
}

// JDK 23 moved scopes and pcs to the C heap ("immutable data") and swapped them, JDK 25 the
// metadata ("mutable data", behind the relocations).
std::optional<ScopesLayout> scopes_layout(const VmStructs& structs, const JdkQuirks& quirks,
                                          std::vector<std::string>& missing) {
  constexpr FieldName kImmutable{"nmethod", "_immutable_data"};
  constexpr FieldName kMutable{"CodeBlob", "_mutable_data"};
  constexpr FieldName kMetadata{"nmethod", "_metadata_offset"};
  constexpr FieldName kDataOffset{"nmethod", "_scopes_data_offset"};
  constexpr FieldName kPcsOffset{"nmethod", "_scopes_pcs_offset"};
  const Spelling scopes_in_immutable{.terms = {{kImmutable, kDataOffset}}};
  const Spelling pcs_in_immutable{.terms = {{kImmutable, kPcsOffset}}};
  const Spelling scopes_by_pointer{.terms = {{{"CompiledMethod", "_scopes_data_begin"}}}};
  const Spelling scopes_in_blob{.from_blob = true, .terms = {{kDataOffset}}};
  const Spelling pcs_in_blob{.from_blob = true, .terms = {{kPcsOffset}}};

  Feature f(structs, "inlined frames");
  ScopesLayout scopes;
  scopes.metadata_begin = f.place({{.terms = {{kMutable, {"CodeBlob", "_relocation_size"}}}},
                                   {.with = kImmutable,
                                    .from_blob = true,
                                    .terms = {{{"CodeBlob", "_data_offset"}, kMetadata}}},
                                   {.from_blob = true, .terms = {{kMetadata}}}});
  scopes.metadata_end =
      f.place({{.terms = {{kMutable, {"CodeBlob", "_mutable_data_size"}}}},
               {.with = kImmutable, .from_blob = true, .terms = {{{"CodeBlob", "_size"}}}},
               scopes_by_pointer,
               scopes_in_blob});
  scopes.data_begin = f.place({scopes_in_immutable, scopes_by_pointer, scopes_in_blob});
  scopes.data_end =
      f.place({{.terms = {{kImmutable, {"nmethod", "_immutable_data_size"}}}}, pcs_in_blob});
  scopes.pcs_begin = f.place({pcs_in_immutable, pcs_in_blob});
  scopes.pcs_end = f.place(
      {scopes_in_immutable, {.from_blob = true, .terms = {{{"nmethod", "_dependencies_offset"}}}}});
  scopes.pc_desc_size = f.type_size("PcDesc");
  scopes.pc_offset = f.offset({{"PcDesc", "_pc_offset"}});
  scopes.scope_decode_offset = f.offset({{"PcDesc", "_scope_decode_offset"}});
  scopes.unsigned5_excludes_zero = quirks.unsigned5_excludes_zero;
  return f.finish(scopes, missing);
}

std::optional<MethodLayout> method_layout(const VmStructs& structs, const JdkQuirks& quirks,
                                          std::vector<std::string>& missing) {
  Feature f(structs, "method names");
  MethodLayout m;
  m.const_method = f.member({{"Method", "_constMethod"}});
  // AccessFlags is a structure of one number: int, u2 since JDK 25; native is one of its low bits.
  m.access_flags = {f.offset({{"Method", "_access_flags"}}), 2};
  m.method_bytes = std::max(m.const_method.end(), m.access_flags.end());
  m.constants = f.member({{"ConstMethod", "_constants"}});
  m.code_size = f.member({{"ConstMethod", "_code_size"}});
  m.name_index = f.member({{"ConstMethod", "_name_index"}});
  m.signature_index = f.member({{"ConstMethod", "_signature_index"}});
  m.const_method_bytes = f.type_size("ConstMethod");
  m.pool_holder = f.member({{"ConstantPool", "_pool_holder"}});
  m.pool_length = f.member({{"ConstantPool", "_length"}});
  m.pool_bytes = f.type_size("ConstantPool");
  m.klass_name = f.member({{"Klass", "_name"}});
  m.symbol_length = f.member({{"Symbol", "_length"}, {"Symbol", "_length_and_refcount"}});
  m.symbol_length_shift = m.symbol_length.size == 4 ? 16 : 0;
  m.symbol_body = f.offset({{"Symbol", "_body"}, {"Symbol", "_body[0]"}});
  m.unsigned5_excludes_zero = quirks.unsigned5_excludes_zero;

  Feature lines(structs, "line numbers");
  m.const_method_size = lines.member({{"ConstMethod", "_constMethod_size"}});
  m.flags = lines.member({{"ConstMethod", "_flags"}, {"ConstMethod", "_flags._flags"}});
  for (const auto name :
       {"ConstMethod::_has_linenumber_table", "ConstMethodFlags::_misc_has_linenumber_table"}) {
    if (const auto mask = structs.constant(name)) {
      m.has_line_numbers = static_cast<std::uint64_t>(*mask);
    }
  }
  if (!lines.finish(true, missing)) m.has_line_numbers = 0;

  m.pool_source_file = f.optional({{"ConstantPool", "_source_file_name_index"}});
  m.klass_source_file = f.optional({{"InstanceKlass", "_source_file_name_index"}});
  return f.finish(m, missing);
}

int static_int(const process::MemoryReader& memory, const VmStructs& structs, FieldName name) {
  const auto* field = structs.find({name});
  if (field == nullptr || !field->is_static) return 0;
  return memory.read<std::int32_t>(ProcessAddr{field->address}).value_or(0);
}

std::string version_text(const process::MemoryReader& memory, const VmStructs& structs, int major) {
  if (const auto* release = structs.find({{"Abstract_VM_Version", "_s_vm_release"}})) {
    const auto at = memory.read<std::uint64_t>(ProcessAddr{release->address}).value_or(0);
    auto text = process::read_c_string(memory, ProcessAddr{at}, kMaxVersion);
    const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
    if (text && !text->empty() && std::ranges::all_of(*text, printable)) return *text;
  }
  return fmt::format("{}", major);
}

}  // namespace

// JDK_Version went with JDK 22; until JDK 8 the VM had versions of its own.
int major_version(const process::MemoryReader& memory, const VmStructs& structs) {
  if (const auto* current = structs.find({{"JDK_Version", "_current"}})) {
    const int major = memory.read<std::uint8_t>(ProcessAddr{current->address}).value_or(0);
    if (major != 0) return major;
  }
  return static_int(memory, structs, {"Abstract_VM_Version", "_vm_major_version"});
}

std::optional<std::uint64_t> Place::get(const Bytes& header, ProcessAddr blob) const {
  std::uint64_t sum = from_blob ? blob.value : 0;
  for (const Member& member : term) {
    if (!member) continue;
    const auto value = member.get(header);
    if (!value) return std::nullopt;
    sum += *value;
  }
  return sum;
}

std::uint32_t Place::end() const { return std::max(term[0].end(), term[1].end()); }

Layout make_layout(const process::MemoryReader& memory, const VmStructs& structs, int major) {
  Layout layout;
  layout.major = major;
  layout.version = version_text(memory, structs, layout.major);
  const JdkQuirks quirks = jdk_quirks(layout.major);
  layout.slot_sender_sp = quirks.slot_sender_sp;
  layout.slot_method = quirks.slot_method;
  layout.slot_bcp = quirks.slot_bcp;
  layout.code_is_freed_at_safepoints = quirks.code_is_freed_at_safepoints;
  layout.heap = heap_layout(structs, layout.missing);
  layout.interpreter = interpreter_layout(structs, layout.missing);
  layout.blob = blob_layout(structs, layout.missing);
  layout.scopes = scopes_layout(structs, quirks, layout.missing);
  layout.method = method_layout(structs, quirks, layout.missing);
  layout.anchor = anchor_layout(structs, layout.missing);
  layout.threads = threads_layout(structs, layout.missing);
  layout.thread_names = thread_names_layout(structs, layout.missing);
  layout.perf_memory = perf_memory_layout(structs, layout.missing);
  return layout;
}

}  // namespace jtrace::jvmsym::hotspot
