// SPDX-License-Identifier: Apache-2.0
#include "session/native_symbols.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

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

using Symbols = std::unique_ptr<symbolize::ElfSymbols>;

Symbols held(Result<symbolize::ElfSymbols> read) {
  return read ? std::make_unique<symbolize::ElfSymbols>(std::move(*read)) : nullptr;
}

}  // namespace

bool NativeSymbols::put(Symbols symbols, File& file) {
  const std::size_t bytes = symbols ? symbols->bytes() : 0;
  if (bytes_ + bytes > max_bytes_) return false;
  bytes_ += bytes;
  file.symbols = std::move(symbols);
  file.awaited = 0;
  return true;
}

// Where much is in use others would be read for nothing: how much a file has is not known before.
// Else it is this one that is too large, and stays without.
void NativeSymbols::leave_out(std::map<const unwind::Binary*, File>::iterator file,
                              const std::string& path) {
  constexpr std::size_t kMostSaid = 64;
  if (excess() > 0) {
    files_.erase(file);
    full_ = true;
  } else {
    file->second.awaited = 0;
    file->second.left_out = true;
  }
  if (said_.size() < kMostSaid && said_.insert(path).second) left_out_.push_back(path);
}

void NativeSymbols::begin(pid_t tgid, const unwind::MappedImage& image, File& file) {
  const unwind::Binary& binary = *image.binary;
  const std::string& path = image.entry.path;
  // Ours, so nothing hostile is in it.
  if (path == "[vdso]") {
    const auto fd = vdso_file();
    auto symbols = fd ? symbolize::ElfSymbols::load(fd->get(), path) : std::unexpected(fd.error());
    (void)put(held(std::move(symbols)), file);
    return;
  }
  // Found while its process is there.
  UniqueFd fd = binary.file.valid()
                    ? UniqueFd(::fcntl(binary.file.get(), F_DUPFD_CLOEXEC, 0))
                    : process::find_mapped_file(tgid, image.entry).value_or(UniqueFd());
  if (!fd.valid()) return;
  if (!worker_) {
    worker_.emplace([this](Order order) {
      auto read =
          reader_.symbols(order.tgid, order.file.get(), order.path, order.build_id, order.room);
      const bool too_large = !read && read.error().code == Errc::Lossy;
      return Done{.binary = order.binary,
                  .serial = order.serial,
                  .symbols = held(std::move(read)),
                  .too_large = too_large,
                  .path = order.path};
    });
  }
  file.awaited = binary.serial;
  worker_->give({.binary = &binary,
                 .serial = binary.serial,
                 .tgid = tgid,
                 .file = std::move(fd),
                 .path = path,
                 .build_id = binary.build_id,
                 .room = std::max<std::size_t>(1, max_bytes_ - bytes_)});
}

bool NativeSymbols::settle(std::optional<Done> done) {
  if (!done) return false;
  ++settled_;
  const auto file = files_.find(done->binary);
  if (file == files_.end() || file->second.awaited != done->serial) return true;
  if (done->too_large || !put(std::move(done->symbols), file->second)) {
    leave_out(file, done->path);
  }
  return true;
}

bool NativeSymbols::is_busy() const { return worker_ && worker_->waiting() >= kMostAwaited; }

bool NativeSymbols::is_ready(pid_t tgid, const unwind::MappedImage& image) {
  const auto known = files_.find(image.binary);
  if (known != files_.end() && known->second.awaited == 0) return true;
  while (worker_ && settle(worker_->take())) {
  }
  if (!files_.contains(image.binary) && is_busy()) return false;
  return file_of(tgid, image).awaited == 0;
}

std::uint64_t NativeSymbols::progress() {
  while (worker_ && settle(worker_->take())) {
  }
  return settled_;
}

void NativeSymbols::wait() {
  while (worker_ && settle(worker_->take_last())) {
  }
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
  full_ = false;
}

NativeSymbols::File& NativeSymbols::file_of(pid_t tgid, const unwind::MappedImage& image) {
  if (full_ && !files_.contains(image.binary)) return no_room_;
  const auto [it, fresh] = files_.try_emplace(image.binary);
  if (fresh && image.binary) begin(tgid, image, it->second);
  return it->second;
}

profile::LocationId NativeSymbols::locate(pid_t tgid, const unwind::MappedImage& image,
                                          std::uint64_t elf_addr, bool exact,
                                          profile::SymbolTable& symbols) {
  while (!files_.contains(image.binary) && is_busy() && settle(worker_->take_last())) {
  }
  while (file_of(tgid, image).awaited != 0 && settle(worker_->take_last())) {
  }
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
    location.reason =
        entry.inode == 0 || file.left_out ? UnknownReason::NoSymbols : UnknownReason::FileGone;
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
