// SPDX-License-Identifier: Apache-2.0
// known_calls DIRECTORY: prints "ready", waits for a byte, makes a known set of system calls, which
// filters_test.cpp knows by their number, and ends. Paths are where a program reads them: in memory
// that was written.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

void expect(bool right) {
  if (!right) std::abort();
}

void opens(int times, int directory, const std::string& path, int flags, int error = 0) {
  for (int i = 0; i < times; ++i) {
    const int fd = openat(directory, path.c_str(), flags, 0600);
    expect(error == 0 ? fd >= 0 : fd < 0 && errno == error);
    if (fd >= 0) expect(close(fd) == 0);
  }
}

void reads(int times, int fd, std::size_t bytes, ssize_t result) {
  static std::array<char, 65536> buffer;
  for (int i = 0; i < times; ++i) expect(read(fd, buffer.data(), bytes) == result);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string directory = argv[1];
  const int here = open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  const int zero = open("/dev/zero", O_RDONLY);
  const int null = open("/dev/null", O_RDONLY);
  expect(here >= 0 && zero >= 0 && null >= 0);
  const std::string long_path = "/proc/" + std::string(1100, '/') + "meminfo";
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;

  opens(50, AT_FDCWD, "/proc/meminfo", O_RDONLY);
  opens(20, AT_FDCWD, "/proc/stat", O_RDONLY | O_CLOEXEC);
  opens(30, AT_FDCWD, "/no/such/file", O_RDONLY, ENOENT);
  opens(7, here, "new", O_WRONLY | O_CREAT | O_TRUNC);
  opens(3, here, "new", O_RDWR | O_CREAT | O_EXCL, EEXIST);
  opens(5, -1, "any", O_RDWR, EBADF);
  opens(2, AT_FDCWD, long_path, O_RDONLY);

  reads(11, zero, 1, 1);
  reads(13, zero, 4096, 4096);
  reads(17, zero, 65536, 65536);
  reads(19, null, 100, 0);
  reads(23, -1, 10, -1);
  // The same number with its upper half set: to the kernel's record it is another one.
  for (int i = 0; i < 4; ++i) syscall(SYS_openat, -100L, "", 0L, 0L);
  return 0;
}
