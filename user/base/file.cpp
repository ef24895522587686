// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/unique_fd.h"

namespace jtrace {

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) return fail(Errc::Environment, errno_text("read " + path.string(), errno));
  return read_open_file(fd.get(), path.string(), limit);
}

Result<std::string> read_open_file(int fd, const std::string& name, std::size_t limit) {
  std::string text;
  std::array<char, 64 * 1024> chunk;
  for (;;) {
    const ssize_t n = ::read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Errc::Environment, errno_text("read " + name, errno));
    if (n == 0) return text;
    if (text.size() + static_cast<std::size_t>(n) > limit) {
      return fail(Errc::Environment,
                  "read " + name + ": larger than " + std::to_string(limit) + " bytes");
    }
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace jtrace
