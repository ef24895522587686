// SPDX-License-Identifier: Apache-2.0
#include "unit/jvmsym/fake_jvm.h"

#include <fstream>
#include <sstream>

#include "jvmsym/hotspot/vm_structs.h"

namespace jtrace::test {

using jvmsym::hotspot::Layout;
using jvmsym::hotspot::Place;

bool FakeMemory::read(ProcessAddr from, std::span<std::byte> into) const {
  ++reads_;
  if (gone_ || from.value < kBase || from.value - kBase > bytes_.size()) return false;
  const std::uint64_t at = from.value - kBase;
  if (into.size() > bytes_.size() - at) return false;
  std::ranges::copy(std::span(bytes_).subspan(at, into.size()), into.begin());
  return true;
}

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::string recorded_text(int major) {
  std::ifstream file(std::string(JTRACE_SOURCE_DIR "/test/data/vm_structs/jdk") +
                     std::to_string(major) + ".txt");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Layout recorded_layout(int major) {
  // The release's number stands in memory, which a recorded table does not have.
  const FakeMemory nothing(1);
  return make_layout(nothing, jvmsym::hotspot::VmStructs::from_text(recorded_text(major)), major);
}

std::vector<std::byte> unsigned5(std::initializer_list<std::uint32_t> values, bool excludes_zero) {
  const std::uint32_t excluded = excludes_zero ? 1 : 0;
  const std::uint32_t low = 192 - excluded;
  std::vector<std::byte> bytes;
  for (std::uint32_t value : values) {
    for (int i = 0; i < 4 && value >= low; ++i) {
      value -= low;
      bytes.push_back(static_cast<std::byte>(excluded + low + value % 64));
      value /= 64;
    }
    bytes.push_back(static_cast<std::byte>(excluded + value));
  }
  return bytes;
}

FakeJvm::FakeJvm(const Layout& recorded) : layout(recorded) {
  layout.heap->heaps = ProcessAddr{FakeMemory::kBase};  // readable: the process is alive
}

std::uint64_t FakeJvm::allocate(std::size_t size) {
  const std::uint64_t at = next_;
  next_ += (size + 31) / 16 * 16;
  return at;
}

std::uint64_t FakeJvm::add_symbol(std::string_view text) {
  const auto& method = *layout.method;
  const std::uint64_t at = allocate(method.symbol_body + text.size());
  memory.put(at, method.symbol_length, text.size() << method.symbol_length_shift);
  memory.put_bytes(at + method.symbol_body, std::as_bytes(std::span(text)));
  return at;
}

std::uint64_t FakeJvm::add_method(const MethodSpec& spec) {
  const auto& m = *layout.method;
  const std::uint64_t klass = allocate(1024);
  memory.put(klass, m.klass_name, add_symbol(spec.klass));
  const std::uint64_t pool = allocate(m.pool_bytes + 5 * 8);
  memory.put(pool, m.pool_holder, klass);
  memory.put(pool, m.pool_length, 5);
  memory.put(pool + m.pool_bytes + 1 * 8, add_symbol(spec.name));
  memory.put(pool + m.pool_bytes + 2 * 8, add_symbol(spec.signature));
  if (!spec.source.empty()) {
    memory.put(pool + m.pool_bytes + 3 * 8, add_symbol(spec.source));
    memory.put(pool, m.pool_source_file, 3);
  }
  const std::size_t size = m.const_method_bytes + spec.code_size + spec.lines.size();
  const std::uint64_t const_method = allocate(size + 8);
  memory.put(const_method, m.constants, pool);
  memory.put(const_method, m.code_size, spec.code_size);
  memory.put(const_method, m.name_index, 1);
  memory.put(const_method, m.signature_index, 2);
  memory.put(const_method, m.const_method_size, (size + 7) / 8);
  memory.put(const_method, m.flags, spec.lines.empty() ? 0 : m.has_line_numbers);
  memory.put_bytes(const_method + m.const_method_bytes + spec.code_size, spec.lines);
  const std::uint64_t method = allocate(m.method_bytes);
  memory.put(method, m.const_method, const_method);
  memory.put(method, m.access_flags, spec.access);
  return method;
}

void FakeJvm::rename_class(std::uint64_t method, std::string_view klass) {
  const auto& m = *layout.method;
  const auto at = [&](std::uint64_t structure, const auto& member) {
    return *memory.read<std::uint64_t>(ProcessAddr{structure + member.offset});
  };
  const std::uint64_t pool = at(at(method, m.const_method), m.constants);
  memory.put(at(pool, m.pool_holder), m.klass_name, add_symbol(klass));
}

std::uint64_t FakeJvm::bytecodes(std::uint64_t method) const {
  const auto& m = *layout.method;
  return *memory.read<std::uint64_t>(ProcessAddr{method + m.const_method.offset}) +
         m.const_method_bytes;
}

// The reverse of Place::get. `base`: what a pointer with an offset behind it points to.
void FakeJvm::put_place(std::uint64_t blob, const Place& place, std::uint64_t value,
                        std::uint64_t base) {
  if (place.from_blob) {
    memory.put(blob, place.term[0], value - blob);
  } else if (place.term[1]) {
    memory.put(blob, place.term[0], base);
    memory.put(blob, place.term[1], value - base);
  } else {
    memory.put(blob, place.term[0], value);
  }
}

FakeJvm::Nmethod FakeJvm::add_nmethod(const NmethodSpec& spec) {
  const auto& heap = *layout.heap;
  const auto& b = *layout.blob;
  const auto& s = *layout.scopes;
  constexpr std::size_t kHeader = 1024, kCode = 4096, kTable = 4096;
  const std::uint64_t block = allocate(kHeader + kCode + 3 * kTable);
  const std::uint64_t blob = block + heap.block_header;
  const Nmethod nmethod{blob, blob + kHeader};
  memory.put(block, heap.block_used, 1);
  const std::uint64_t name = allocate(spec.name.size() + 1);
  memory.put_bytes(name, std::as_bytes(std::span(spec.name)));
  memory.put(blob, b.name, name);
  put_place(blob, b.code_begin, nmethod.code, 0);
  put_place(blob, b.code_end, nmethod.code + kCode, 0);
  memory.put(blob, b.method, spec.method);
  memory.put(blob, b.compile_id, spec.compile_id);
  memory.put(blob, b.comp_level, static_cast<std::uint64_t>(spec.level));

  const std::uint64_t metadata = nmethod.code + kCode;
  memory.put_bytes(metadata, std::as_bytes(std::span(spec.metadata)));
  const std::uint64_t metadata_end = metadata + spec.metadata.size() * 8;
  // Pcs lie behind the scopes until JDK 22, before them since.
  const bool pcs_first = layout.major >= 23;
  const std::uint64_t tables = pcs_first ? metadata + kTable : metadata_end;
  const std::uint64_t pcs_bytes = spec.pcs.size() * s.pc_desc_size;
  const std::uint64_t data = pcs_first ? tables + pcs_bytes : tables;
  const std::uint64_t pcs = pcs_first ? tables : tables + (spec.scopes.size() + 15) / 16 * 16;
  memory.put_bytes(data, spec.scopes);
  for (std::size_t i = 0; i < spec.pcs.size(); ++i) {
    memory.put(pcs + i * s.pc_desc_size + s.pc_offset, spec.pcs[i].pc);
    memory.put(pcs + i * s.pc_desc_size + s.scope_decode_offset, spec.pcs[i].scope);
  }
  put_place(blob, s.metadata_begin, metadata, metadata);
  put_place(blob, s.metadata_end, metadata_end, metadata);
  put_place(blob, s.data_begin, data, tables);
  put_place(blob, s.pcs_begin, pcs, tables);
  put_place(blob, s.data_end, pcs_first ? data + spec.scopes.size() : pcs, tables);
  put_place(blob, s.pcs_end, pcs + pcs_bytes, tables);
  return nmethod;
}

}  // namespace jtrace::test
