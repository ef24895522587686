// SPDX-License-Identifier: Apache-2.0
// truth_family CHILDREN GRANDCHILDREN OPENS [now]: prints "ready" and waits for a byte, unless
// "now"; then opens files from functions that say which generation they are of, in as many forked
// children and their children. Each child executes truth_family once more as well, as `truth_family
// leaf OPENS`.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

void open_files(int times) {
  for (int i = 0; i < times; ++i) {
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0) std::abort();
    close(fd);
  }
}

}  // namespace

extern "C" {
[[gnu::noinline]] void parent_opens(int times) { open_files(times); }
[[gnu::noinline]] void child_opens(int times) { open_files(times); }
[[gnu::noinline]] void grandchild_opens(int times) { open_files(times); }
[[gnu::noinline]] void executed_opens(int times) { open_files(times); }
}

namespace {

void wait_for_all() {
  int status = 0;
  while (wait(&status) > 0) {
    if (status != 0) std::abort();
  }
}

template <class Work>
void in_child(Work work) {
  const pid_t pid = fork();
  if (pid < 0) std::abort();
  if (pid > 0) return;
  work();
  _exit(0);
}

void be_child(int grandchildren, int times, const char* self, const char* times_text) {
  child_opens(times);
  for (int i = 0; i < grandchildren; ++i) in_child([&] { grandchild_opens(times); });
  in_child([&] {
    execl(self, self, "leaf", times_text, nullptr);
    std::abort();
  });
  wait_for_all();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "leaf") == 0) {
    executed_opens(std::atoi(argv[2]));
    return 0;
  }
  if (argc < 4) return 2;
  if (argc == 4) {
    std::puts("ready");
    std::fflush(stdout);
    char byte = 0;
    if (read(STDIN_FILENO, &byte, 1) != 1) return 1;
  }
  const int times = std::atoi(argv[3]);
  parent_opens(times);
  for (int i = 0; i < std::atoi(argv[1]); ++i) {
    in_child([&] { be_child(std::atoi(argv[2]), times, argv[0], argv[3]); });
  }
  wait_for_all();
  return 0;
}
