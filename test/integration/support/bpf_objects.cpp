// SPDX-License-Identifier: Apache-2.0
#include "integration/support/bpf_objects.h"

#include <fmt/format.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

namespace jtrace::test {
namespace {

std::size_t objects(bpf_cmd next_id) {
  std::size_t count = 0;
  bpf_attr attr{};
  while (::syscall(SYS_bpf, next_id, &attr, sizeof(attr)) == 0) {
    ++count;
    attr.start_id = attr.next_id;
  }
  return count;
}

}  // namespace

BpfObjects BpfObjects::count() {
  return {.programs = objects(BPF_PROG_GET_NEXT_ID),
          .maps = objects(BPF_MAP_GET_NEXT_ID),
          .links = objects(BPF_LINK_GET_NEXT_ID)};
}

bool BpfObjects::wait_until_no_more(std::chrono::milliseconds limit) const {
  constexpr std::chrono::milliseconds kLook{10};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const BpfObjects now = count();
    if (now.programs <= programs && now.maps <= maps && now.links <= links) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kLook);
  }
}

std::string BpfObjects::text() const {
  return fmt::format("{} programs, {} maps, {} links", programs, maps, links);
}

}  // namespace jtrace::test
