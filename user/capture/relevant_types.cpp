// SPDX-License-Identifier: Apache-2.0
#include "capture/relevant_types.h"

#include <bpf/btf.h>
#include <elf.h>
#include <linux/bpf.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace jtrace::capture {
namespace {

// Copies types; whoever is mentioned gets the next number, and is copied in its turn.
class Picker {
 public:
  explicit Picker(const btf& from)
      : from_(from), to_(btf__new_empty(), btf__free), numbers_(btf__type_cnt(&from)) {}

  void want(std::uint32_t id) { (void)number_of(id); }
  [[nodiscard]] std::vector<std::byte> take();

 private:
  [[nodiscard]] const btf_type& type(std::uint32_t id) const {
    return *btf__type_by_id(&from_, id);
  }
  [[nodiscard]] const char* name(std::uint32_t offset) const {
    return btf__name_by_offset(&from_, offset);
  }
  int number_of(std::uint32_t id);
  int copy(const btf_type& type);
  int copy_members(const btf_type& type, int added);
  int copy_values(const btf_type& type, int added);

  const btf& from_;
  std::unique_ptr<btf, decltype(&btf__free)> to_;
  std::vector<int> numbers_;  // in to_, 0: not wanted
  std::vector<std::uint32_t> wanted_;
};

int Picker::number_of(std::uint32_t id) {
  // What tells `__user` and `__rcu` pointers apart is of no size.
  while (id != 0 && id < numbers_.size() && btf_is_type_tag(&type(id))) id = type(id).type;
  if (id == 0 || id >= numbers_.size()) return 0;
  int& number = numbers_[id];
  if (number == 0) {
    wanted_.push_back(id);
    number = static_cast<int>(wanted_.size());
  }
  return number;
}

int Picker::copy_members(const btf_type& type, int added) {
  const std::span members(btf_members(&type), btf_vlen(&type));
  for (std::uint32_t i = 0; i < members.size() && added > 0; ++i) {
    const int failed =
        btf__add_field(to_.get(), name(members[i].name_off), number_of(members[i].type),
                       btf_member_bit_offset(&type, i), btf_member_bitfield_size(&type, i));
    if (failed != 0) return failed;
  }
  return added;
}

int Picker::copy_values(const btf_type& type, int added) {
  for (std::uint32_t i = 0; i < btf_vlen(&type) && added > 0; ++i) {
    int failed = 0;
    if (btf_is_enum(&type)) {
      const auto& one = btf_enum(&type)[i];
      failed = btf__add_enum_value(to_.get(), name(one.name_off), one.val);
    } else {
      const auto& one = btf_enum64(&type)[i];
      failed = btf__add_enum64_value(to_.get(), name(one.name_off), btf_enum64_value(&one));
    }
    if (failed != 0) return failed;
  }
  return added;
}

// The number that it has now, or a negative one.
int Picker::copy(const btf_type& type) {
  btf* const to = to_.get();
  const char* const its = name(type.name_off);
  switch (btf_kind(&type)) {
    case BTF_KIND_INT:
      return btf__add_int(to, its, type.size, btf_int_encoding(&type));
    case BTF_KIND_FLOAT:
      return btf__add_float(to, its, type.size);
    case BTF_KIND_TYPEDEF:
      return btf__add_typedef(to, its, number_of(type.type));
    case BTF_KIND_CONST:
      return btf__add_const(to, number_of(type.type));
    case BTF_KIND_VOLATILE:
      return btf__add_volatile(to, number_of(type.type));
    case BTF_KIND_RESTRICT:
      return btf__add_restrict(to, number_of(type.type));
    case BTF_KIND_ARRAY: {
      const auto& array = *btf_array(&type);
      return btf__add_array(to, number_of(array.index_type), number_of(array.type), array.nelems);
    }
    case BTF_KIND_STRUCT:
      return copy_members(type, btf__add_struct(to, its, type.size));
    case BTF_KIND_UNION:
      return copy_members(type, btf__add_union(to, its, type.size));
    case BTF_KIND_ENUM:
      return copy_values(type, btf__add_enum(to, its, type.size));
    case BTF_KIND_ENUM64:
      return copy_values(type, btf__add_enum64(to, its, type.size, btf_kflag(&type)));
    case BTF_KIND_FWD:
      return btf__add_fwd(to, its, btf_kflag(&type) ? BTF_FWD_UNION : BTF_FWD_STRUCT);
    default:  // a pointer, or what only pointers lead to
      return btf__add_ptr(to, 0);
  }
}

std::vector<std::byte> Picker::take() {
  if (!to_) return {};
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (copy(type(wanted_[i])) != static_cast<int>(i) + 1) return {};
  }
  std::uint32_t bytes = 0;
  const auto* data = static_cast<const std::byte*>(btf__raw_data(to_.get(), &bytes));
  return data == nullptr ? std::vector<std::byte>() : std::vector<std::byte>(data, data + bytes);
}

// At `offset`; nothing where that is not all inside.
template <class T>
std::optional<T> read_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (offset > bytes.size() || sizeof(T) > bytes.size() - offset) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::span<const std::byte> part(std::span<const std::byte> bytes, std::uint64_t offset,
                                std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return {};
  return bytes.subspan(offset, size);
}

// Of an ELF file.
std::span<const std::byte> section(std::span<const std::byte> file, std::string_view name) {
  const auto head = read_at<Elf64_Ehdr>(file, 0);
  if (!head) return {};
  const auto header = [&](std::uint64_t i) {
    return read_at<Elf64_Shdr>(file, head->e_shoff + i * sizeof(Elf64_Shdr));
  };
  const auto names = header(head->e_shstrndx);
  const auto texts = names ? part(file, names->sh_offset, names->sh_size) : file.first(0);
  for (std::uint64_t i = 0; i < head->e_shnum; ++i) {
    const auto one = header(i);
    const auto text = one ? part(texts, one->sh_name, name.size() + 1) : file.first(0);
    if (text.empty() || text.back() != std::byte{0}) continue;
    if (std::memcmp(text.data(), name.data(), name.size()) != 0) continue;
    return part(file, one->sh_offset, one->sh_size);
  }
  return {};
}

// What libbpf reads, but does not tell: linux/Documentation/bpf/btf.rst, ".BTF.ext section".
std::vector<bpf_core_relo> relocations_of(std::span<const std::byte> ext) {
  struct Header {
    std::uint16_t magic;
    std::uint8_t version, flags;
    std::uint32_t bytes, functions[2], lines[2], first, size;
  };
  struct OfSection {
    std::uint32_t name, count;
  };
  std::vector<bpf_core_relo> found;
  const auto head = read_at<Header>(ext, 0);
  if (!head) return found;
  const auto all = part(ext, std::uint64_t{head->bytes} + head->first, head->size);
  const auto record = read_at<std::uint32_t>(all, 0);
  if (!record || *record < sizeof(bpf_core_relo)) return found;
  std::uint64_t at = sizeof *record;
  while (const auto of = read_at<OfSection>(all, at)) {
    at += sizeof *of;
    for (std::uint32_t i = 0; i < of->count; ++i, at += *record) {
      const auto relocation = read_at<bpf_core_relo>(all, at);
      if (!relocation) return found;
      found.push_back(*relocation);
    }
  }
  return found;
}

template <class Visit>
void visit_names(const btf& types, const Visit& visit) {
  for (std::uint32_t id = 1; id < btf__type_cnt(&types); ++id) {
    const btf_type* type = btf__type_by_id(&types, id);
    if (btf_is_func(type) || btf_is_var(type) || btf_is_datasec(type) || btf_is_decl_tag(type)) {
      continue;
    }
    const char* name = btf__name_by_offset(&types, type->name_off);
    if (name != nullptr && *name != 0) visit(id, name);
  }
}

}  // namespace

std::string_view essential_name(std::string_view name) {
  const auto flavor = name.rfind("___");
  return flavor == 0 ? name : name.substr(0, flavor);
}

TypeNames relocated_names(std::span<const std::byte> object, const btf& types) {
  TypeNames names;
  for (const bpf_core_relo& relocation : relocations_of(section(object, ".BTF.ext"))) {
    const btf_type* type = btf__type_by_id(&types, relocation.type_id);
    const char* name = type ? btf__name_by_offset(&types, type->name_off) : nullptr;
    if (name != nullptr && *name != 0) names.emplace(essential_name(name));
  }
  return names;
}

std::vector<std::byte> relevant_types(const btf& types, const TypeNames& names) {
  Picker picker(types);
  std::set<std::string_view> met;
  visit_names(types, [&](std::uint32_t id, const char* name) {
    if (!names.contains(essential_name(name))) return;
    picker.want(id);
    met.insert(essential_name(name));
  });
  return met.size() == names.size() ? picker.take() : std::vector<std::byte>();
}

}  // namespace jtrace::capture
