// SPDX-License-Identifier: Apache-2.0
// planted_bug address|undefined|leak|none: a child that is nobody, with streams that lead nowhere,
// does what a sanitizer reports; this process ends well.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <string_view>

namespace {

constexpr unsigned kNobody = 65534;

// In a function of its own, or the compiler sees it.
void release(const int* number) { delete number; }

void use_what_was_freed() {
  int* volatile number = new int(1);
  release(number);
  *number = 2;
}

void overflow() {
  volatile int number = INT_MAX;
  number = number + 1;
}

void lose_memory() {
  int* volatile number = new int(1);
  *number = 2;
  number = nullptr;
}

void misbehave(std::string_view bug) {
  if (bug == "address") use_what_was_freed();
  if (bug == "undefined") overflow();
  if (bug == "leak") lose_memory();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const pid_t child = fork();
  if (child < 0) return 1;
  if (child > 0) return waitpid(child, nullptr, 0) == child ? 0 : 1;
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {0, 1, 2}) dup2(null, fd);
  if (geteuid() == 0 && setresuid(kNobody, kNobody, kNobody) != 0) return 1;
  prctl(PR_SET_DUMPABLE, 1UL, 0UL, 0UL, 0UL);
  misbehave(argv[1]);
  return 0;
}
