// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/jit_dump.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace jtrace::jvmsym {
namespace {

constexpr std::uint32_t kMagic = 0x4a695444;  // "JiTD"; the other way round on other machines
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kArchTimestamp = 1;
constexpr std::uint32_t kMaxHeader = 4096;

struct Header {
  std::uint32_t magic, version, total_size, machine, pad, pid;
  std::uint64_t time, flags;
};
static_assert(sizeof(Header) == 40);

enum class Id : std::uint32_t { Load = 0, Move = 1, DebugInfo = 2, Close = 3, Unwinding = 4 };

struct Prefix {
  Id id;
  std::uint32_t total_size;
  std::uint64_t time;
};
static_assert(sizeof(Prefix) == 16);

struct Load {
  std::uint32_t pid, tid;
  std::uint64_t vma, code, size, index;
};
static_assert(sizeof(Load) == 40);

struct Move {
  std::uint32_t pid, tid;
  std::uint64_t vma, from, to, size, index;
};
static_assert(sizeof(Move) == 48);

template <class T>
std::optional<T> take(std::span<const std::byte> from) {
  T value;
  if (from.size() < sizeof(T)) return std::nullopt;
  std::memcpy(&value, from.data(), sizeof(T));
  return value;
}

// Less what would cut a UTF-8 character in two.
std::string_view capped(std::string_view name) {
  if (name.size() <= JitDump::kMaxName) return name;
  std::size_t size = JitDump::kMaxName;
  const auto continues = [&] { return (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80; };
  while (size > JitDump::kMaxName - 3 && continues()) --size;
  return name.substr(0, size);
}

}  // namespace

Result<std::string> JitDump::read(int fd, std::uint64_t offset) {
  std::string bytes(kMaxRead, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n =
        ::pread(fd, bytes.data() + size, bytes.size() - size, static_cast<off_t>(offset + size));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errc::Target, errno_text("read the jitdump", errno));
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  bytes.resize(size);
  return bytes;
}

std::optional<std::uint64_t> JitDump::take_header(std::span<const std::byte> bytes) {
  const auto header = take<Header>(bytes);
  if (!header) return std::nullopt;
  if (header->magic != kMagic || header->version != kVersion || header->machine != EM_X86_64 ||
      header->total_size < sizeof(Header) || header->total_size > kMaxHeader) {
    broken_ = true;
    return std::nullopt;
  }
  timeless_ = (header->flags & kArchTimestamp) != 0;
  return header->total_size;
}

void JitDump::load(std::uint64_t code, std::uint64_t size, std::string_view name,
                   std::uint64_t time) {
  auto named = agent::CompiledCode::named(code, size, name, ++loads_);
  if (named) code_.load(std::move(*named), time);
}

void JitDump::move(std::span<const std::byte> record, std::uint64_t time) {
  const auto move = take<Move>(record);
  if (!move) return;
  const auto* old = code_.at(move->from, agent::CodeMap::kAlive - 1);
  if (old == nullptr || old->begin() != move->from) return;
  const std::string name(old->text());
  code_.unload(move->from, time);
  load(move->to, move->size, name, time);
}

std::optional<std::uint64_t> JitDump::take_record(std::span<const std::byte> bytes) {
  const auto prefix = take<Prefix>(bytes);
  if (!prefix) return std::nullopt;
  if (prefix->total_size < sizeof(Prefix)) {
    broken_ = true;
    return std::nullopt;
  }
  const std::uint64_t time = timeless_ ? 0 : prefix->time;
  const auto record =
      bytes.subspan(sizeof(Prefix))
          .first(std::min<std::size_t>(bytes.size(), prefix->total_size) - sizeof(Prefix));
  const bool whole = bytes.size() >= prefix->total_size;
  if (prefix->id == Id::Move) {
    if (!whole) return std::nullopt;
    move(record, time);
  }
  if (prefix->id == Id::Load) {
    const auto load_record = take<Load>(record);
    const auto rest = record.subspan(std::min(sizeof(Load), record.size()));
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
    const auto end = text.find('\0');
    // The code behind the name may be still to come.
    const bool named = end != std::string_view::npos || text.size() > kMaxName;
    if (!whole && (!load_record || !named)) return std::nullopt;
    if (load_record && named) {
      load(load_record->code, load_record->size, capped(text.substr(0, end)), time);
    }
  }
  return prefix->total_size;
}

bool JitDump::add(std::span<const std::byte> bytes) {
  bool any = false;
  while (!broken_) {
    const auto taken = offset_ == 0 ? take_header(bytes) : take_record(bytes);
    if (!taken) break;
    any = true;
    offset_ += *taken;
    bytes = bytes.subspan(std::min<std::uint64_t>(*taken, bytes.size()));
  }
  return any;
}

std::optional<std::string_view> JitDump::find(std::uint64_t pc, std::uint64_t time) const {
  const auto* code = code_.at(pc, timeless_ ? agent::CodeMap::kAlive - 1 : time);
  return code == nullptr ? std::nullopt : std::optional(code->text());
}

}  // namespace jtrace::jvmsym
