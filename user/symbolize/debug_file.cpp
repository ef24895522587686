// SPDX-License-Identifier: Apache-2.0
#include "symbolize/debug_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <lzma.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace jtrace::symbolize {
namespace {

constexpr std::size_t kMaxBuildId = 64;              // the linkers write 8 to 32 bytes
constexpr std::uint64_t kMaxDebugFile = 4ULL << 30;  // to be read whole for its CRC
constexpr std::uint64_t kXzMemory = 128ULL << 20;    // xz -9 asks for 65 MiB
constexpr std::string_view kDebugDirectory = "usr/lib/debug";

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::optional<std::uint32_t> file_crc(int fd) {
  std::vector<Bytef> chunk(256UL * 1024);
  uLong crc = crc32(0, nullptr, 0);
  for (std::uint64_t total = 0; total <= kMaxDebugFile;) {
    const ssize_t n = ::pread(fd, chunk.data(), chunk.size(), static_cast<off_t>(total));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) return static_cast<std::uint32_t>(crc);
    crc = crc32(crc, chunk.data(), static_cast<uInt>(n));
    total += static_cast<std::uint64_t>(n);
  }
  return std::nullopt;
}

std::optional<DebugLink> parse_debug_link(std::span<const std::uint8_t> section) {
  // A name, NUL-padded to a multiple of 4, and the CRC in the file's byte order: the host's, for
  // only files that a process here has mapped are read.
  const auto nul = std::ranges::find(section, std::uint8_t{0});
  const auto length = static_cast<std::size_t>(nul - section.begin());
  const std::size_t crc_at = (length / 4 + 1) * 4;
  DebugLink link;
  if (length == 0 || length > NAME_MAX || section.size() < crc_at + sizeof link.crc) {
    return std::nullopt;
  }
  link.name.assign(section.begin(), nul);
  std::memcpy(&link.crc, section.data() + crc_at, sizeof link.crc);
  if (link.name.find('/') != std::string::npos || link.name == "." || link.name == "..") {
    return std::nullopt;
  }
  return link;
}

DebugRoot::DebugRoot(const std::string& root)
    : root_(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

// Opens without following links out of the root and, for a device must not notice us, looks at what
// it is before opening it for reading.
UniqueFd DebugRoot::open(const std::string& path) const {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long opened = ::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how);
  const UniqueFd handle(static_cast<int>(opened));
  struct stat info = {};
  if (!handle.valid() || ::fstat(handle.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const std::string again = "/proc/self/fd/" + std::to_string(handle.get());
  return UniqueFd(::open(again.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

std::string debug_path(std::string_view build_id_text) {
  if (build_id_text.size() < 4 || build_id_text.size() > 2 * kMaxBuildId) return {};
  const std::string text(build_id_text);
  return std::string(kDebugDirectory) + "/.build-id/" + text.substr(0, 2) + "/" + text.substr(2) +
         ".debug";
}

std::vector<std::string> debug_paths(const DebugWanted& wanted, const std::string& path) {
  std::vector<std::string> paths;
  if (std::string by_id = debug_path(hex(wanted.build_id)); !by_id.empty()) {
    paths.push_back(std::move(by_id));
  }
  if (wanted.link) {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    paths.push_back(directory + wanted.link->name);
    paths.push_back(directory + ".debug/" + wanted.link->name);
    paths.push_back(std::string(kDebugDirectory) + "/" + directory + wanted.link->name);
  }
  return paths;
}

std::optional<std::vector<char>> decompress_xz(std::span<const std::uint8_t> input,
                                               std::size_t limit) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kXzMemory, LZMA_CONCATENATED) != LZMA_OK) return std::nullopt;
  stream.next_in = input.data();
  stream.avail_in = input.size();
  std::vector<char> output;
  std::vector<std::uint8_t> chunk(256UL * 1024);
  lzma_ret status = LZMA_OK;
  while (status == LZMA_OK && output.size() <= limit) {
    stream.next_out = chunk.data();
    stream.avail_out = chunk.size();
    status = lzma_code(&stream, LZMA_FINISH);
    output.insert(output.end(), chunk.data(), stream.next_out);
  }
  lzma_end(&stream);
  if (status != LZMA_STREAM_END || output.size() > limit) return std::nullopt;
  return output;
}

}  // namespace jtrace::symbolize
