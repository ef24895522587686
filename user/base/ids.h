// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace jtrace {

// A number that cannot be mistaken for another kind of number.
template <class Tag, class Rep>
struct Id {
  Rep value{};
  friend auto operator<=>(const Id&, const Id&) = default;
};

using ProcessAddr = Id<struct ProcessAddrTag, std::uint64_t>;  // virtual address in a target
using ElfAddr = Id<struct ElfAddrTag, std::uint64_t>;          // virtual address inside an ELF file
using FileOffset = Id<struct FileOffsetTag, std::uint64_t>;

}  // namespace jtrace

template <class Tag, class Rep>
struct std::hash<jtrace::Id<Tag, Rep>> {
  std::size_t operator()(const jtrace::Id<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value);
  }
};
