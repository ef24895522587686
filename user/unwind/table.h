// SPDX-License-Identifier: Apache-2.0
// Compiles the call frame information of a binary into the rows that bpf/unwind_native.bpf.h walks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/jtrace_abi.h"

namespace jtrace::unwind {

// Rows sorted by pc, each holding up to the next; the last is a JT_CFA_INVALID row at the end of
// the covered code. jt_row::rule indexes `rules` here. Neighbouring equal rows are merged.
struct UnwindTable {
  std::vector<jt_rule> rules;
  std::vector<jt_row> rows;
};

inline constexpr std::size_t kMaxTableRows = 4U << 20;

// What a walk relies on: it searches the rows by halves and takes their rules unasked. Whoever the
// table comes from, a right checksum or a helper, has not proved that.
[[nodiscard]] bool is_sound(const UnwindTable& table);

// From .eh_frame, and where that has nothing .debug_frame, of the ELF file open at `fd` (libdw).
// Fails where it is no ELF64 x86-64 file or has no usable frame information. Hostile input: sizes
// are capped.
[[nodiscard]] Result<UnwindTable> compile_unwind_table(int fd);

// The vDSO of this kernel, from our own memory: the same code is mapped in every process.
[[nodiscard]] Result<UnwindTable> compile_vdso_table();

// GNU build id as lower-case hex, empty where the file has none.
[[nodiscard]] std::string read_build_id(int fd);

// File offsets [first, end) that an executable PT_LOAD maps, from the page it starts in, and its
// p_vaddr - p_offset.
struct CodeSegment {
  std::uint64_t first = 0;
  std::uint64_t end = 0;
  std::uint64_t delta = 0;
};
[[nodiscard]] Result<std::vector<CodeSegment>> code_segments(int fd);

// (p_vaddr - p_offset) of the executable PT_LOAD that contains `file_offset`; ELF address of a pc
// is pc - mapping start + mapping offset + this. Fails where there is none.
[[nodiscard]] Result<std::uint64_t> load_delta(int fd, std::uint64_t file_offset);

}  // namespace jtrace::unwind
