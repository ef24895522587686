// SPDX-License-Identifier: Apache-2.0
#include "capture/object.h"

#include <cerrno>
#include <string>

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

}  // namespace jtrace::capture
