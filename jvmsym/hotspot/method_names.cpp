// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/method_names.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::size_t kMaxMethods = 200'000;
constexpr std::uint64_t kMaxSymbol = 64 * 1024;
constexpr std::uint64_t kUsualSymbol = 96;  // header and body of most, read at once
constexpr std::uint64_t kPoolSlot = 8;
constexpr std::uint64_t kPoolTagBits = 1;  // JDK 8 marks pseudo-strings in the lowest bit
constexpr std::uint64_t kAccNative = 0x100;
constexpr std::uint64_t kMaxPool = 0x10000;
constexpr std::uint64_t kWord = 8;
constexpr std::uint64_t kFirstLines = 256, kMaxLines = 256 * 1024;

bool aligned(std::uint64_t address) { return address != 0 && address % kWord == 0; }

}  // namespace

std::optional<std::string> read_pool_symbol(const process::MemoryReader& memory,
                                            const MethodLayout& layout, std::uint64_t pool,
                                            std::uint64_t length, std::uint64_t index) {
  if (index == 0 || index >= length) return std::nullopt;
  const auto slot =
      memory.read<std::uint64_t>(ProcessAddr{pool + layout.pool_bytes + index * kPoolSlot});
  if (!slot) return std::nullopt;
  return read_symbol(memory, layout, *slot & ~kPoolTagBits);
}

std::optional<std::string> read_symbol(const process::MemoryReader& memory,
                                       const MethodLayout& layout, std::uint64_t address) {
  if (!aligned(address)) return std::nullopt;
  const std::uint64_t least = std::max(layout.symbol_body, layout.symbol_length.end());
  auto bytes = Bytes::read(memory, ProcessAddr{address}, kUsualSymbol, kUsualSymbol);
  if (!bytes) bytes = Bytes::read(memory, ProcessAddr{address}, least, kMaxSymbol);
  if (!bytes) return std::nullopt;
  const std::uint64_t length =
      layout.symbol_length.get(*bytes).value_or(0) >> layout.symbol_length_shift;
  if (length == 0 || length > kMaxSymbol) return std::nullopt;
  if (layout.symbol_body + length > bytes->size()) {
    bytes = Bytes::read(memory, ProcessAddr{address}, layout.symbol_body + length, 2 * kMaxSymbol);
    if (!bytes) return std::nullopt;
  }
  std::string text(length, '\0');
  std::memcpy(text.data(), bytes->span().data() + layout.symbol_body, length);
  return text;
}

std::int32_t JavaMethod::bci(std::uint64_t bcp) const {
  if (bcp < bytecodes || bcp - bytecodes >= code_size) return -1;
  return static_cast<std::int32_t>(bcp - bytecodes);
}

std::optional<std::uint64_t> MethodNames::epoch() const {
  if (epoch_at_.value == 0) return std::nullopt;
  return memory_.read<std::uint64_t>(epoch_at_);
}

const JavaMethod* MethodNames::find(std::uint64_t method) {
  if (!aligned(method)) return nullptr;
  const auto now = epoch();
  const auto bytes = Bytes::read(memory_, ProcessAddr{method}, layout_.method_bytes, 1024);
  if (!bytes) return nullptr;
  const std::uint64_t const_method = layout_.const_method.get(*bytes).value_or(0);
  if (!aligned(const_method)) return nullptr;
  auto header = Bytes::read(memory_, ProcessAddr{const_method}, layout_.const_method_bytes, 1024);
  if (!header) return nullptr;
  const auto found = entries_.find(method);
  // Redefinition keeps the epoch; it gives a method another ConstMethod.
  if (found != entries_.end() && now && found->second.epoch == now &&
      found->second.const_method == const_method &&
      std::ranges::equal(found->second.header.span(), header->span())) {
    return &found->second.method;
  }
  auto named = read(*bytes, const_method, *header);
  if (!named) return nullptr;
  if (entries_.size() >= kMaxMethods && unsettled_.empty()) entries_.clear();
  Entry& entry = entries_[method];
  entry = {now, const_method, std::move(*header), std::move(*named)};
  unsettled_.push_back(method);
  return &entry.method;
}

void MethodNames::settle(bool alive, std::uint64_t epoch) {
  for (const std::uint64_t method : unsettled_) {
    const auto entry = entries_.find(method);
    if (entry != entries_.end() && !(alive && entry->second.epoch == epoch)) entries_.erase(entry);
  }
  unsettled_.clear();
}

std::optional<JavaMethod> MethodNames::read(const Bytes& method, std::uint64_t const_method,
                                            const Bytes& header) const {
  const std::uint64_t pool = layout_.constants.get(header).value_or(0);
  if (!aligned(pool)) return std::nullopt;
  const auto pool_header = Bytes::read(memory_, ProcessAddr{pool}, layout_.pool_bytes, 1024);
  if (!pool_header) return std::nullopt;
  const std::uint64_t length = layout_.pool_length.get(*pool_header).value_or(0);
  const std::uint64_t holder = layout_.pool_holder.get(*pool_header).value_or(0);
  if (length > kMaxPool || !aligned(holder)) return std::nullopt;
  const auto klass_name =
      memory_.read<std::uint64_t>(ProcessAddr{holder + layout_.klass_name.offset});
  if (!klass_name) return std::nullopt;
  const auto klass = read_symbol(memory_, layout_, *klass_name);
  const auto name =
      read_pool_symbol(memory_, layout_, pool, length, layout_.name_index.get(header).value_or(0));
  auto signature = read_pool_symbol(memory_, layout_, pool, length,
                                    layout_.signature_index.get(header).value_or(0));
  if (!klass || !name || !signature) return std::nullopt;

  JavaMethod result;
  result.name = *klass + "." + *name;
  result.signature = std::move(*signature);
  result.source_file = source_file(pool, *pool_header, holder);
  result.native = (layout_.access_flags.get(method).value_or(0) & kAccNative) != 0;
  result.bytecodes = const_method + layout_.const_method_bytes;
  result.code_size = static_cast<std::uint32_t>(layout_.code_size.get(header).value_or(0));
  result.lines = lines(const_method, header, result.code_size);
  return result;
}

std::string MethodNames::source_file(std::uint64_t pool, const Bytes& pool_header,
                                     std::uint64_t holder) const {
  std::uint64_t index = 0;
  if (layout_.pool_source_file) {
    index = layout_.pool_source_file.get(pool_header).value_or(0);
  } else if (layout_.klass_source_file) {
    index = memory_.read<std::uint16_t>(ProcessAddr{holder + layout_.klass_source_file.offset})
                .value_or(0);
  }
  const std::uint64_t length = layout_.pool_length.get(pool_header).value_or(0);
  return read_pool_symbol(memory_, layout_, pool, length, index).value_or("");
}

LineTable MethodNames::lines(std::uint64_t const_method, const Bytes& header,
                             std::uint32_t code_size) const {
  if ((layout_.flags.get(header).value_or(0) & layout_.has_line_numbers) == 0) return {};
  const std::uint64_t start = std::uint64_t{layout_.const_method_bytes} + code_size;
  const std::uint64_t end = layout_.const_method_size.get(header).value_or(0) * kWord;
  if (end <= start) return {};
  const std::uint64_t most = std::min(end - start, kMaxLines);
  // How long the table is, only its end tells; it is followed by others in the ConstMethod.
  for (std::uint64_t size = std::min(kFirstLines, most);; size = std::min(size * 8, most)) {
    const auto bytes = Bytes::read(memory_, ProcessAddr{const_method + start}, size, kMaxLines);
    if (!bytes) return {};
    auto parsed = LineTable::parse(bytes->span(), layout_.unsigned5_excludes_zero);
    if (parsed.complete) return std::move(parsed.table);
    if (size == most) return {};
  }
}

}  // namespace jtrace::jvmsym::hotspot
