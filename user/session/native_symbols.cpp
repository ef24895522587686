// SPDX-License-Identifier: Apache-2.0
#include "session/native_symbols.h"

#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace jtrace::session {
namespace {

using profile::FrameKind;
using profile::UnknownReason;

// The vDSO is in no file; ours is every process's.
Result<UniqueFd> vdso_file() {
  const std::uint64_t at = ::getauxval(AT_SYSINFO_EHDR);
  UniqueFd fd(::memfd_create("vdso", MFD_CLOEXEC));
  if (at == 0 || !fd.valid()) return fail(Errc::Internal, "no vDSO");
  // Two pages on x86-64; its section headers lie within.
  const auto* image = reinterpret_cast<const char*>(at);  // NOLINT(performance-no-int-to-ptr)
  const std::size_t bytes = 2 * static_cast<std::size_t>(::getpagesize());
  if (::write(fd.get(), image, bytes) != static_cast<ssize_t>(bytes)) {
    return fail(Errc::Internal, "copy the vDSO");
  }
  return fd;
}

}  // namespace

std::unique_ptr<symbolize::ElfSymbols> NativeSymbols::load(pid_t tgid,
                                                           const unwind::MappedImage& image) {
  const unwind::Binary& binary = *image.binary;
  const std::string& path = image.entry.path;
  const auto read = [&]() -> Result<symbolize::ElfSymbols> {
    // Ours, so nothing hostile is in it.
    if (path == "[vdso]") {
      JT_TRY(const auto fd, vdso_file());
      return symbolize::ElfSymbols::load(fd.get(), path);
    }
    if (binary.file.valid()) return reader_.symbols(tgid, binary.file.get(), path, binary.build_id);
    JT_TRY(const auto found, process::find_mapped_file(tgid, image.entry));
    return reader_.symbols(tgid, found.get(), path, binary.build_id);
  };
  auto symbols = read();
  if (!symbols) return nullptr;
  bytes_ += symbols->bytes();
  return std::make_unique<symbolize::ElfSymbols>(std::move(*symbols));
}

std::size_t NativeSymbols::excess() const { return bytes_ - std::min(bytes_, max_bytes_ / 2); }

std::size_t NativeSymbols::bytes_of(const unwind::Binary& binary) const {
  const auto file = files_.find(&binary);
  return file == files_.end() || !file->second.symbols ? 0 : file->second.symbols->bytes();
}

void NativeSymbols::forget(const unwind::Binary& binary) {
  const auto file = files_.find(&binary);
  if (file == files_.end()) return;
  if (file->second.symbols) bytes_ -= file->second.symbols->bytes();
  files_.erase(file);
}

const NativeSymbols::File& NativeSymbols::file_of(pid_t tgid, const unwind::MappedImage& image) {
  static const File kNone{};
  if (bytes_ >= max_bytes_ && !files_.contains(image.binary)) return kNone;
  const auto [it, fresh] = files_.try_emplace(image.binary);
  if (fresh && image.binary) it->second.symbols = load(tgid, image);
  return it->second;
}

profile::LocationId NativeSymbols::locate(pid_t tgid, const unwind::MappedImage& image,
                                          std::uint64_t elf_addr, bool exact,
                                          profile::SymbolTable& symbols) {
  const File& file = file_of(tgid, image);
  const auto& entry = image.entry;
  const profile::MappingId mapping = symbols.mapping(
      {.start = entry.start,
       .limit = entry.end,
       .offset = entry.offset,
       .filename = symbols.string(entry.path),
       .build_id = symbols.string(image.binary ? image.binary->build_id : std::string())});
  profile::Location location{.mapping = mapping, .address = elf_addr, .reason = {}, .lines = {}};
  if (!file.symbols) {
    location.reason = entry.inode == 0 ? UnknownReason::NoSymbols : UnknownReason::FileGone;
    return symbols.location(location);
  }
  const auto found = file.symbols->find(ElfAddr{exact ? elf_addr : elf_addr - 1});
  if (!found) {
    location.reason = UnknownReason::NoSymbols;
    return symbols.location(location);
  }
  const auto function = symbols.function(symbolize::demangle(found->name), found->name);
  location.lines.push_back({.function = function, .kind = FrameKind::Native});
  return symbols.location(location);
}

}  // namespace jtrace::session
