// SPDX-License-Identifier: Apache-2.0
#include "symbolize/elf_symbols.h"

#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "symbolize/debug_file.h"

namespace jtrace::symbolize {
namespace {

constexpr std::size_t kMaxSymbols = 8UL << 20;         // a debug build of Chromium has 2 million
constexpr std::size_t kMaxNameBytes = 512UL << 20;     // of all string tables
constexpr std::size_t kMaxDebugData = 64UL << 20;      // .gnu_debugdata, before and after xz
constexpr std::size_t kMaxSmallSection = 64UL * 1024;  // notes, .gnu_debuglink
constexpr std::size_t kMaxName = 4096;
constexpr int kMaxNesting = 64;  // bounds find(); compilers nest symbols two or three deep

struct ElfCloser {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfCloser>;

struct CodeSection {
  std::uint64_t start;
  std::uint64_t end;
};

struct Candidate {
  std::uint64_t start;
  std::uint64_t size;
  std::uint32_t name;
  bool typed;     // STT_FUNC or STT_GNU_IFUNC, not a bare label
  bool exported;  // STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE
};

// The sections that matter here; an Elf_Scn lives as long as its Elf.
struct Layout {
  Elf_Scn* symtab = nullptr;
  Elf_Scn* dynsym = nullptr;
  Elf_Scn* debugdata = nullptr;
  std::optional<DebugLink> link;
  BuildId build_id;
  std::vector<CodeSection> code;
};

// libelf allocates for every section that a header claims. The linkers use extended numbering
// (e_shnum 0, the count in section 0) only beyond 65 279 sections: in object files of
// -ffunction-sections, never in what can be mapped to run.
bool plausible_section_count(const GElf_Ehdr& header) {
  return header.e_shnum != 0 || header.e_shoff == 0;
}

bool plausible_section_count(std::span<const char> image) {
  if (image.size() < EI_NIDENT) return false;
  GElf_Ehdr header = {};
  if (image[EI_CLASS] == ELFCLASS64 && image.size() >= sizeof(Elf64_Ehdr)) {
    std::memcpy(&header, image.data(), sizeof header);
  } else if (image[EI_CLASS] == ELFCLASS32 && image.size() >= sizeof(Elf32_Ehdr)) {
    Elf32_Ehdr narrow;
    std::memcpy(&narrow, image.data(), sizeof narrow);
    header.e_shnum = narrow.e_shnum;
    header.e_shoff = narrow.e_shoff;
  } else {
    return false;
  }
  return plausible_section_count(header);
}

bool is_executable_or_library(Elf* elf) {
  GElf_Ehdr header;
  return elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header) != nullptr &&
         (header.e_type == ET_EXEC || header.e_type == ET_DYN);
}

// ELF_C_READ and not ELF_C_READ_MMAP: a target that truncates its file would kill us with SIGBUS.
ElfHandle open_elf(int fd) {
  std::array<char, sizeof(Elf64_Ehdr)> start;
  const ssize_t n = ::pread(fd, start.data(), start.size(), 0);
  if (n <= 0 || !plausible_section_count(std::span(start).first(static_cast<std::size_t>(n)))) {
    return nullptr;
  }
  elf_version(EV_CURRENT);
  ElfHandle elf(elf_begin(fd, ELF_C_READ, nullptr));
  return elf && is_executable_or_library(elf.get()) ? std::move(elf) : nullptr;
}

ElfHandle open_elf(std::vector<char>& image) {
  if (!plausible_section_count(image)) return nullptr;
  elf_version(EV_CURRENT);
  ElfHandle elf(elf_memory(image.data(), image.size()));
  return elf && is_executable_or_library(elf.get()) ? std::move(elf) : nullptr;
}

// Bytes of a section that is no larger than `limit`, empty otherwise. They belong to the Elf.
std::span<const std::uint8_t> section_bytes(Elf_Scn* section, std::size_t limit) {
  GElf_Shdr header;
  if (gelf_getshdr(section, &header) == nullptr || header.sh_size > limit) return {};
  const Elf_Data* data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const std::uint8_t*>(data->d_buf), data->d_size};
}

BuildId read_build_id(Elf_Scn* section) {
  Elf_Data* data = elf_getdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  const auto* bytes = static_cast<const std::uint8_t*>(data->d_buf);
  GElf_Nhdr note;
  std::size_t name = 0;
  std::size_t desc = 0;
  for (std::size_t at = 0; (at = gelf_getnote(data, at, &note, &name, &desc)) > 0;) {
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
        std::memcmp(bytes + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
      return {bytes + desc, bytes + desc + note.n_descsz};
    }
  }
  return {};
}

void note_section(Elf_Scn* section, const GElf_Shdr& header, std::string_view name,
                  Layout& layout) {
  if ((header.sh_flags & SHF_COMPRESSED) != 0) return;
  const bool in_memory = (header.sh_flags & SHF_ALLOC) != 0;
  if (in_memory && (header.sh_flags & SHF_EXECINSTR) != 0) {
    const std::uint64_t room = UINT64_MAX - header.sh_addr;
    layout.code.push_back({header.sh_addr, header.sh_addr + std::min(header.sh_size, room)});
  }
  switch (header.sh_type) {
    case SHT_SYMTAB:
      layout.symtab = section;
      break;
    case SHT_DYNSYM:
      layout.dynsym = section;
      break;
    case SHT_NOTE:
      if (layout.build_id.empty() && header.sh_size <= kMaxSmallSection) {
        layout.build_id = read_build_id(section);
      }
      break;
    case SHT_PROGBITS:
      if (name == ".gnu_debugdata") layout.debugdata = section;
      if (name == ".gnu_debuglink") {
        layout.link = parse_debug_link(section_bytes(section, kMaxSmallSection));
      }
      break;
    default:
      break;
  }
}

Layout read_layout(Elf* elf) {
  Layout layout;
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf, &names) != 0) return layout;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const char* name = elf_strptr(elf, names, header.sh_name);
    note_section(section, header, name == nullptr ? "" : name, layout);
  }
  std::ranges::sort(layout.code, {}, &CodeSection::start);
  return layout;
}

// Leading underscores of a name that people did not choose; "_Z" and Rust's "_R" start a mangled
// name that they did.
std::size_t underscores(std::string_view name) {
  if (name.starts_with("_Z") || name.starts_with("_R")) return 0;
  return std::min(name.find_first_not_of('_'), name.size());
}

}  // namespace

// Collects symbols from one or several tables, then makes them an ElfSymbols.
class ElfSymbolsBuilder {
 public:
  explicit ElfSymbolsBuilder(std::vector<CodeSection> code) : code_(std::move(code)) {}

  // Adds a table; a malformed one adds what it can.
  void add_table(Elf* elf, Elf_Scn* section);

  [[nodiscard]] bool has_functions() const { return !candidates_.empty(); }
  [[nodiscard]] ElfSymbols build() &&;

  // Up to the NUL, the version or kMaxName.
  [[nodiscard]] static std::string_view name_at(const std::vector<char>& names, std::uint32_t at) {
    const std::size_t room = std::min(names.size() - at, kMaxName);
    const std::string_view name(&names[at], ::strnlen(&names[at], room));
    return name.substr(0, name.find('@', 1));
  }

 private:
  void add(const GElf_Sym& symbol, std::uint32_t name);
  void add_function(const GElf_Sym& symbol, std::uint32_t name, bool typed);
  [[nodiscard]] bool preferred(const Candidate& a, const Candidate& b) const;
  [[nodiscard]] const CodeSection* section_of(std::uint64_t address) const;
  [[nodiscard]] std::uint64_t end_of(const Candidate& symbol, std::uint64_t next) const;
  void append(const Candidate& symbol, std::uint64_t next, std::vector<std::uint32_t>& open);

  std::vector<CodeSection> code_;
  std::vector<Candidate> candidates_;
  ElfSymbols result_;
};

void ElfSymbolsBuilder::add_table(Elf* elf, Elf_Scn* section) {
  GElf_Shdr header;
  const std::size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
  if (section == nullptr || gelf_getshdr(section, &header) == nullptr || entry == 0 ||
      header.sh_size / entry > kMaxSymbols) {
    return;
  }
  Elf_Scn* strings_section = elf_getscn(elf, header.sh_link);
  GElf_Shdr strings_header;
  std::vector<char>& names = result_.names_;
  if (strings_section == nullptr || gelf_getshdr(strings_section, &strings_header) == nullptr ||
      strings_header.sh_type != SHT_STRTAB || (strings_header.sh_flags & SHF_COMPRESSED) != 0) {
    return;
  }
  const auto strings =
      section_bytes(strings_section, kMaxNameBytes - std::min(kMaxNameBytes, names.size()));
  Elf_Data* table = elf_getdata(section, nullptr);
  if (strings.empty() || table == nullptr || table->d_buf == nullptr) return;

  const std::size_t base = names.size();
  names.insert(names.end(), strings.begin(), strings.end());
  names.push_back('\0');
  const std::size_t count =
      std::min(table->d_size / entry, kMaxSymbols - std::min(kMaxSymbols, result_.named_.size()));
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(table, static_cast<int>(i), &symbol) == nullptr) break;
    if (symbol.st_name == 0 || symbol.st_name >= strings.size()) continue;
    add(symbol, static_cast<std::uint32_t>(base + symbol.st_name));
  }
}

void ElfSymbolsBuilder::add(const GElf_Sym& symbol, std::uint32_t name) {
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS || symbol.st_shndx == SHN_COMMON ||
      symbol.st_value == 0) {
    return;
  }
  const int type = GELF_ST_TYPE(symbol.st_info);
  const bool typed = type == STT_FUNC || type == STT_GNU_IFUNC;
  if (!typed && type != STT_OBJECT && type != STT_NOTYPE) return;
  if (result_.names_[name] == '\0') return;
  result_.named_.push_back({symbol.st_value, name});
  if (type != STT_OBJECT) add_function(symbol, name, typed);
}

void ElfSymbolsBuilder::add_function(const GElf_Sym& symbol, std::uint32_t name, bool typed) {
  if (!typed) {
    // Labels of assembler code (glibc's __restore_rt, clone's thread start) are the only names
    // there. '$' starts ARM's mapping symbols, ".L" what the assembler should have dropped.
    const char first = result_.names_[name];
    if (first == '$' || first == '.' || section_of(symbol.st_value) == nullptr) return;
  }
  const int binding = GELF_ST_BIND(symbol.st_info);
  candidates_.push_back({symbol.st_value, symbol.st_size, name, typed, binding != STB_LOCAL});
}

// The rule that the class comment promises.
bool ElfSymbolsBuilder::preferred(const Candidate& a, const Candidate& b) const {
  if (a.typed != b.typed) return a.typed;
  if (a.exported != b.exported) return a.exported;
  const std::string_view a_name = name_at(result_.names_, a.name);
  const std::string_view b_name = name_at(result_.names_, b.name);
  const std::size_t a_underscores = underscores(a_name);
  const std::size_t b_underscores = underscores(b_name);
  if (a_underscores != b_underscores) return a_underscores < b_underscores;
  if (a_name.size() != b_name.size()) return a_name.size() < b_name.size();
  return a_name < b_name;
}

const CodeSection* ElfSymbolsBuilder::section_of(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(code_, address, {}, &CodeSection::start);
  if (after == code_.begin()) return nullptr;
  const CodeSection& section = *std::prev(after);
  return address < section.end ? &section : nullptr;
}

// Sizes lie: no symbol leaves its section. One without a size reaches to the next symbol or the end
// of its section; outside of any, nothing says where it ends.
std::uint64_t ElfSymbolsBuilder::end_of(const Candidate& symbol, std::uint64_t next) const {
  const CodeSection* section = section_of(symbol.start);
  if (symbol.size == 0) return section == nullptr ? symbol.start : std::min(next, section->end);
  const std::uint64_t limit = section == nullptr ? UINT64_MAX : section->end;
  return symbol.start + std::min(symbol.size, limit - symbol.start);
}

// `open` is the stack of symbols that may still cover what follows.
void ElfSymbolsBuilder::append(const Candidate& symbol, std::uint64_t next,
                               std::vector<std::uint32_t>& open) {
  auto& symbols = result_.symbols_;
  while (!open.empty() && symbols[open.back()].end <= symbol.start) open.pop_back();
  std::uint64_t end = end_of(symbol, next);
  if (symbol.size == 0 && !open.empty()) {
    if (!symbol.typed) return;  // a label inside a function
    end = std::min(end, symbols[open.back()].end);
  }
  if (end == symbol.start) return;
  symbols.push_back(
      {symbol.start, end, symbol.name, open.empty() ? ElfSymbols::kNoParent : open.back()});
  open.push_back(static_cast<std::uint32_t>(symbols.size() - 1));
}

ElfSymbols ElfSymbolsBuilder::build() && {
  std::ranges::sort(candidates_, {}, &Candidate::start);
  std::vector<std::uint32_t> open;
  for (auto first = candidates_.begin(); first != candidates_.end();) {
    Candidate best = *first;
    std::uint64_t size = best.size;
    auto next = std::next(first);
    for (; next != candidates_.end() && next->start == first->start; ++next) {
      size = std::max(size, next->size);
      if (preferred(*next, best)) best = *next;
    }
    best.size = size;
    append(best, next == candidates_.end() ? UINT64_MAX : next->start, open);
    first = next;
  }
  result_.symbols_.shrink_to_fit();
  result_.named_.shrink_to_fit();
  return std::move(result_);
}

namespace {

// Adds .symtab of the embedded MiniDebugInfo; false where there is none.
bool add_debug_data(Elf_Scn* section, ElfSymbolsBuilder& builder) {
  if (section == nullptr) return false;
  auto image = decompress_xz(section_bytes(section, kMaxDebugData), kMaxDebugData);
  if (!image) return false;
  const ElfHandle elf = open_elf(*image);
  if (!elf) return false;
  const Layout layout = read_layout(elf.get());
  builder.add_table(elf.get(), layout.symtab);
  return layout.symtab != nullptr;
}

// Adds .symtab of a separate debug file; false where it has none or belongs to another build.
bool add_debug_file(int fd, const DebugWanted& wanted, ElfSymbolsBuilder& builder) {
  const ElfHandle elf = open_elf(fd);
  if (!elf) return false;
  const Layout layout = read_layout(elf.get());
  const bool both = !wanted.build_id.empty() && !layout.build_id.empty();
  if (both ? wanted.build_id != layout.build_id
           : !wanted.link || file_crc(fd) != wanted.link->crc) {
    return false;
  }
  builder.add_table(elf.get(), layout.symtab);
  return layout.symtab != nullptr;
}

}  // namespace

Result<ElfSymbols> ElfSymbols::load(int fd, const std::string& path,
                                    std::span<const int> debug_files, DebugWanted& wanted) {
  wanted = {};
  const ElfHandle elf = open_elf(fd);
  if (!elf) {
    return fail(Errc::Target, "read symbols of " + path + ": not an ELF executable or library");
  }
  const Layout layout = read_layout(elf.get());
  ElfSymbolsBuilder builder(layout.code);
  builder.add_table(elf.get(), layout.symtab);
  if (!builder.has_functions()) {
    builder.add_table(elf.get(), layout.dynsym);
    if (!add_debug_data(layout.debugdata, builder)) {
      wanted = {.build_id = layout.build_id, .link = layout.link};
      if (std::ranges::any_of(debug_files,
                              [&](int file) { return add_debug_file(file, wanted, builder); })) {
        wanted = {};
      }
    }
  }
  return std::move(builder).build();
}

Result<ElfSymbols> ElfSymbols::load(int fd, const std::string& path, const std::string& root) {
  DebugWanted wanted;
  JT_TRY(auto symbols, load(fd, path, {}, wanted));
  const DebugRoot files(root);
  std::vector<UniqueFd> open;
  std::vector<int> fds;
  for (const std::string& candidate : debug_paths(wanted, path)) {
    open.push_back(files.open(candidate));
    if (open.back().valid()) fds.push_back(open.back().get());
  }
  if (fds.empty()) return symbols;
  return load(fd, path, fds, wanted);
}

ElfSymbols::Parts ElfSymbols::parts() const {
  Parts parts{.symbols = symbols_, .names = {}};
  for (Symbol& symbol : parts.symbols) {
    const std::string_view name = ElfSymbolsBuilder::name_at(names_, symbol.name);
    symbol.name = static_cast<std::uint32_t>(parts.names.size());
    parts.names.insert(parts.names.end(), name.begin(), name.end());
    parts.names.push_back('\0');
  }
  return parts;
}

Result<ElfSymbols> ElfSymbols::from_parts(Parts parts) {
  const auto broken = [] { return fail(Errc::Target, "the symbols make no sense"); };
  const auto& symbols = parts.symbols;
  if (symbols.size() > kMaxSymbols || parts.names.size() > kMaxNameBytes) return broken();
  if (!symbols.empty() && (parts.names.empty() || parts.names.back() != '\0')) return broken();
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    const Symbol& symbol = symbols[i];
    if (symbol.end <= symbol.start || symbol.name >= parts.names.size() ||
        (symbol.parent != kNoParent && symbol.parent >= i) ||
        (i > 0 && symbols[i - 1].start >= symbol.start)) {
      return broken();
    }
  }
  ElfSymbols result;
  result.symbols_ = std::move(parts.symbols);
  result.names_ = std::move(parts.names);
  return result;
}

std::optional<ElfSymbols::Found> ElfSymbols::find(ElfAddr addr) const {
  const auto after = std::ranges::upper_bound(symbols_, addr.value, {}, &Symbol::start);
  if (after == symbols_.begin()) return std::nullopt;
  auto at = static_cast<std::uint32_t>(std::prev(after) - symbols_.begin());
  for (int depth = 0; depth < kMaxNesting && at != kNoParent; ++depth) {
    const Symbol& symbol = symbols_[at];
    if (addr.value < symbol.end) {
      return Found{ElfSymbolsBuilder::name_at(names_, symbol.name), addr.value - symbol.start};
    }
    at = symbol.parent;
  }
  return std::nullopt;
}

std::optional<ElfAddr> ElfSymbols::address_of(std::string_view name) const {
  if (name.empty()) return std::nullopt;
  const std::string_view names(names_.data(), names_.size());
  for (const Named& entry : named_) {
    const std::string_view rest = names.substr(entry.name);
    if (rest.size() <= name.size() || !rest.starts_with(name)) continue;
    // "name@VERSION" is a hidden old version, "name@@VERSION" the one a new program gets.
    const std::string_view tail = rest.substr(name.size(), 2);
    if (tail[0] == '\0' || tail == "@@") return ElfAddr{entry.address};
  }
  return std::nullopt;
}

std::string module_name(std::string_view path) {
  if (path.starts_with('[')) return std::string(path);
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace jtrace::symbolize
