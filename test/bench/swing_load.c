// SPDX-License-Identifier: Apache-2.0
/*
 * swing_load RATE:SECONDS...: that many calls of getppid a second, phase by phase, along four paths
 * of unequal shares. Says "ready", begins when a byte comes, and ends by saying how many came along
 * each path, and how often it left the CPU meanwhile: "shallow N often N seldom N rare N switches
 * N".
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static volatile long sink;
static unsigned long totals[4];

NOINLINE static long ask(void) { return sink = syscall(SYS_getppid); }

NOINLINE static void shallow(void) { sink = ask() + 1; }

NOINLINE static void deeper(int levels) {
  if (levels > 0) {
    deeper(levels - 1);
  } else {
    ask();
  }
  sink++;
}

NOINLINE static void often(void) {
  deeper(4);
  sink++;
}

NOINLINE static void seldom(void) {
  deeper(8);
  sink++;
}

NOINLINE static void rare(void) {
  deeper(16);
  sink++;
}

/* 70, 20, 9 and 1 of 100. */
static void call(unsigned long n) {
  const unsigned turn = n % 100;

  if (turn < 70) {
    totals[0]++;
    shallow();
  } else if (turn < 90) {
    totals[1]++;
    often();
  } else if (turn < 99) {
    totals[2]++;
    seldom();
  } else {
    totals[3]++;
    rare();
  }
}

static double now(void) {
  struct timespec at;

  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static void sleep_until(double when) {
  struct timespec at = {.tv_sec = (time_t)when,
                        .tv_nsec = (long)(1e9 * (when - (double)(time_t)when))};

  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL)) {
  }
}

/* As many as are due, each millisecond. */
static void phase(double rate, double seconds, unsigned long* n) {
  const double start = now();
  double due = 0, done = 0;
  long tick;

  for (tick = 1; 1e-3 * (double)tick <= seconds; tick++) {
    sleep_until(start + 1e-3 * (double)tick);
    due = rate * 1e-3 * (double)tick;
    for (; done < due; done++) call((*n)++);
  }
}

static long switches(void) {
  struct rusage usage;

  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

int main(int argc, char** argv) {
  unsigned long n = 0;
  long before;
  int i;

  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  puts("ready");
  fflush(stdout);
  if (getchar() == EOF) return 1;
  before = switches();
  for (i = 1; i < argc; i++) {
    char* end = argv[i];
    const double rate = strtod(argv[i], &end);

    if (*end != ':') return 2;
    phase(rate, strtod(end + 1, NULL), &n);
  }
  printf("shallow %lu often %lu seldom %lu rare %lu switches %ld\n", totals[0], totals[1],
         totals[2], totals[3], switches() - before);
  return 0;
}
