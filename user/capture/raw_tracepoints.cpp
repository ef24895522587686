// SPDX-License-Identifier: Apache-2.0
#include "capture/raw_tracepoints.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fnmatch.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/near_names.h"
#include "base/printable.h"
#include "base/rights.h"

namespace jtrace::capture {
namespace {

constexpr std::string_view kHandler = "btf_trace_", kCaller = "__traceiter_";
// No kernel's type is deeper; of what is, nothing is said.
constexpr int kDeepest = 32;
constexpr std::uint32_t kArgumentBytes = 8;
constexpr std::size_t kMaxWords = 512;

std::string_view name_at(const btf* types, std::uint32_t offset) {
  const char* name = btf__name_by_offset(types, offset);
  return name == nullptr ? std::string_view() : std::string_view(name);
}

const btf_type* type_at(const btf* types, std::uint32_t id) { return btf__type_by_id(types, id); }

// Without typedefs, const and volatile.
const btf_type* bare(const btf* types, std::uint32_t id) {
  const btf_type* type = type_at(types, id);
  for (int i = 0; type != nullptr && i < kDeepest; ++i) {
    if (!btf_is_mod(type) && !btf_is_typedef(type) && !btf_is_type_tag(type)) return type;
    type = type_at(types, type->type);
  }
  return nullptr;
}

// As a person writes it: "const struct path *".
std::string type_text(const btf* types, std::uint32_t id, int depth = 0) {
  const btf_type* type = id == 0 ? nullptr : type_at(types, id);
  if (type == nullptr) return "void";
  if (depth == kDeepest) return "?";
  const auto inner = [&] { return type_text(types, type->type, depth + 1); };
  const std::string name(name_at(types, type->name_off));
  const std::string tag = name.empty() ? "(anonymous)" : name;
  switch (btf_kind(type)) {
    case BTF_KIND_PTR: {
      const std::string to = inner();
      return to + (to.ends_with('*') ? "*" : " *");
    }
    case BTF_KIND_CONST:
      return "const " + inner();
    case BTF_KIND_VOLATILE:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_TYPE_TAG:
      return inner();
    case BTF_KIND_STRUCT:
      return "struct " + tag;
    case BTF_KIND_UNION:
      return "union " + tag;
    case BTF_KIND_FWD:
      return (btf_kflag(type) ? "union " : "struct ") + tag;
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return "enum " + tag;
    case BTF_KIND_ARRAY:
      return type_text(types, btf_array(type)->type, depth + 1) + "[]";
    case BTF_KIND_FUNC_PROTO:
      return "function";
    default:
      return tag;
  }
}

event::Dictionary words_of(const btf* types, const btf_type* type, const std::string& field) {
  event::Dictionary words{.kind = event::Dictionary::Kind::Symbols, .field = field};
  for (std::uint32_t i = 0; i < std::min<std::size_t>(btf_vlen(type), kMaxWords); ++i) {
    if (btf_is_enum(type)) {
      const struct btf_enum& one = btf_enum(type)[i];
      const auto value = btf_kflag(type) ? static_cast<std::uint64_t>(std::int64_t{one.val})
                                         : static_cast<std::uint32_t>(one.val);
      words.words.push_back({value, std::string(name_at(types, one.name_off))});
    } else {
      const struct btf_enum64& one = btf_enum64(type)[i];
      words.words.push_back({btf_enum64_value(&one), std::string(name_at(types, one.name_off))});
    }
  }
  return words;
}

// The prototype of a pointer to a function, or of a function.
const btf_type* prototype(const btf* types, std::uint32_t id) {
  const btf_type* type = bare(types, id);
  if (type != nullptr && (btf_is_ptr(type) || btf_is_func(type))) type = bare(types, type->type);
  return type != nullptr && btf_is_func_proto(type) ? type : nullptr;
}

bool is_glob(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

Result<btf*> failed(const std::string& what) {
  return fail(Errc::Environment, errno_text("read the kernel's types: " + what, errno),
              "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, as distributions' are (doctor: btf)");
}

}  // namespace

void RawTracepoints::Free::operator()(btf* types) const { btf__free(types); }

Result<const RawTracepoints*> RawTracepoints::of_kernel() {
  static std::optional<RawTracepoints> kernel;
  if (!kernel) {
    JT_TRY(kernel, read("/sys/kernel/btf/vmlinux"));
  }
  return &*kernel;
}

Result<RawTracepoints> RawTracepoints::read(const std::string& file) {
  libbpf_set_print([](libbpf_print_level, const char*, va_list) { return 0; });
  btf* types = btf__parse(file.c_str(), nullptr);
  if (types == nullptr) return std::unexpected(failed(file).error());
  return RawTracepoints(types);
}

// One pass: looking names up one by one goes over 160 000 types each time.
RawTracepoints::RawTracepoints(btf* types) : types_(types) {
  for (std::uint32_t id = 1; id < btf__type_cnt(types); ++id) {
    const btf_type* type = type_at(types, id);
    std::string_view name = name_at(types, type->name_off);
    const bool handler = btf_is_typedef(type) && name.starts_with(kHandler);
    const bool caller = btf_is_func(type) && name.starts_with(kCaller);
    if (!handler && !caller) continue;
    name.remove_prefix((handler ? kHandler : kCaller).size());
    Types& known = by_name_[std::string(name)];
    (handler ? known.handler : known.caller) = id;
  }
  std::erase_if(by_name_,
                [&](const auto& one) { return prototype(types, one.second.handler) == nullptr; });
}

// Ids of tracepoints end below.
event::Tracepoint RawTracepoints::tracepoint(const std::string& name, const Types& types) const {
  return {.id = event::kFirstRawId + types.handler,
          .category = std::string(event::kRawCategory),
          .name = name};
}

std::vector<event::Tracepoint> RawTracepoints::list(std::string_view glob) const {
  const std::string pattern(glob);
  std::vector<event::Tracepoint> found;
  for (const auto& [name, types] : by_name_) {
    if (::fnmatch(pattern.c_str(), name.c_str(), 0) == 0) found.push_back(tracepoint(name, types));
  }
  return found;
}

Result<std::vector<event::Tracepoint>> RawTracepoints::resolve(const std::string& name) const {
  const bool glob = is_glob(name);
  std::vector<event::Tracepoint> found;
  if (glob) {
    found = list(name);
  } else if (const auto one = by_name_.find(name); one != by_name_.end()) {
    found.push_back(tracepoint(one->first, one->second));
  }
  if (!found.empty()) return found;
  std::vector<std::string> names;
  for (const auto& [known, types] : by_name_) names.push_back(known);
  std::string letters = name;
  std::erase_if(letters, [](char c) { return std::string_view("*?[]").contains(c); });
  std::vector<std::string> near = near_names(letters, names);
  for (std::string& one : near) one.insert(0, "raw_tp:");
  std::string hint = did_you_mean(near);
  if (hint.empty()) hint = "jtrace list 'raw_tp:*' shows those of this kernel";
  return fail(Errc::Usage, "no such raw tracepoint '" + printable(name) + "'", std::move(hint));
}

Result<UniqueFd> attach_raw_tracepoint(const std::string& name, int program, std::uint64_t cookie) {
  // What BPF_RAW_TRACEPOINT_OPEN takes; older headers have no cookie in it.
  struct {
    std::uint64_t name;
    std::uint32_t program, pad;
    std::uint64_t cookie;
  } open{reinterpret_cast<std::uint64_t>(name.c_str()), static_cast<std::uint32_t>(program), 0,
         cookie};
  UniqueFd link(static_cast<int>(::syscall(SYS_bpf, BPF_RAW_TRACEPOINT_OPEN, &open, sizeof(open))));
  if (link.valid()) return link;
  const std::string what = "attach to raw tracepoint " + name;
  if (errno == EPERM || errno == EACCES) {
    return refused(what, errno, {Capability::Perfmon}, "bpf");
  }
  return fail(Errc::Internal, errno_text(what, errno));
}

void RawTracepoints::add_argument(event::Format& format, std::string name,
                                  std::uint32_t type) const {
  const btf* types = types_.get();
  const btf_type* is = bare(types, type);
  const auto at = static_cast<std::uint32_t>(format.fields.size() + format.skipped);
  event::Field field{.type = type_text(types, type),
                     .name = std::move(name),
                     .offset = at * kArgumentBytes,
                     .size = kArgumentBytes};
  if (is == nullptr) {
    ++format.skipped;
    return;
  }
  if (btf_is_ptr(is)) {
    const btf_type* to = bare(types, is->type);
    const bool text = to != nullptr && btf_is_int(to) && name_at(types, to->name_off) == "char";
    // However it is spelt: what leads to a string is one.
    if (text) field.type = "const char *";
    field.shape = event::Field::Shape::Pointer;
  } else if (btf_is_int(is)) {
    field.size = is->size;
    field.is_signed = (btf_int_encoding(is) & BTF_INT_SIGNED) != 0;
  } else if (btf_is_any_enum(is)) {
    field.size = is->size;
    field.is_signed = btf_kflag(is);
    format.print.dictionaries.push_back(words_of(types, is, field.name));
  } else {
    ++format.skipped;
    return;
  }
  if (field.size > kArgumentBytes) {
    ++format.skipped;
    return;
  }
  format.fields.push_back(std::move(field));
}

event::Format RawTracepoints::format(const event::Tracepoint& tracepoint) const {
  event::Format format{.name = tracepoint.name, .id = tracepoint.id, .fields = {}};
  const auto found = by_name_.find(tracepoint.name);
  if (found == by_name_.end()) return format;
  const btf* types = types_.get();
  const btf_type* handler = prototype(types, found->second.handler);
  const btf_type* caller = prototype(types, found->second.caller);
  // The first is the tracepoint's own `void *__data`.
  for (std::uint32_t i = 1; i < btf_vlen(handler); ++i) {
    std::string name;
    if (caller != nullptr && btf_vlen(caller) == btf_vlen(handler)) {
      name = name_at(types, btf_params(caller)[i].name_off);
    }
    if (name.empty()) name = "arg" + std::to_string(i);
    add_argument(format, std::move(name), btf_params(handler)[i].type);
  }
  return format;
}

}  // namespace jtrace::capture
