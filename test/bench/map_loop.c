// SPDX-License-Identifier: Apache-2.0
/*
 * map_loop MAPPINGS DEPTH: maps its own code so often more, then opens and closes a file as fast as
 * it can, so many calls below main; prints "ops wall-ns cpu-ns" ten times a second.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static long long ns(clockid_t clock) {
  struct timespec now;

  clock_gettime(clock, &now);
  return 1000000000LL * now.tv_sec + now.tv_nsec;
}

static void open_close(void) {
  int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);

  if (fd < 0) exit(1);
  close(fd);
}

static int down(int depth) {
  volatile int got = 0; /* No compiler makes a loop of it. */

  if (depth <= 0)
    open_close();
  else
    got = down(depth - 1);
  return got + 1;
}

/* Mappings of one page each, with a rule of the unwind tables for what they hold. The kernel joins
   no two of them: none begins in the file where the one before it ends. */
static void map_code(long mappings) {
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  long i;

  if (fd < 0) exit(1);
  for (i = 0; i < mappings; i++)
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096) == MAP_FAILED) {
      perror("map_loop: mmap");
      exit(1);
    }
  close(fd);
}

int main(int argc, char** argv) {
  long long next = 0, ops = 0;
  int depth;

  if (argc != 3) {
    fprintf(stderr, "usage: map_loop MAPPINGS DEPTH\n");
    return 2;
  }
  depth = atoi(argv[2]);
  setlinebuf(stdout);
  map_code(atol(argv[1]));
  for (;;) {
    long long now;

    if (down(depth) != depth + 1) return 1;
    if (++ops % 64) continue;
    now = ns(CLOCK_MONOTONIC);
    if (now < next) continue;
    next = now + 100000000;
    printf("%lld %lld %lld\n", ops, now, ns(CLOCK_PROCESS_CPUTIME_ID));
  }
}
