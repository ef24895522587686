// SPDX-License-Identifier: Apache-2.0
/*
 * deep_loop COUNT DEPTH: for each line of standard input, opens and closes a file COUNT times,
 * DEPTH calls below main, and prints the CPU nanoseconds of one; first of all a line that it is
 * ready. Compiled with frame pointers, and calls the kernel itself: in the C library they would be
 * lost.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#define NOINLINE __attribute__((noinline, noclone))

static volatile long sink;
/* Written, so that its page is there. */
static char path[] = "/etc/hostname";

static long call(long number, long a, long b, long c) {
  long result;

  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c)
                   : "rcx", "r11", "memory");
  return result;
}

NOINLINE static void open_close(void) {
  const long fd = call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC);

  if (fd < 0) exit(1);
  call(SYS_close, fd, 0, 0);
  sink++;
}

NOINLINE static void deeper(long levels) {
  if (levels > 0) {
    deeper(levels - 1);
  } else {
    open_close();
  }
  sink++;
}

static double cpu_ns(void) {
  struct timespec now;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

int main(int argc, char** argv) {
  const long count = argc == 3 ? atol(argv[1]) : 0;
  const long depth = argc == 3 ? atol(argv[2]) : 0;
  char line[64];
  double start;
  long i;

  if (count <= 0 || depth <= 0) {
    fprintf(stderr, "usage: deep_loop COUNT DEPTH\n");
    return 2;
  }
  path[0] = '/';
  setlinebuf(stdout);
  puts("ready");
  while (fgets(line, sizeof(line), stdin)) {
    for (i = 0; i < count / 10; i++) deeper(depth);
    start = cpu_ns();
    for (i = 0; i < count; i++) deeper(depth);
    printf("%.2f\n", (cpu_ns() - start) / (double)count);
  }
  return 0;
}
