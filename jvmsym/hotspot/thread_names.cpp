// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/thread_names.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "jvmsym/hotspot/guarded_memory.h"

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::uint64_t kMaxFlags = 8192;      // JDK 26 has 1 500
constexpr std::uint32_t kMaxNameBytes = 8192;  // of a thread
constexpr std::uint64_t kMaxTable = 4U << 20;
constexpr std::uint32_t kKlassInMarkShift = 42;  // -XX:+UseCompactObjectHeaders (markWord.hpp)
constexpr std::uint64_t kKlassWord = 8;          // the mark comes first
constexpr std::uint32_t kMaxShift = 16;

void append_utf8(std::string& text, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

std::string from_utf16(const Bytes& bytes) {
  constexpr std::uint32_t kReplacement = 0xfffd;
  const auto unit = [&](std::size_t i) {
    return std::uint32_t{bytes.get<std::uint16_t>(2 * i).value_or(0)};
  };
  std::string text;
  for (std::size_t i = 0; i < bytes.size() / 2; ++i) {
    std::uint32_t c = unit(i);
    if (c >= 0xd800 && c < 0xe000) {
      const std::uint32_t low = unit(i + 1);
      const bool pair = c < 0xdc00 && low >= 0xdc00 && low < 0xe000;
      c = pair ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : kReplacement;
      if (pair) ++i;
    }
    append_utf8(text, c);
  }
  return text;
}

std::string from_latin1(const Bytes& bytes) {
  std::string text;
  for (const std::byte byte : bytes.span()) append_utf8(text, std::to_integer<std::uint32_t>(byte));
  return text;
}

}  // namespace

std::optional<bool> ThreadNames::flag(std::string_view name) const {
  const auto table = memory_.read<std::uint64_t>(layout_.flags);
  const auto count = memory_.read<std::uint64_t>(layout_.flag_count);
  if (!table || !count) return std::nullopt;
  const auto flags = Bytes::read(memory_, ProcessAddr{*table},
                                 std::min(*count, kMaxFlags) * layout_.flag_bytes, kMaxTable);
  for (std::size_t at = 0; flags && at < flags->size(); at += layout_.flag_bytes) {
    const auto text = flags->get<std::uint64_t>(at + layout_.flag_name);
    const auto value = flags->get<std::uint64_t>(at + layout_.flag_address);
    if (!text || !value) break;
    std::vector<std::byte> found(name.size() + 1);
    if (!memory_.read(ProcessAddr{*text}, found) || found.back() != std::byte{0}) continue;
    if (std::string_view(reinterpret_cast<const char*>(found.data()), name.size()) != name)
      continue;
    const auto on = memory_.read<std::uint8_t>(ProcessAddr{*value});
    return on ? std::optional(*on != 0) : std::nullopt;
  }
  return false;
}

std::optional<ThreadNames::Objects> ThreadNames::learn() const {
  const auto narrow_oops = flag("UseCompressedOops");
  const auto narrow_klass = flag("UseCompressedClassPointers");
  const auto compact = flag("UseCompactObjectHeaders");
  // Its references are coloured, and may be to where an object was before it was moved.
  if (flag("UseZGC").value_or(true)) return std::nullopt;
  const auto oop_base = memory_.read<std::uint64_t>(layout_.oop_base);
  const auto oop_shift = memory_.read<std::uint32_t>(layout_.oop_shift);
  const auto klass_base = memory_.read<std::uint64_t>(layout_.klass_base);
  const auto klass_shift = memory_.read<std::uint32_t>(layout_.klass_shift);
  const auto thread_class = memory_.read<std::uint64_t>(layout_.thread_class);
  const auto string_class = memory_.read<std::uint64_t>(layout_.string_class);
  if (!narrow_oops || !narrow_klass || !compact || !oop_base || !oop_shift || !klass_base ||
      !klass_shift || !thread_class || !string_class || *oop_shift > kMaxShift ||
      *klass_shift > kMaxShift) {
    return std::nullopt;
  }
  const auto field = [&](std::uint64_t klass, std::string_view name) {
    return find_java_field(memory_, layout_, symbols_, klass, name);
  };
  const auto name = field(*thread_class, "name");
  const auto value = field(*string_class, "value");
  if (!name || !value) return std::nullopt;
  using KlassWord = Objects::KlassWord;
  Objects objects{.narrow_oops = *narrow_oops,
                  .oop_base = *oop_base,
                  .klass_base = *klass_base,
                  .oop_shift = *oop_shift,
                  .klass_shift = *klass_shift,
                  .klass_word = *compact        ? KlassWord::InMark
                                : *narrow_klass ? KlassWord::Narrow
                                                : KlassWord::Full,
                  .string_class = *string_class,
                  .thread_name = *name,
                  .string_value = *value,
                  .string_coder = field(*string_class, "coder")};
  objects.array_length = *compact ? 8 : *narrow_klass ? 12 : 16;
  objects.array_data = objects.array_length + 4;
  // Elements began at a word's start until JDK 23 (JDK-8139457).
  constexpr int kPacked = 23;
  if (major_ < kPacked) objects.array_data = (objects.array_data + 7) & ~7U;
  return objects;
}

std::optional<std::uint64_t> ThreadNames::thread_object(ProcessAddr java_thread) const {
  const auto object =
      memory_.read<std::uint64_t>(ProcessAddr{java_thread.value + layout_.thread_object.offset});
  if (!object || *object == 0 || !layout_.is_handle) return object;
  return memory_.read<std::uint64_t>(ProcessAddr{*object});
}

std::optional<std::uint64_t> ThreadNames::reference(std::uint64_t object,
                                                    const JavaField& field) const {
  const ProcessAddr at{object + field.offset};
  if (!objects_->narrow_oops) return memory_.read<std::uint64_t>(at);
  const auto narrow = memory_.read<std::uint32_t>(at);
  if (!narrow || *narrow == 0) return std::nullopt;
  return objects_->oop_base + (std::uint64_t{*narrow} << objects_->oop_shift);
}

std::optional<std::uint64_t> ThreadNames::klass_of(std::uint64_t object) const {
  using KlassWord = Objects::KlassWord;
  const auto word = memory_.read<std::uint64_t>(
      ProcessAddr{object + (objects_->klass_word == KlassWord::InMark ? 0 : kKlassWord)});
  if (!word || objects_->klass_word == KlassWord::Full) return word;
  const std::uint64_t narrow =
      objects_->klass_word == KlassWord::InMark ? *word >> kKlassInMarkShift : *word & 0xffffffff;
  return objects_->klass_base + (narrow << objects_->klass_shift);
}

std::optional<std::string> ThreadNames::text(std::uint64_t string) const {
  if (klass_of(string) != objects_->string_class) return std::nullopt;
  const auto value = reference(string, objects_->string_value);
  if (!value || *value == 0) return std::nullopt;
  const auto length =
      memory_.read<std::uint32_t>(ProcessAddr{*value + objects_->array_length}).value_or(0);
  // Arrays of char until JDK 8.
  const bool chars = objects_->string_value.element == 'C';
  const std::uint64_t bytes = std::uint64_t{length} * (chars ? 2 : 1);
  const auto content =
      Bytes::read(memory_, ProcessAddr{*value + objects_->array_data}, bytes, kMaxNameBytes);
  if (!content) return std::nullopt;
  bool latin1 = !chars;
  if (objects_->string_coder) {
    const auto coder =
        memory_.read<std::uint8_t>(ProcessAddr{string + objects_->string_coder->offset});
    latin1 = coder == 0;
  }
  if (reference(string, objects_->string_value) != value) return std::nullopt;
  return latin1 ? from_latin1(*content) : from_utf16(*content);
}

std::optional<std::string> ThreadNames::find(ProcessAddr java_thread) {
  if (!learned_) objects_ = learn();
  learned_ = true;
  if (!objects_ || objects_->thread_name.type != 'L') return std::nullopt;
  // A collection that is just moving things is over at the next attempt, or too slow to wait for.
  constexpr int kAttempts = 3;
  for (int i = 0; i < kAttempts; ++i) {
    const auto thread = thread_object(java_thread);
    if (!thread || *thread == 0) return std::nullopt;
    const auto string = reference(*thread, objects_->thread_name);
    if (!string || *string == 0) continue;
    auto name = text(*string);
    const bool same =
        thread_object(java_thread) == thread && reference(*thread, objects_->thread_name) == string;
    if (name && same && !name->empty()) return name;
  }
  return std::nullopt;
}

}  // namespace jtrace::jvmsym::hotspot
