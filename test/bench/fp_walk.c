// SPDX-License-Identifier: Apache-2.0
/*
 * fp_walk PID FRAMES walk|count: attaches the program of fp_walk.bpf.c, says "tracing", waits for
 * SIGINT, says "FRAMES EVENTS" for each stack that it counted, or FRAMES of the last one that it
 * walked. FRAMES at most; libbpf finds the tracepoint in a mounted tracefs.
 */
#include <bpf/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fp_walk_bpf.skel.h"

enum { kMostFrames = 512 };

static void say_counts(const struct fp_walk_bpf* program) {
  const int counts = bpf_map__fd(program->maps.counts);
  unsigned int key = 0;
  const void* from = NULL;

  while (!bpf_map_get_next_key(counts, from, &key)) {
    unsigned long long ips[kMostFrames] = {0};
    unsigned long long events = 0;
    int frames = 0;

    from = &key;
    bpf_map_lookup_elem(counts, &key, &events);
    bpf_map_lookup_elem(bpf_map__fd(program->maps.stacks), &key, ips);
    while (frames < kMostFrames && ips[frames]) frames++;
    printf("%d %llu\n", frames, events);
  }
}

int main(int argc, char** argv) {
  struct fp_walk_bpf* program;
  sigset_t stop;
  int got, counting, frames;

  frames = argc == 4 ? atoi(argv[2]) : 0;
  counting = argc == 4 && strcmp(argv[3], "count") == 0;
  if (frames <= 0 || frames > kMostFrames || (!counting && strcmp(argv[3], "walk") != 0)) {
    fprintf(stderr, "usage: fp_walk PID FRAMES walk|count\n");
    return 2;
  }
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, NULL);
  program = fp_walk_bpf__open();
  if (!program) return 1;
  program->rodata->wanted = (unsigned int)atoi(argv[1]);
  program->rodata->counting = (unsigned int)counting;
  bpf_map__set_value_size(program->maps.stacks, 8U * (unsigned int)frames);
  if (fp_walk_bpf__load(program) || fp_walk_bpf__attach(program)) {
    fprintf(stderr, "fp_walk: cannot load or attach\n");
    return 1;
  }
  fprintf(stderr, "tracing\n");
  sigwait(&stop, &got);
  if (counting) {
    say_counts(program);
  } else {
    printf("%llu\n", (unsigned long long)program->bss->bytes_walked / 8);
  }
  fp_walk_bpf__destroy(program);
  return 0;
}
