// SPDX-License-Identifier: Apache-2.0
#include "capture/object.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <future>
#include <string>
#include <vector>

#include "capture/kernel_types.h"
#include "capture/verifier_log.h"

namespace jtrace::capture {

std::span<const std::byte> object_bytes() {
  std::size_t size = 0;
  const void* bytes = jtrace_bpf__elf_bytes(&size);
  return {static_cast<const std::byte*>(bytes), size};
}

Result<Skeleton> open_object(UniqueFd& types) {
  if (const auto kernel = KernelTypes::of_kernel()) types = (*kernel)->open_relevant();
  const std::string path = "/proc/self/fd/" + std::to_string(types.get());
  const LogCapture log;
  bpf_object_open_opts options{};
  options.sz = sizeof options;
  if (types.valid()) options.btf_custom_path = path.c_str();
  Skeleton skeleton(jtrace_bpf__open_opts(&options));
  if (!skeleton) return fail(Errc::Internal, errno_text("open BPF object", errno) + log.tail());
  return skeleton;
}

namespace {

std::vector<UniqueFd> made(std::span<bpf_map* const> maps) {
  std::vector<UniqueFd> fds;
  for (const bpf_map* map : maps) {
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = bpf_map__map_flags(map);
    fds.emplace_back(bpf_map_create(bpf_map__type(map), bpf_map__name(map), bpf_map__key_size(map),
                                    bpf_map__value_size(map), bpf_map__max_entries(map), &options));
  }
  return fds;
}

void use(std::span<bpf_map* const> maps, const std::vector<UniqueFd>& fds) {
  for (std::size_t i = 0; i < maps.size(); ++i) {
    if (fds[i].valid()) (void)bpf_map__reuse_fd(maps[i], fds[i].get());
  }
}

}  // namespace

void make_maps(std::span<bpf_map* const> here, std::span<bpf_map* const> beside) {
  auto others = std::async(std::launch::async | std::launch::deferred, made, beside);
  use(here, made(here));
  use(beside, others.get());
}

}  // namespace jtrace::capture
