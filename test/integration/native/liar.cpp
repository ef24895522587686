// SPDX-License-Identifier: Apache-2.0
// A process that lies to whoever reads it:
//
//   truth_liar LIE RECORDED LIBRARY DIRECTORY
//
// Prints "ready", waits for one byte, then lies and opens files until it is killed. LIE is one of
// liar_jvm.h, or:
//   threads  a thread every millisecond, each with another hostile name
//   maps     libraries with hostile names that come and go at full speed, copies of LIBRARY
//   exec     it replaces itself over and over
//   deep     recursion deeper than a walk goes
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include "integration/native/chain.h"
#include "integration/native/liar_jvm.h"

namespace {

// What stands in names: markup, a line break, what a terminal obeys, what parts frames and counts.
constexpr const char* kEvil = "<b>\n\x1b[31m;7 ";

TRUTH_FRAME void open_one() { close(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

// Its name in the symbol table is no better.
TRUTH_FRAME void evil_name() __asm__("\"evil<script>;\033[31m 9 \"");
void evil_name() { open_one(); }

int left = 0;
TRUTH_FRAME void go_deep() {
  if (left-- > 0) {
    truth::call_from_heap(go_deep);
  } else {
    evil_name();
  }
}

void open_deep(int depth) {
  left = depth;
  go_deep();
}

[[noreturn]] void lie_as_jvm() {
  for (;;) {
    open_deep(1);
    open_deep(30);
    truth::call_from_heap(open_one);
  }
}

[[noreturn]] void many_threads() {
  for (int i = 0;; ++i) {
    std::thread([i] {
      prctl(PR_SET_NAME, (std::to_string(i) + kEvil).c_str());
      evil_name();
    }).join();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

[[noreturn]] void many_maps(const char* library, const std::string& directory) {
  namespace fs = std::filesystem;
  for (unsigned i = 0;; ++i) {
    const fs::path file = fs::path(directory) / (kEvil + std::to_string(i % 64));
    // A new inode each time round, so that no table is known already.
    fs::remove(file);
    fs::copy_file(library, file);
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    void* at = mmap(nullptr, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    void* bare = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(bare, 4096, PROT_READ);
    evil_name();
    munmap(at, 8192);
    munmap(bare, 4096);
    close(fd);
  }
}

[[noreturn]] void exec_again(char** argv) {
  evil_name();
  execv("/proc/self/exe", argv);
  std::_Exit(1);
}

TRUTH_FRAME void recurse(int depth) {
  if (depth > 0) {
    recurse(depth - 1);
  } else {
    evil_name();
  }
}

[[noreturn]] void deep() {
  for (;;) recurse(3000);
}

[[noreturn]] void hops() {
  for (;;) truth::call_from_heap(evil_name, 3000);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string lie = argv[1];
  const bool again = lie == "exec" && std::getenv("TRUTH_LIAR_AGAIN") != nullptr;
  const bool jvm = lie != "threads" && lie != "maps" && lie != "exec" && lie != "deep";
  if (jvm) truth::tell_lies(lie, argv[2]);
  if (!again) {
    prctl(PR_SET_NAME, kEvil);
    std::fputs("ready\n", stdout);
    std::fflush(stdout);
    if (std::getchar() == EOF) return 0;
    setenv("TRUTH_LIAR_AGAIN", "1", 1);
  }
  if (lie == "threads") many_threads();
  if (lie == "maps") many_maps(argv[3], argv[4]);
  if (lie == "exec") exec_again(argv);
  if (lie == "deep") deep();
  if (lie == "hops") hops();
  lie_as_jvm();
}
