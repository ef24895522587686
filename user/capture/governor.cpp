// SPDX-License-Identifier: Apache-2.0
// The kernel's side of the governor, as user space sets and reads it: by memory that both share, so
// that neither costs a call.
#include "capture/capture_impl.h"

// C of the kernel's side.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wconversion"
#include "bpf/governor.h"
#pragma GCC diagnostic pop

namespace jtrace::capture {

void Capture::govern(std::uint64_t budget_ns, std::uint64_t max_rate) {
  jt_governor governor{};
  governor.budget = budget_ns;
  governor.max_rate = max_rate;
  jt_start_governor(&governor, 0);
  impl_->skeleton->bss->governor = governor;
}

void Capture::set_budget(std::uint64_t budget_ns) {
  auto& budget = impl_->skeleton->bss->governor.budget;
  __atomic_store_n(&budget, budget_ns, __ATOMIC_RELAXED);
}

void Capture::set_max_rate(std::uint64_t max_rate) {
  auto& governor = impl_->skeleton->bss->governor;
  __atomic_store_n(&governor.max_rate, max_rate, __ATOMIC_RELAXED);
  // What a larger one had saved up would be kept at once.
  jt_governor now = governor;
  now.max_rate = max_rate;
  if (const auto most = jt_most_tokens(&now); now.tokens > most) {
    __atomic_store_n(&governor.tokens, most, __ATOMIC_RELAXED);
  }
}

jt_governor Capture::governor() const { return impl_->skeleton->bss->governor; }

void Capture::begin_ratios() {
  auto& governor = impl_->skeleton->bss->governor;
  const std::uint32_t ratio = __atomic_load_n(&governor.ratio, __ATOMIC_RELAXED);
  __atomic_store_n(&governor.least, ratio, __ATOMIC_RELAXED);
  __atomic_store_n(&governor.most, ratio, __ATOMIC_RELAXED);
}

}  // namespace jtrace::capture
