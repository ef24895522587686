// SPDX-License-Identifier: Apache-2.0
// known_values DIRECTORY: prints "ready", waits for a byte, makes a known set of system calls in
// known functions, which values_test.cpp knows by their number, and ends. Prints "NAME NANOSECONDS"
// of what it timed itself.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

#define KNOWN [[gnu::noinline, gnu::noclone]]

void expect(bool right) {
  if (!right) std::abort();
}

// Kept from being a tail call, so that the caller is on the stack.
int kept(int fd) {
  asm volatile("" : "+r"(fd));
  return fd;
}

KNOWN int open_alpha(const char* path, int flags) { return kept(open(path, flags, 0640)); }
KNOWN int open_beta(const char* path, int flags) { return kept(open(path, flags, 0640)); }

void opens(int times, int (*by)(const char*, int), const std::string& path, int flags, int error) {
  for (int i = 0; i < times; ++i) {
    const int fd = by(path.c_str(), flags);
    expect(error == 0 ? fd >= 0 : fd < 0 && errno == error);
    if (fd >= 0) expect(close(fd) == 0);
  }
}

KNOWN ssize_t write_bytes(int fd, std::size_t bytes) {
  static std::array<char, 65536> buffer;
  ssize_t n = write(fd, buffer.data(), bytes);
  asm volatile("" : "+r"(n));
  return n;
}

std::uint64_t now() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// As the program sees it: the call, and the way there and back.
KNOWN std::uint64_t sleep_for(long milliseconds) {
  const timespec time{.tv_sec = 0, .tv_nsec = milliseconds * 1'000'000};
  const std::uint64_t begin = now();
  expect(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr) == 0);
  return now() - begin;
}

// None of them waits for anybody: the word is not 1, and nobody is to be woken.
KNOWN void wait_on(std::uint32_t& word, int op) {
  expect(syscall(SYS_futex, &word, op, 1, nullptr, nullptr, ~0U) < 0 && errno == EAGAIN);
  asm volatile("");
}
KNOWN void wake_on(std::uint32_t& word, int op) {
  expect(syscall(SYS_futex, &word, op, 1, nullptr, nullptr, ~0U) == 0);
  asm volatile("");
}

void futexes() {
  std::uint32_t word = 0;
  for (int i = 0; i < 5; ++i) wait_on(word, FUTEX_WAIT);
  for (int i = 0; i < 4; ++i) {
    wait_on(word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  }
  for (int i = 0; i < 7; ++i) wake_on(word, FUTEX_WAKE_PRIVATE);
  for (int i = 0; i < 2; ++i) wake_on(word, FUTEX_WAKE_BITSET);
}

KNOWN void make_directory(const char* path) {
  expect(mkdir(path, 0700) < 0 && errno == EPERM);
  asm volatile("");
}

// From here on mkdir is refused before the kernel looks at it.
void refuse_mkdir() {
  const sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = 4, .filter = const_cast<sock_filter*>(code)};
  expect(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  expect(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string file = std::string(argv[1]) + "/file";
  std::array<int, 2> pipe_ends{};
  expect(pipe(pipe_ends.data()) == 0);
  // Is in a call when the trace begins, and ends it first thing.
  std::thread waits([&] {
    char byte = 0;
    expect(read(pipe_ends[0], &byte, 1) == 1);
  });
  const int null = open("/dev/null", O_WRONLY);
  // A path that no one has read before: not resident.
  const int source = open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
  expect(null >= 0 && source >= 0 && write(source, "/etc/group", 11) == 11 && fsync(source) == 0);
  const auto* cold =
      static_cast<const char*>(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, source, 0));
  expect(cold != MAP_FAILED);

  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  expect(write(pipe_ends[1], "x", 1) == 1);
  waits.join();

  opens(40, open_alpha, "/etc/passwd", O_RDONLY, 0);
  opens(30, open_beta, "/etc/passwd", O_RDONLY | O_CLOEXEC, 0);
  opens(20, open_beta, "/no/such;file", O_RDONLY, ENOENT);
  opens(10, open_alpha, file, O_RDWR | O_CREAT | O_APPEND, 0);
  opens(1, open_alpha, cold, O_RDONLY, 0);
  const int bad = open_alpha(reinterpret_cast<const char*>(8), O_RDONLY);
  expect(bad < 0 && errno == EFAULT);

  for (int i = 0; i < 25; ++i) expect(write_bytes(null, 1000) == 1000);
  for (int i = 0; i < 5; ++i) expect(write_bytes(null, 65536) == 65536);
  for (int i = 0; i < 15; ++i) expect(write_bytes(-1, 77) < 0 && errno == EBADF);

  std::uint64_t slept = 0;
  // Three, and those that the machine made so long.
  int slow = 0;
  constexpr std::uint64_t kSlow = 15'000'000;
  for (int i = 0; i < 11; ++i) {
    const std::uint64_t took = sleep_for(i < 8 ? 2 : 20);
    slept += took;
    slow += took >= kSlow ? 1 : 0;
  }

  futexes();

  for (int i = 0; i < 6; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    expect(child > 0 && waitpid(child, nullptr, 0) == child);
  }

  refuse_mkdir();
  for (int i = 0; i < 9; ++i) make_directory("/refused");

  // Is in a call when the process ends.
  std::thread([&] { expect(read(pipe_ends[0], &byte, 1) == 1); }).detach();
  // A slow call of its own, and time for the thread to be in its call.
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::printf("slept %llu\nslow %d\n", static_cast<unsigned long long>(slept), slow);
  std::fflush(stdout);
  _exit(0);
}
