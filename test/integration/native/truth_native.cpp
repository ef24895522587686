// SPDX-License-Identifier: Apache-2.0
// Ground truth for native stacks, compiled without frame pointers:
//
//   truth_native COUNT LATE_LIBRARY
//
// Prints "ready", waits for one byte on standard input, performs COUNT openat calls along each path
// (the shared one: on each of four threads), prints one line per path and exits:
//
//   PATH <marker frame> <opens> <frames, leaf first, ';' between>
//
// The marker is the path's outermost function: a stack that has it belongs to the path.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <alloca.h>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "integration/native/chain.h"

namespace truth {

TRUTH_FRAME void open_once() { close(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC)); }

// A method, so that a C++ name has to be demangled.
class Walker {
 public:
  TRUTH_FRAME void step(int left) {
    if (left > 0) {
      step(left - 1);
    } else {
      open_once();
    }
  }
};

}  // namespace truth

extern "C" {

TRUTH_FRAME void plain_middle() { truth::open_once(); }

TRUTH_FRAME void plain_path() { plain_middle(); }

// syscall() instead of openat(): another leaf, without libc's cancellation code around it.
TRUTH_FRAME void raw_path() {
  close(static_cast<int>(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC)));
}

// A frame of variable size: its CFA is found from rbp even here.
TRUTH_FRAME void vla_path() {
  static volatile std::size_t size = 100;
  size = size % 1000 + 100;
  auto* bytes = static_cast<char*>(alloca(size));
  std::memset(bytes, 1, size);
  truth::open_once();
  asm volatile("" : : "r"(bytes) : "memory");
}

// A realigned frame: compilers describe its CFA by an expression through memory.
TRUTH_FRAME void realigned_path() {
  alignas(64) std::array<char, 256> bytes;
  bytes.fill(1);
  auto* more = static_cast<char*>(alloca(static_cast<std::size_t>(bytes[0]) * 64));
  more[0] = 1;
  truth::open_once();
  asm volatile("" : : "r"(bytes.data()), "r"(more) : "memory");
}

TRUTH_FRAME void signal_handler(int) { truth::open_once(); }

// The open is made by a signal handler on top of this function.
TRUTH_FRAME void signal_path() { std::raise(SIGUSR1); }

TRUTH_FRAME int compare(const void* a, const void* b) {
  if (a != b) truth::open_once();
  return 0;
}

// libc between two of our frames.
TRUTH_FRAME void qsort_path() {
  std::array<int, 2> pair{1, 2};
  std::qsort(pair.data(), pair.size(), sizeof(int), compare);  // two elements: compared once
}

TRUTH_FRAME void deep_path() {
  truth::Walker walker;
  walker.step(199);
}

TRUTH_FRAME void very_deep_path() {
  truth::Walker walker;
  walker.step(999);
}

TRUTH_FRAME void shared_path() { truth::open_once(); }

TRUTH_FRAME void main_path() { truth::open_once(); }

TRUTH_FRAME void called_back() { truth::open_once(); }

TRUTH_FRAME void* dlopen_path(const char* file) { return dlopen(file, RTLD_NOW | RTLD_LOCAL); }

}  // extern "C"

namespace {

struct Path {
  const char* frames;  // leaf first; the last is the marker
  void (*function)();
};

std::string repeat(const char* frame, int times, const char* end) {
  std::string text = "truth::open_once*;";
  for (int i = 0; i < times; ++i) text.append(frame).append(";");
  return text + end;
}

// Two lots of equal size for two threads.
const std::array<Path, 4> kFirst{{{"truth::open_once*;plain_middle;plain_path", plain_path},
                                  {"raw_path", raw_path},
                                  {"truth::open_once*;vla_path", vla_path},
                                  {"truth::open_once*;realigned_path", realigned_path}}};
const std::array<Path, 3> kSecond{{{"truth::open_once*;signal_handler;*;signal_path", signal_path},
                                   {"truth::open_once*;compare;*;qsort_path", qsort_path},
                                   {"linked_open;linked_middle;linked_path", linked_path}}};

void print(const std::string& frames, int count) {
  const auto at = frames.rfind(';');
  const std::string marker = at == std::string::npos ? frames : frames.substr(at + 1);
  std::printf("PATH %s %d %s\n", marker.c_str(), count, frames.c_str());
}

// Opens at path names like "shared_path" on one of the threads.
void work(int thread, int count) {
  for (int i = 0; i < count; ++i) {
    shared_path();
    if (thread == 0) {
      for (const Path& path : kFirst) path.function();
    } else if (thread == 1) {
      for (const Path& path : kSecond) path.function();
    } else {
      (thread == 2 ? deep_path : very_deep_path)();
    }
  }
}

struct Late {
  decltype(&late_path) path;
  decltype(&late_back_path) back_path;
};

Late load(const char* file) {
  void* library = dlopen_path(file);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    std::exit(1);
  }
  return {reinterpret_cast<decltype(&late_path)>(dlsym(library, "late_path")),
          reinterpret_cast<decltype(&late_back_path)>(dlsym(library, "late_back_path"))};
}

void report(int count) {
  for (const Path& path : kFirst) print(path.frames, count);
  for (const Path& path : kSecond) print(path.frames, count);
  print(repeat("truth::Walker::step*", 200, "deep_path"), count);
  print(repeat("truth::Walker::step*", 1000, "very_deep_path"), count);
  print("truth::open_once*;shared_path", 4 * count);
  print("truth::open_once*;main_path", count);
  print("late_open;late_middle;late_path", count);
  print("truth::open_once*;called_back;late_back;late_back_path", count);
  print("*;dlopen_path", 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int count = std::atoi(argv[1]);
  if (std::signal(SIGUSR1, signal_handler) == SIG_ERR) return 1;
  std::fputs("ready\n", stdout);
  std::fflush(stdout);
  if (std::getchar() == EOF) return 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) threads.emplace_back(work, t, count);
  for (int i = 0; i < count; ++i) main_path();
  const Late late = load(argv[2]);
  for (int i = 0; i < count; ++i) {
    late.path();
    late.back_path(called_back);
  }
  for (std::thread& thread : threads) thread.join();
  report(count);
  // What a process maps in its last milliseconds nobody can read any more (README, limits).
  constexpr useconds_t kSeen = 500'000;
  usleep(kSeen);
  return 0;
}
