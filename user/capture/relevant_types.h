// SPDX-License-Identifier: Apache-2.0
// The part of a kernel's types (BTF) by which programs are relocated: 20 of 160 000.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct btf;

namespace jtrace::capture {

using TypeNames = std::set<std::string, std::less<>>;

// A type's name without what a program puts behind it to tell kernels apart ("task_struct___5_14").
[[nodiscard]] std::string_view essential_name(std::string_view name);

// The essential names of the types that an object's programs are relocated by: 20, of the 180
// that it has parts of. Nothing where the object is none that we understand.
[[nodiscard]] TypeNames relocated_names(std::span<const std::byte> object, const btf& types);

// The types that have these essential names and those they are made of, as BTF. What a pointer
// points to is left out: relocations go by the offset of one field at a time. Empty where a name is
// missing, which may be a module's then (unix_sock before 6.4), or where the types are none that we
// understand.
[[nodiscard]] std::vector<std::byte> relevant_types(const btf& types, const TypeNames& names);

}  // namespace jtrace::capture
