// SPDX-License-Identifier: Apache-2.0
// known_leaks DIRECTORY [SECONDS]: prints "ready", waits for a byte, opens descriptors in known
// functions and closes some of them in every way there is, which leaks_test.cpp knows by number;
// stays for as long, executes itself once, and ends.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

#define KNOWN [[gnu::noinline, gnu::noclone]]

void expect(bool right) {
  if (!right) std::abort();
}

// Kept from being a tail call, so that the caller is on the stack.
int kept(int fd) {
  asm volatile("" : "+r"(fd));
  expect(fd >= 0);
  return fd;
}

KNOWN int leak_file(const std::string& path, int flags = 0) {
  return kept(open(path.c_str(), O_RDONLY | flags));
}
KNOWN int closed_file(const std::string& path) { return kept(open(path.c_str(), O_RDONLY)); }
KNOWN int leak_copy(int fd) { return kept(dup(fd)); }
KNOWN int leak_high_copy(int fd) { return kept(fcntl(fd, F_DUPFD_CLOEXEC, 100)); }
KNOWN int put_over(int fd, int over) { return kept(dup2(fd, over)); }
KNOWN int leak_socket() { return kept(socket(AF_UNIX, SOCK_STREAM, 0)); }
KNOWN std::array<int, 2> leak_pipe() {
  std::array<int, 2> ends{};
  kept(pipe(ends.data()));
  return ends;
}
KNOWN std::array<int, 2> leak_pair() {
  std::array<int, 2> ends{};
  kept(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()));
  return ends;
}

void work(const std::string& directory) {
  const std::string file = directory + "/file";
  const std::string other = directory + "/other";
  for (int i = 0; i < 100; ++i) expect(close(closed_file(file)) == 0);
  for (int i = 0; i < 7; ++i) leak_file(file);
  const int first = closed_file(file);
  const int last = closed_file(file);
  expect(last == first + 1 &&
         close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0) == 0);
  const int copied = closed_file(other);
  leak_copy(copied);  // it stays open, by another number
  leak_high_copy(copied);
  expect(close(copied) == 0);
  const int over = closed_file(file);
  const int source = closed_file(other);
  put_over(source, over);  // closes what was there
  expect(close(source) == 0);
  leak_socket();
  leak_pipe();
  expect(close(leak_pair()[0]) == 0);
  leak_file(other, O_CLOEXEC);
  // Calls that fail, and standard streams.
  expect(open((directory + "/none").c_str(), O_RDONLY) < 0);
  expect(dup2(STDERR_FILENO, STDOUT_FILENO) == STDOUT_FILENO);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) return 0;  // executed by itself
  if (argc != 3) return 2;
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  work(argv[1]);
  sleep(static_cast<unsigned>(std::atoi(argv[2])));
  execl("/proc/self/exe", argv[0], argv[1], static_cast<char*>(nullptr));
  return 1;
}
