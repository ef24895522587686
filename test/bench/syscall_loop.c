// SPDX-License-Identifier: Apache-2.0
/*
 * syscall_loop COUNT: CPU nanoseconds of one getppid, one open and close, one mmap and munmap, each
 * COUNT times; one line.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void get_parent(void) {
  /* glibc may keep the answer of getppid(). */
  syscall(SYS_getppid);
}

static void open_close(void) {
  int fd = open("/etc/hostname", O_RDONLY);

  if (fd < 0) exit(1);
  close(fd);
}

static void map_unmap(void) {
  void* at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (at == MAP_FAILED) exit(1);
  munmap(at, 4096);
}

static double cpu_ns(void) {
  struct timespec now;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static double ns_per_call(void (*call)(void), long count) {
  double start;
  long i;

  for (i = 0; i < count / 10; i++) call();
  start = cpu_ns();
  for (i = 0; i < count; i++) call();
  return (cpu_ns() - start) / (double)count;
}

int main(int argc, char** argv) {
  const long count = argc == 2 ? atol(argv[1]) : 0;

  if (count <= 0) {
    fprintf(stderr, "usage: syscall_loop COUNT\n");
    return 2;
  }
  printf("%.2f %.2f %.2f\n", ns_per_call(get_parent, count), ns_per_call(open_close, count),
         ns_per_call(map_unmap, count));
  return 0;
}
