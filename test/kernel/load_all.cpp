// SPDX-License-Identifier: Apache-2.0
// Runs as the only process of a freshly booted kernel (scripts/kernel_load reads what it prints):
// the kernel's verifier must accept the BPF programs as the product would load them there.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>

#include "smoke.skel.h"

namespace {

struct ObjectClose {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectClose>;

// Instructions the verifier looked at, known from 5.16: the distance to its limit of a million.
void print_programs(const bpf_object* object) {
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(object, program)) != nullptr) {
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (bpf_program__fd(program) < 0) continue;
    if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) continue;
    std::printf("INFO %s: %u bytes, %u instructions verified\n", bpf_program__name(program),
                info.xlated_prog_len, info.verified_insns);
  }
}

bool load(std::string_view name, const void* bytes, std::size_t size) {
  const Object object(bpf_object__open_mem(bytes, size, nullptr));
  const int err = object ? bpf_object__load(object.get()) : -errno;
  std::printf("%s load %.*s%s%s\n", err == 0 ? "PASS" : "FAIL", static_cast<int>(name.size()),
              name.data(), err == 0 ? "" : ": ", err == 0 ? "" : std::strerror(-err));
  if (err == 0) print_programs(object.get());
  return err == 0;
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  utsname host{};
  ::uname(&host);
  std::printf("PLAN 1\nINFO kernel %s\n", host.release);
  std::size_t size = 0;
  const void* bytes = smoke__elf_bytes(&size);
  return load("smoke", bytes, size) ? 0 : 1;
}
