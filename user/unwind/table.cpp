// SPDX-License-Identifier: Apache-2.0
#include "unwind/table.h"

#include <elf.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "process/maps.h"
#include "unwind/cfi.h"
#include "unwind/elf_file.h"
#include "unwind/rule_set.h"

namespace jtrace::unwind {
namespace {

constexpr std::uint64_t kAddressLimit = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kPageMask = 4095;

Result<std::vector<ElfFile::Range>> code_ranges(const ElfFile& file) {
  std::vector<ElfFile::Range> ranges;
  for (const GElf_Phdr& segment : file.segments()) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0 || segment.p_memsz == 0)
      continue;
    const std::uint64_t end = segment.p_vaddr + segment.p_memsz;
    if (end < segment.p_vaddr || end > kAddressLimit) {
      return fail(Errc::Target, "code above 4 GiB in the file");
    }
    ranges.push_back({segment.p_vaddr, end});
  }
  if (ranges.empty()) return fail(Errc::Target, "no executable segment");
  return ranges;
}

// Of code compiled without .eh_frame: the start files that it was linked with, and the linker's
// PLT, have theirs there all the same.
void add_where_none(const CfiRows& more, CfiRows& rows) {
  auto known = rows.ranges;
  std::ranges::sort(known, {}, &CfiRange::start);
  for (const CfiRange& range : more.ranges) {
    const auto next = std::ranges::lower_bound(known, range.start, {}, &CfiRange::start);
    const bool described = (next != known.end() && next->start < range.end) ||
                           (next != known.begin() && std::prev(next)->end > range.start);
    if (described) continue;
    CfiRange added = range;
    added.first_row = static_cast<std::uint32_t>(rows.rows.size());
    const auto first = more.rows.begin() + range.first_row;
    rows.rows.insert(rows.rows.end(), first, first + range.row_count);
    rows.ranges.push_back(added);
  }
}

Result<CfiRows> rows_of_file(const ElfFile& file, std::span<const ElfFile::Range> code,
                             RuleSet& rules) {
  auto eh_frame = file.section(".eh_frame");
  if (!eh_frame) eh_frame = file.eh_frame_by_segment();
  CfiRows rows;
  if (eh_frame) {
    JT_TRY(rows, evaluate_cfi({file.ident(), *eh_frame, true}, code, rules));
  }
  if (const auto debug_frame = file.section(".debug_frame")) {
    JT_TRY(const CfiRows more, evaluate_cfi({file.ident(), *debug_frame, false}, code, rules));
    add_where_none(more, rows);
  }
  return rows;
}

// Linkers that write no CFI for the PLT: nothing is pushed there before the jump but in the lazy
// part, which a return address never points into.
void add_plt(const ElfFile& file, std::span<const ElfFile::Range> code, RuleSet& rules,
             CfiRows& rows) {
  for (const std::string_view name : {".plt", ".plt.sec", ".plt.got"}) {
    const auto plt = file.code_section(name);
    if (!plt) continue;
    const bool in_code = std::ranges::any_of(code, [&](const auto& range) {
      return plt->start >= range.start && plt->end <= range.end;
    });
    const bool described = std::ranges::any_of(rows.ranges, [&](const CfiRange& range) {
      return range.start < plt->end && plt->start < range.end;
    });
    jt_rule rule{};
    rule.cfa_kind = JT_CFA_RSP;
    rule.cfa_off = 8;
    rule.ra_off = -8;
    const auto index = in_code && !described ? rules.intern(rule) : std::nullopt;
    if (!index) continue;
    rows.ranges.push_back({static_cast<std::uint32_t>(plt->start),
                           static_cast<std::uint32_t>(plt->end),
                           static_cast<std::uint32_t>(rows.rows.size()), 1});
    rows.rows.push_back({static_cast<std::uint32_t>(plt->start), *index});
  }
}

// The entry point has no caller, whether its CFI says so (crt1.o) or it has none: ld.so's _start,
// which runs first in every dynamically linked process, and crt1.o before glibc 2.18 and in musl.
void add_entry(const ElfFile& file, std::span<const ElfFile::Range> code, RuleSet& rules,
               CfiRows& rows) {
  constexpr std::uint32_t kReach = 64;  // further than the call that its code makes
  const std::uint64_t entry = file.entry();
  const auto in_code = std::ranges::find_if(
      code, [&](const auto& range) { return entry >= range.start && entry < range.end; });
  if (entry == 0 || in_code == code.end()) return;
  std::uint64_t end = std::min(entry + kReach, in_code->end);
  for (const CfiRange& range : rows.ranges) {
    if (entry >= range.start && entry < range.end) return;
    if (range.start > entry) end = std::min<std::uint64_t>(end, range.start);
  }
  jt_rule rule{};
  rule.cfa_kind = JT_CFA_END;
  const auto index = rules.intern(rule);
  if (!index) return;
  rows.ranges.push_back({static_cast<std::uint32_t>(entry), static_cast<std::uint32_t>(end),
                         static_cast<std::uint32_t>(rows.rows.size()), 1});
  rows.rows.push_back({static_cast<std::uint32_t>(entry), *index});
}

// glibc ends the CFI of clone and clone3 before their system call, since it would be wrong in the
// new thread, and begins again, with no caller, where that one goes on. Between them the maker's
// frame is as it was; `rows` are in the order of addresses and stay so.
void add_clones(RuleSet& rules, CfiRows& rows) {
  constexpr std::uint32_t kReach = 64;  // further than from the call to the new thread's code
  const auto clones = [](const jt_rule& before, const jt_rule& after) {
    return before.cfa_kind == JT_CFA_RSP && after.cfa_kind == JT_CFA_END;
  };
  std::vector<CfiRange> all;
  all.reserve(rows.ranges.size());
  for (const CfiRange& range : rows.ranges) {
    const CfiRange* before = all.empty() ? nullptr : &all.back();
    if (before != nullptr && before->row_count > 0 && range.row_count > 0 &&
        range.start > before->end && range.start - before->end <= kReach) {
      jt_rule rule = rules.rules()[rows.rows[before->first_row + before->row_count - 1].rule];
      if (clones(rule, rules.rules()[rows.rows[range.first_row].rule])) {
        rule.cfa_kind = JT_CFA_CLONE;
        if (const auto index = rules.intern(rule)) {
          const std::uint32_t start = before->end;
          all.push_back({start, range.start, static_cast<std::uint32_t>(rows.rows.size()), 1});
          rows.rows.push_back({start, *index});
        }
      }
    }
    all.push_back(range);
  }
  rows.ranges = std::move(all);
}

// V8's builtins lie in its file as machine code for which nobody wrote CFI: by far the largest
// stretch without (1.4 MiB in Debian's libnode 18, 1.6 in Node.js 20; there, OpenSSL's assembler
// has 0.15). Their symbols are in no stripped file, so what tells V8 is a function that it exports.
void add_builtins(const ElfFile& file, std::span<const ElfFile::Range> code, RuleSet& rules,
                  CfiRows& rows) {
  constexpr std::uint32_t kLeast = 512U << 10;
  auto before = rows.ranges.end();
  std::uint32_t end = 0, longest = 0, from = 0;
  for (auto it = rows.ranges.begin(); it != rows.ranges.end(); ++it) {
    const bool same = std::ranges::any_of(
        code, [&](const auto& range) { return end >= range.start && it->start < range.end; });
    if (same && it->start > end && it->start - end > longest) {
      longest = it->start - end;
      from = end;
      before = it;
    }
    end = std::max(end, it->end);
  }
  if (longest < kLeast || !file.has_name("_ZNK2v88internal7Isolate18embedded_blob_codeEv")) return;
  jt_rule rule{};
  rule.cfa_kind = JT_CFA_FRAMES;
  const auto index = rules.intern(rule);
  if (!index) return;
  rows.ranges.insert(before,
                     {from, from + longest, static_cast<std::uint32_t>(rows.rows.size()), 1});
  rows.rows.push_back({from, *index});
}

// Lays the ranges out in the order of addresses. Where two overlap the first keeps its part. Every
// gap gets an invalid row, small ones too: they are not always padding (musl's __restore_rt is 9
// bytes without CFI), and they cost a fifth more rows, no time.
class TableBuilder {
 public:
  explicit TableBuilder(std::uint32_t invalid) : invalid_(invalid) {}

  void add(const CfiRange& range, std::span<const jt_row> rows) {
    if (range.end <= covered_) return;
    const std::uint32_t begin = std::max(range.start, covered_);
    if (begin > covered_ && !rows_.empty()) push({covered_, invalid_});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::uint32_t row_end = i + 1 < rows.size() ? rows[i + 1].pc : range.end;
      if (row_end > begin) push({std::max(rows[i].pc, begin), rows[i].rule});
    }
    covered_ = range.end;
  }

  [[nodiscard]] std::vector<jt_row> finish() && {
    push({covered_, invalid_});
    rows_.shrink_to_fit();
    return std::move(rows_);
  }

 private:
  void push(const jt_row& row) {
    if (rows_.empty() || rows_.back().rule != row.rule) rows_.push_back(row);
  }

  std::uint32_t invalid_;
  std::uint32_t covered_ = 0;
  std::vector<jt_row> rows_;
};

Result<UnwindTable> compile(const ElfFile& file) {
  JT_TRY(const auto code, code_ranges(file));
  RuleSet rules;
  const auto invalid = rules.intern(jt_rule{});
  JT_TRY(CfiRows cfi, rows_of_file(file, code, rules));
  if (cfi.ranges.empty()) return fail(Errc::Target, "no usable .eh_frame or .debug_frame");
  add_plt(file, code, rules, cfi);
  add_entry(file, code, rules, cfi);
  std::ranges::sort(cfi.ranges, {},
                    [](const CfiRange& range) { return std::pair(range.start, range.first_row); });
  add_clones(rules, cfi);
  add_builtins(file, code, rules, cfi);
  TableBuilder builder(invalid.value_or(0));
  for (const CfiRange& range : cfi.ranges) {
    builder.add(range, std::span(cfi.rows).subspan(range.first_row, range.row_count));
  }
  UnwindTable table{std::move(rules).take(), std::move(builder).finish()};
  if (table.rows.size() > kMaxTableRows) return fail(Errc::Target, "too many unwind rows");
  return table;
}

// Looks for the GNU build id in the contents of a note segment or section.
std::string build_id_in(std::span<const std::uint8_t> notes) {
  constexpr std::size_t kMaxId = 64;
  constexpr std::string_view kHex = "0123456789abcdef";
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr head;
    std::memcpy(&head, notes.data(), sizeof head);
    const std::uint64_t name_end = sizeof head + ((std::uint64_t{head.n_namesz} + 3) & ~3ULL);
    const std::uint64_t end = name_end + ((std::uint64_t{head.n_descsz} + 3) & ~3ULL);
    if (name_end + head.n_descsz > notes.size()) return {};
    const bool gnu = head.n_namesz == 4 && std::memcmp(notes.data() + sizeof head, "GNU", 4) == 0;
    if (gnu && head.n_type == NT_GNU_BUILD_ID && head.n_descsz > 0 && head.n_descsz <= kMaxId) {
      std::string text;
      for (const std::uint8_t byte : notes.subspan(name_end, head.n_descsz)) {
        text.push_back(kHex[byte >> 4]);
        text.push_back(kHex[byte & 15]);
      }
      return text;
    }
    notes = notes.subspan(std::min<std::uint64_t>(end, notes.size()));
  }
  return {};
}

}  // namespace

bool is_sound(const UnwindTable& table) {
  if (table.rows.empty() || table.rows.size() > kMaxTableRows ||
      table.rules.size() > JT_MAX_RULES) {
    return false;
  }
  const bool ascending = std::ranges::adjacent_find(table.rows, [](const auto& a, const auto& b) {
                           return a.pc >= b.pc;
                         }) == table.rows.end();
  return ascending && std::ranges::all_of(table.rows, [&](const auto& row) {
           return row.rule < table.rules.size();
         });
}

Result<UnwindTable> compile_unwind_table(int fd) {
  JT_TRY(const ElfFile file, ElfFile::open(fd));
  return compile(file);
}

Result<UnwindTable> compile_vdso_table() {
  const std::uint64_t base = ::getauxval(AT_SYSINFO_EHDR);
  if (base == 0) return fail(Errc::Environment, "no vDSO in this process");
  JT_TRY(const auto maps, process::read_maps(::getpid()));
  const auto entry = std::ranges::find(maps, base, &process::MapEntry::start);
  if (entry == maps.end()) return fail(Errc::Environment, "the vDSO is in no mapping");
  std::vector<std::byte> image(entry->end - entry->start);
  std::memcpy(image.data(), reinterpret_cast<const void*>(base), image.size());
  JT_TRY(const ElfFile file, ElfFile::from_memory(image));
  return compile(file);
}

std::string read_build_id(int fd) {
  const auto file = ElfFile::open(fd);
  if (!file) return {};
  constexpr std::uint64_t kMaxNotes = 1U << 20;
  for (const GElf_Phdr& segment : file->segments()) {
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMaxNotes) continue;
    const auto notes = file->chunk(segment.p_offset, segment.p_filesz, ELF_T_BYTE);
    if (!notes) continue;
    if (std::string id = build_id_in(*notes); !id.empty()) return id;
  }
  const auto section = file->section(".note.gnu.build-id");
  return section ? build_id_in(section->bytes) : std::string{};
}

Result<std::vector<CodeSegment>> code_segments(int fd) {
  JT_TRY(const ElfFile file, ElfFile::open(fd));
  std::vector<CodeSegment> code;
  for (const GElf_Phdr& segment : file.segments()) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const std::uint64_t end = segment.p_offset + segment.p_filesz;
    if (end < segment.p_offset) continue;
    code.push_back({segment.p_offset & ~kPageMask, end, segment.p_vaddr - segment.p_offset});
  }
  return code;
}

Result<std::uint64_t> load_delta(int fd, std::uint64_t file_offset) {
  JT_TRY(const auto code, code_segments(fd));
  for (const CodeSegment& segment : code) {
    if (file_offset >= segment.first && file_offset < segment.end) return segment.delta;
  }
  return fail(Errc::Target, "no executable segment at this file offset");
}

}  // namespace jtrace::unwind
