// SPDX-License-Identifier: Apache-2.0
#include "capture/kernel_types.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <elf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/file.h"
#include "capture/object.h"
#include "capture/verifier_log.h"

namespace jtrace::capture {
namespace {

constexpr std::array<char, 8> kMagic{'j', 't', 'k', 't', 'y', 'p', 'e', 's'};
constexpr std::uint32_t kVersion = 3;
// A hundred times what there is today.
constexpr std::uint32_t kMostBytes = 16U << 20;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint32_t function_bytes = 0;
  std::uint64_t relevant_bytes = 0;
  std::uint64_t checksum = 0;  // of all else
};
static_assert(std::has_unique_object_representations_v<Header>, "padding has no checksum");

std::uint64_t checksum(Header header, std::span<const std::byte> rest) {
  header.checksum = 0;
  return XXH3_64bits_withSeed(rest.data(), rest.size(), XXH3_64bits(&header, sizeof header));
}

// Of one build of the kernel and one of ours; empty: not to be kept.
std::string key_of_kernel() {
  constexpr std::size_t kMostNotes = 1U << 20;
  const auto notes = read_file("/sys/kernel/notes", kMostNotes);
  const std::string kernel = notes ? build_id_in_notes(*notes) : std::string();
  if (kernel.empty()) return kernel;
  const auto object = object_bytes();
  return kernel + fmt::format("{:016x}", XXH3_64bits(object.data(), object.size()));
}

TypeNames names_for_object() {
  const LogCapture quiet;
  const auto bytes = object_bytes();
  const std::unique_ptr<bpf_object, decltype(&bpf_object__close)> object(
      bpf_object__open_mem(bytes.data(), bytes.size(), nullptr), bpf_object__close);
  const btf* types = object ? bpf_object__btf(object.get()) : nullptr;
  return types ? relocated_names(bytes, *types) : TypeNames();
}

}  // namespace

std::string build_id_in_notes(std::string_view notes) {
  constexpr std::size_t kMostBytesOfId = 32;
  const auto padded = [](std::size_t bytes) { return (bytes + 3) / 4 * 4; };
  Elf64_Nhdr note{};
  while (notes.size() >= sizeof note) {
    std::memcpy(&note, notes.data(), sizeof note);
    notes.remove_prefix(sizeof note);
    const std::size_t name = padded(note.n_namesz), descriptor = padded(note.n_descsz);
    if (name > notes.size() || descriptor > notes.size() - name) return {};
    const std::string_view owner = notes.substr(0, note.n_namesz);
    const std::string_view id = notes.substr(name, note.n_descsz);
    notes.remove_prefix(name + descriptor);
    if (note.n_type != NT_GNU_BUILD_ID || owner != std::string_view("GNU\0", 4)) continue;
    if (id.empty() || id.size() > kMostBytesOfId) return {};
    std::string text;
    for (const char c : id) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text;
  }
  return {};
}

Result<KernelTypes> KernelTypes::read(const std::string& file, const TypeNames& names) {
  const LogCapture quiet;
  const std::unique_ptr<btf, decltype(&btf__free)> types(btf__parse(file.c_str(), nullptr),
                                                         btf__free);
  if (!types) {
    return fail(Errc::Environment, errno_text("read the kernel's types: " + file, errno),
                "boot a kernel with CONFIG_DEBUG_INFO_BTF=y, as distributions' are (doctor: btf)");
  }
  KernelTypes kernel;
  kernel.functions_ = CallFunctions::of(*types);
  kernel.relevant_ = relevant_types(*types, names);
  return kernel;
}

UniqueFd KernelTypes::open_relevant() const {
  if (relevant_.empty()) return UniqueFd();
  UniqueFd file(::memfd_create("kernel-types", MFD_CLOEXEC));
  if (file.valid() && !write_exactly(file.get(), relevant_)) file.reset();
  return file;
}

std::vector<std::byte> KernelTypes::to_bytes() const {
  const std::string functions = functions_.to_text();
  Header header;
  header.function_bytes = static_cast<std::uint32_t>(functions.size());
  header.relevant_bytes = relevant_.size();
  std::vector<std::byte> bytes(sizeof header + functions.size() + relevant_.size());
  const auto rest = std::span(bytes).subspan(sizeof header);
  std::ranges::copy(std::as_bytes(std::span(functions)), rest.begin());
  std::ranges::copy(relevant_, rest.subspan(functions.size()).begin());
  header.checksum = checksum(header, rest);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

std::optional<KernelTypes> KernelTypes::from_bytes(std::span<const std::byte> bytes) {
  Header header;
  if (bytes.size() < sizeof header || bytes.size() > kMostBytes) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  const auto rest = bytes.subspan(sizeof header);
  if (header.magic != kMagic || header.version != kVersion || header.function_bytes > rest.size() ||
      header.relevant_bytes != rest.size() - header.function_bytes ||
      checksum(header, rest) != header.checksum) {
    return std::nullopt;
  }
  const auto text = rest.first(header.function_bytes);
  const auto relevant = rest.subspan(header.function_bytes);
  KernelTypes kernel;
  kernel.functions_ = CallFunctions::of_text(
      {reinterpret_cast<const char*>(text.data()), text.size()});  // NOLINT(*-reinterpret-cast)
  kernel.relevant_.assign(relevant.begin(), relevant.end());
  return kernel;
}

std::optional<KernelTypes> KernelTypes::load(const CacheFolder& cache, const std::string& key) {
  const auto file = cache.open(key);
  if (!file || file->bytes > kMostBytes) return std::nullopt;
  std::vector<std::byte> bytes(file->bytes);
  return read_exactly(file->fd.get(), bytes) ? from_bytes(bytes) : std::nullopt;
}

Result<KernelTypes> KernelTypes::read_kernel() {
  return read("/sys/kernel/btf/vmlinux", names_for_object());
}

Result<const KernelTypes*> KernelTypes::of_kernel() {
  static std::optional<KernelTypes> kernel;
  if (kernel) return &*kernel;
  const CacheFolder cache(CacheFolder::default_directory());
  const std::string key = key_of_kernel();
  kernel = load(cache, key);
  if (kernel) return &*kernel;
  JT_TRY(kernel, read_kernel());
  const auto bytes = kernel->to_bytes();
  const std::array parts{std::span<const std::byte>(bytes)};
  cache.replace(key, parts);
  return &*kernel;
}

}  // namespace jtrace::capture
