// SPDX-License-Identifier: Apache-2.0
/*
 * filter_only PID: attaches the program of filter_only.bpf.c, says "tracing", waits for SIGINT,
 * says whether it saw the process. libbpf finds the tracepoint in a mounted tracefs.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter_only_bpf.skel.h"

int main(int argc, char** argv) {
  struct filter_only_bpf* program;
  sigset_t stop;
  int got;

  if (argc != 2) {
    fprintf(stderr, "usage: filter_only PID\n");
    return 2;
  }
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, NULL);
  program = filter_only_bpf__open();
  if (!program) return 1;
  program->rodata->wanted = (unsigned int)atoi(argv[1]);
  if (filter_only_bpf__load(program) || filter_only_bpf__attach(program)) {
    fprintf(stderr, "filter_only: cannot load or attach\n");
    return 1;
  }
  fprintf(stderr, "tracing\n");
  sigwait(&stop, &got);
  printf("%s\n", program->bss->seen ? "seen" : "not seen");
  filter_only_bpf__destroy(program);
  return 0;
}
