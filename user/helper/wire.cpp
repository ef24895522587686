// SPDX-License-Identifier: Apache-2.0
#include "helper/wire.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/printable.h"

namespace jtrace::helper {
namespace {

constexpr std::size_t kMaxReason = 256;
constexpr std::size_t kMaxBuildId = 128;  // of its text
constexpr std::size_t kMaxSegments = 512;
constexpr std::size_t kMaxPath = 8192;
constexpr std::size_t kMaxVmSymbols = 4096;
constexpr std::size_t kMaxVmSymbol = 512;

class Writer {
 public:
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void value(const T& value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(std::string_view text) {
    value(static_cast<std::uint32_t>(text.size()));
    out_.append(text);
  }
  template <class T>
  void array(std::span<const T> values) {
    static_assert(std::has_unique_object_representations_v<T>, "padding is not to be sent");
    value(static_cast<std::uint32_t>(values.size()));
    out_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  [[nodiscard]] std::string take() && { return std::move(out_); }

 private:
  std::string out_;
};

// Past the end it yields nothing and stays !ok().
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_trivially_copyable_v<T>
  T value() {
    T value{};
    const Bytes from = take(sizeof value);
    if (ok_) std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  std::string text(std::size_t limit) {
    const Bytes from = take(size(limit, 1));
    return {reinterpret_cast<const char*>(from.data()), from.size()};
  }
  // Memory is taken only for what is there.
  template <class T>
  std::vector<T> array(std::size_t limit) {
    const std::size_t count = size(limit, sizeof(T));
    const Bytes from = take(count * sizeof(T));
    std::vector<T> values(from.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), from.data(), from.size());
    return values;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool done() const { return ok_ && rest_.empty(); }

 private:
  std::size_t size(std::size_t limit, std::size_t each) {
    const auto count = value<std::uint32_t>();
    if (count > limit || count > rest_.size() / each) ok_ = false;
    return ok_ ? count : 0;
  }
  Bytes take(std::size_t count) {
    if (count > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const Bytes head = rest_.first(count);
    rest_ = rest_.subspan(count);
    return head;
  }

  Bytes rest_;
  bool ok_ = true;
};

std::unexpected<Error> broken() {
  return fail(Errc::Target, "what was read of the file makes no sense");
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// It is put behind a directory's path.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

}  // namespace

std::string encode(const Request& request) {
  Writer out;
  out.value(request.work);
  out.text(request.path);
  out.value(static_cast<std::uint32_t>(request.debug_paths.size()));
  for (const std::string& path : request.debug_paths) out.text(path);
  out.value(request.inner_tgid);
  out.value(request.offset);
  out.value(request.room);
  return std::move(out).take();
}

Result<Request> decode_request(Bytes bytes) {
  Reader in(bytes);
  Request request{.work = in.value<Work>()};
  if (request.work < Work::Facts || request.work > Work::JitDump) return broken();
  request.path = in.text(kMaxPath);
  const auto count = in.value<std::uint32_t>();
  if (count > kMaxDebugPaths) return broken();
  for (std::uint32_t i = 0; i < count; ++i) request.debug_paths.push_back(in.text(2 * kMaxPath));
  request.inner_tgid = in.value<std::int32_t>();
  request.offset = in.value<std::uint64_t>();
  request.room = in.value<std::uint64_t>();
  if (!in.done()) return broken();
  return request;
}

std::string encode(const unwind::BinaryFacts& facts) {
  Writer out;
  out.text(facts.build_id);
  out.array(std::span(facts.code));
  return std::move(out).take();
}

Result<unwind::BinaryFacts> decode_facts(Bytes bytes) {
  Reader in(bytes);
  unwind::BinaryFacts facts;
  facts.build_id = in.text(kMaxBuildId);
  facts.code = in.array<unwind::CodeSegment>(kMaxSegments);
  const bool sane =
      std::ranges::all_of(facts.code, [](const auto& part) { return part.first <= part.end; });
  if (!in.done() || !sane || !is_hex(facts.build_id)) return broken();
  return facts;
}

std::string encode(const unwind::UnwindTable& table) {
  Writer out;
  out.array(std::span(table.rules));
  out.array(std::span(table.rows));
  return std::move(out).take();
}

Result<unwind::UnwindTable> decode_table(Bytes bytes) {
  Reader in(bytes);
  unwind::UnwindTable table;
  table.rules = in.array<jt_rule>(JT_MAX_RULES);
  table.rows = in.array<jt_row>(unwind::kMaxTableRows);
  if (!in.done() || !unwind::is_sound(table)) return broken();
  return table;
}

std::string encode(const SymbolsReply& reply) {
  Writer out;
  out.array(std::span(std::as_const(reply.wanted.build_id)));
  out.text(reply.wanted.link ? reply.wanted.link->name : "");
  out.value(reply.wanted.link ? reply.wanted.link->crc : 0U);
  const auto parts = reply.symbols.parts();
  out.array(std::span(parts.symbols));
  out.array(std::span(parts.names));
  out.value(static_cast<std::uint32_t>(reply.too_large));
  return std::move(out).take();
}

Result<SymbolsReply> decode_symbols(Bytes bytes) {
  Reader in(bytes);
  symbolize::DebugWanted wanted;
  wanted.build_id = in.array<std::uint8_t>(kMaxBuildId);
  symbolize::DebugLink link{.name = in.text(NAME_MAX), .crc = in.value<std::uint32_t>()};
  if (!link.name.empty()) {
    if (!is_plain_name(link.name)) return broken();
    wanted.link = std::move(link);
  }
  symbolize::ElfSymbols::Parts parts;
  parts.symbols = in.array<symbolize::ElfSymbols::Symbol>(kMaxReply);
  parts.names = in.array<char>(kMaxReply);
  const bool too_large = in.value<std::uint32_t>() != 0;
  if (!in.done()) return broken();
  JT_TRY(auto symbols, symbolize::ElfSymbols::from_parts(std::move(parts)));
  return SymbolsReply{
      .symbols = std::move(symbols), .wanted = std::move(wanted), .too_large = too_large};
}

std::string encode(const jvmsym::hotspot::VmSymbols& symbols) {
  Writer out;
  out.value(static_cast<std::uint32_t>(symbols.all().size()));
  for (const auto& [name, address] : symbols.all()) {
    out.text(name);
    out.value(address);
  }
  return std::move(out).take();
}

Result<jvmsym::hotspot::VmSymbols> decode_vm_symbols(Bytes bytes) {
  Reader in(bytes);
  jvmsym::hotspot::VmSymbols symbols;
  const auto count = in.value<std::uint32_t>();
  if (count > kMaxVmSymbols) return broken();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string name = in.text(kMaxVmSymbol);
    symbols.add(std::move(name), in.value<std::uint64_t>());
  }
  if (!in.done()) return broken();
  return symbols;
}

std::string decode_reason(Bytes bytes) {
  const Bytes head = bytes.first(std::min(bytes.size(), kMaxReason));
  return printable({reinterpret_cast<const char*>(head.data()), head.size()});
}

}  // namespace jtrace::helper
