// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/vm_structs.h"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <sstream>
#include <utility>

#include "jvmsym/hotspot/continuations.h"
#include "jvmsym/hotspot/guarded_memory.h"

namespace jtrace::jvmsym::hotspot {
namespace {

// JDK 8 to 25 have 1 200 to 3 300 fields, 500 to 900 types; strings below 100 bytes.
constexpr std::uint64_t kMaxEntries = 20'000;
constexpr std::uint64_t kMaxStride = 256;
constexpr std::size_t kMaxString = 512;
constexpr std::size_t kMaxSymbols = 1'000'000;  // JDK 17's .symtab has 110 000

constexpr std::string_view kTablePrefix = "gHotSpotVM";

struct ElfCloser {
  void operator()(Elf* elf) const { elf_end(elf); }
};

bool wanted(std::string_view name) {
  return name.starts_with(kTablePrefix) || name == kStubListSymbol ||
         name == kReturnBarrierSymbol || name == kEnterReturnSymbol ||
         name == kSafepointCounterSymbol ||
         std::ranges::find(kChunkSymbols, name) != kChunkSymbols.end();
}

std::span<const std::byte> section_bytes(Elf_Scn* section) {
  const Elf_Data* data = section == nullptr ? nullptr : elf_getdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const std::byte*>(data->d_buf), data->d_size};
}

// Over libelf's buffers directly: its per-symbol calls take most of an attach for a .symtab of
// 110 000 symbols.
void add_symbols(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, std::uint64_t bias,
                 VmSymbols& symbols) {
  const auto table = section_bytes(section);
  const auto strings = section_bytes(elf_getscn(elf, header.sh_link));
  const std::size_t count = std::min(table.size() / sizeof(Elf64_Sym), kMaxSymbols);
  for (std::size_t i = 0; i < count; ++i) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, table.data() + i * sizeof(symbol), sizeof(symbol));
    if (ELF64_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_shndx == SHN_UNDEF) continue;
    if (symbol.st_name >= strings.size()) continue;
    const auto rest = strings.subspan(symbol.st_name);
    const auto* text = reinterpret_cast<const char*>(rest.data());
    const std::string_view name(text, strnlen(text, std::min(rest.size(), kMaxString)));
    if (wanted(name)) symbols.add(std::string(name), bias + symbol.st_value);
  }
}

// One of the tables: where it starts, how far its entries lie apart, where the parts of one lie.
struct Table {
  std::uint64_t start = 0;
  std::uint64_t stride = 0;
  std::array<std::uint64_t, 6> part{};
};

Result<Table> find_table(const process::MemoryReader& memory, const VmSymbols& symbols,
                         std::string_view table, std::string_view entry,
                         std::initializer_list<std::string_view> parts) {
  const auto variable = [&](const std::string& name) -> Result<std::uint64_t> {
    const auto address = symbols.find(name);
    if (!address) return fail(Errc::Target, "libjvm.so does not export " + name);
    const auto value = memory.read<std::uint64_t>(*address);
    if (!value) return fail(Errc::Target, "read " + name + " of the JVM: memory not readable");
    return *value;
  };
  const std::string prefix(kTablePrefix);
  Table result;
  JT_TRY(result.start, variable(prefix + std::string(table)));
  JT_TRY(result.stride, variable(prefix + std::string(entry) + "EntryArrayStride"));
  std::size_t next = 0;
  for (const std::string_view part : parts) {
    JT_TRY(result.part.at(next++),
           variable(prefix + std::string(entry) + "Entry" + std::string(part) + "Offset"));
  }
  // The stride is written last, by libjvm's static constructors, hence after its relocation.
  if (result.start == 0 || result.stride == 0) {
    return fail(Errc::Target, fmt::format("the JVM is not ready: no {}{} yet", prefix, table));
  }
  const bool sane = result.stride >= 8 && result.stride <= kMaxStride &&
                    std::ranges::all_of(result.part, [&](std::uint64_t offset) {
                      return offset <= result.stride - 8;
                    });
  if (!sane)
    return fail(Errc::Target, fmt::format("the JVM's table {}{} makes no sense", prefix, table));
  return result;
}

// Calls visit(entry, name) for every entry up to the first without a name.
template <class Visit>
Status for_each_entry(const ChunkedMemory& memory, const Table& table, Visit visit) {
  for (std::uint64_t i = 0; i < kMaxEntries; ++i) {
    const auto entry =
        Bytes::read(memory, ProcessAddr{table.start + i * table.stride}, table.stride, kMaxStride);
    if (!entry) return fail(Errc::Target, "read the JVM's tables: memory not readable");
    const std::uint64_t name_at = entry->get<std::uint64_t>(table.part[0]).value_or(0);
    if (name_at == 0) {
      // While ld.so still relocates libjvm.so, the names are null.
      if (i == 0) return fail(Errc::Target, "the JVM is not ready: its tables are empty");
      return {};
    }
    auto name = memory.c_string(ProcessAddr{name_at}, kMaxString);
    if (!name) return fail(Errc::Target, "read the JVM's tables: a name is not readable");
    visit(*entry, std::move(*name));
  }
  return fail(Errc::Target, "the JVM's tables have no end");
}

std::string key(std::string_view type, std::string_view field) {
  return fmt::format("{}::{}", type, field);
}

}  // namespace

Result<VmSymbols> VmSymbols::load(int libjvm_fd, std::uint64_t bias) {
  elf_version(EV_CURRENT);
  // Not ELF_C_READ_MMAP: a file cut short under a mapping would kill us with SIGBUS.
  const std::unique_ptr<Elf, ElfCloser> elf(elf_begin(libjvm_fd, ELF_C_READ, nullptr));
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || gelf_getclass(elf.get()) != ELFCLASS64) {
    return fail(Errc::Target, "libjvm.so is not a readable 64-bit ELF file");
  }
  VmSymbols symbols;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf.get(), section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type != SHT_DYNSYM && header.sh_type != SHT_SYMTAB) continue;
    add_symbols(elf.get(), section, header, bias, symbols);
  }
  if (!symbols.find("gHotSpotVMStructs")) {
    return fail(Errc::Target, "libjvm.so does not export gHotSpotVMStructs",
                "only HotSpot JVMs can be read; OpenJ9 is not one");
  }
  return symbols;
}

VmSymbols VmSymbols::at(std::uint64_t bias) const {
  VmSymbols moved = *this;
  for (auto& [name, address] : moved.addresses_) address += bias;
  return moved;
}

std::optional<ProcessAddr> VmSymbols::find(std::string_view name) const {
  const auto found = addresses_.find(std::string(name));
  if (found == addresses_.end()) return std::nullopt;
  return ProcessAddr{found->second};
}

Result<VmStructs> VmStructs::read(const process::MemoryReader& memory, const VmSymbols& symbols) {
  const ChunkedMemory chunks(memory);
  VmStructs result;
  JT_TRY(const Table structs,
         find_table(chunks, symbols, "Structs", "Struct",
                    {"TypeName", "FieldName", "TypeString", "IsStatic", "Offset", "Address"}));
  JT_CHECK_OK(for_each_entry(chunks, structs, [&](const Bytes& entry, std::string type) {
    const auto word = [&](std::size_t part) {
      return entry.get<std::uint64_t>(structs.part.at(part)).value_or(0);
    };
    const auto field = chunks.c_string(ProcessAddr{word(1)}, kMaxString);
    if (!field) return;
    const std::string spelled =
        word(2) == 0 ? "" : chunks.c_string(ProcessAddr{word(2)}, kMaxString).value_or("");
    const bool is_static = entry.get<std::int32_t>(structs.part[3]).value_or(0) != 0;
    result.fields_.insert_or_assign(key(type, *field), Field{spelled, word(4), word(5), is_static});
  }));
  JT_TRY(const Table types, find_table(chunks, symbols, "Types", "Type", {"TypeName", "Size"}));
  JT_CHECK_OK(for_each_entry(chunks, types, [&](const Bytes& entry, std::string name) {
    result.types_[std::move(name)] = entry.get<std::uint64_t>(types.part[1]).value_or(0);
  }));
  JT_TRY(const Table ints,
         find_table(chunks, symbols, "IntConstants", "IntConstant", {"Name", "Value"}));
  JT_CHECK_OK(for_each_entry(chunks, ints, [&](const Bytes& entry, std::string name) {
    result.constants_[std::move(name)] = entry.get<std::int32_t>(ints.part[1]).value_or(0);
  }));
  JT_TRY(const Table longs,
         find_table(chunks, symbols, "LongConstants", "LongConstant", {"Name", "Value"}));
  JT_CHECK_OK(for_each_entry(chunks, longs, [&](const Bytes& entry, std::string name) {
    result.constants_[std::move(name)] = entry.get<std::int64_t>(longs.part[1]).value_or(0);
  }));
  return result;
}

const VmStructs::Field* VmStructs::find(std::initializer_list<FieldName> aliases) const {
  for (const FieldName& alias : aliases) {
    const auto found = fields_.find(key(alias.type, alias.field));
    if (found != fields_.end()) return &found->second;
  }
  return nullptr;
}

std::optional<std::uint64_t> VmStructs::type_size(std::string_view type) const {
  const auto found = types_.find(std::string(type));
  if (found == types_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> VmStructs::constant(std::string_view name) const {
  const auto found = constants_.find(std::string(name));
  if (found == constants_.end()) return std::nullopt;
  return found->second;
}

std::string VmStructs::to_text() const {
  std::vector<std::string> lines;
  for (const auto& [name, field] : fields_) {
    lines.push_back(field.is_static
                        ? fmt::format("static {:#x} {} {}\n", field.address, name, field.type)
                        : fmt::format("member {} {} {}\n", field.offset, name, field.type));
  }
  for (const auto& [name, size] : types_) lines.push_back(fmt::format("type {} {}\n", size, name));
  for (const auto& [name, value] : constants_) {
    lines.push_back(fmt::format("constant {} {}\n", value, name));
  }
  std::ranges::sort(lines);
  return fmt::format("{}", fmt::join(lines, ""));
}

VmStructs VmStructs::from_text(std::string_view text) {
  VmStructs result;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    std::string number;
    if (!(words >> kind >> number >> std::ws)) continue;
    const auto value = std::strtoll(number.c_str(), nullptr, 0);
    std::string name;
    if (kind == "type" || kind == "constant") {
      std::getline(words, name);  // "unsigned int"
    } else {
      words >> name >> std::ws;
    }
    if (kind == "type") result.types_[name] = static_cast<std::uint64_t>(value);
    if (kind == "constant") result.constants_[name] = value;
    if (kind != "static" && kind != "member") continue;
    Field field;
    field.is_static = kind == "static";
    std::getline(words, field.type);
    (field.is_static ? field.address : field.offset) = static_cast<std::uint64_t>(value);
    result.fields_[name] = field;
  }
  return result;
}

}  // namespace jtrace::jvmsym::hotspot
