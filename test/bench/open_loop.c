// SPDX-License-Identifier: Apache-2.0
/*
 * open_loop COUNT: for each line of standard input, opens and closes a file COUNT times and prints
 * the CPU nanoseconds of one; first of all a line that it is ready.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Written, so that its page is there. */
static char path[] = "/etc/hostname";

static void open_close(void) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);

  if (fd < 0) exit(1);
  close(fd);
}

static double cpu_ns(void) {
  struct timespec now;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

int main(int argc, char** argv) {
  const long count = argc == 2 ? atol(argv[1]) : 0;
  char line[64];
  double start;
  long i;

  if (count <= 0) {
    fprintf(stderr, "usage: open_loop COUNT\n");
    return 2;
  }
  path[0] = '/';
  setlinebuf(stdout);
  puts("ready");
  while (fgets(line, sizeof(line), stdin)) {
    for (i = 0; i < count / 10; i++) open_close();
    start = cpu_ns();
    for (i = 0; i < count; i++) open_close();
    printf("%.2f\n", (cpu_ns() - start) / (double)count);
  }
  return 0;
}
