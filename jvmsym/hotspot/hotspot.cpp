// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/hotspot.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "jvmsym/hotspot/code_heap.h"
#include "jvmsym/hotspot/frame_namer.h"
#include "jvmsym/hotspot/guarded_memory.h"
#include "jvmsym/hotspot/layout.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "jvmsym/hotspot/walk_config.h"

namespace jtrace::jvmsym::hotspot {
namespace {

// Budgets of one call. Attaching reads about 1 MiB, naming a frame some 20 KiB.
constexpr std::size_t kAttachBytes = 256ULL << 20;
constexpr std::size_t kAttachReads = 500'000;
constexpr std::size_t kFrameBytes = 32ULL << 20;
constexpr std::size_t kFrameReads = 50'000;

class HotspotVmImpl final : public HotspotVm {
 public:
  HotspotVmImpl(const process::MemoryReader& memory, Layout layout)
      : memory_(memory), layout_(std::move(layout)) {}

  Status init(std::optional<ProcessAddr> stub_list) {
    memory_.allow(kAttachBytes, kAttachReads);
    if (layout_.heap) {
      JT_TRY(heaps_, read_code_heaps(memory_, *layout_.heap));
    }
    JT_TRY(config_, make_walk_config(memory_, layout_, heaps_));
    static_cast<void>(refresh_walk_config());
    const auto low = std::ranges::min(heaps_, {}, &CodeHeapInfo::low).low;
    const auto high = std::ranges::max(heaps_, {}, &CodeHeapInfo::high).high;
    namer_.emplace(memory_, layout_, StubNames(memory_, *layout_.blob, stub_list, low, high));
    return {};
  }

  [[nodiscard]] const jt_hotspot& walk_config() const override { return config_; }

  [[nodiscard]] bool refresh_walk_config() override {
    if (config_.name_nmethod != 0 && config_.name_native != 0) return false;
    memory_.allow(kAttachBytes, kAttachReads);
    const BlobReader blobs(memory_, *layout_.heap, *layout_.blob, layout_.blob->header_bytes);
    // What is committed grows with every compilation.
    if (auto heaps = read_code_heaps(memory_, *layout_.heap)) heaps_ = std::move(*heaps);
    return learn_names(memory_, blobs, heaps_, config_);
  }

  [[nodiscard]] profile::LocationId symbolize(const jt_frame& frame,
                                              profile::SymbolTable& symbols) override {
    memory_.allow(kFrameBytes, kFrameReads);
    return namer_->name(frame, symbols);
  }

  void use_raw_names() override { namer_->use_raw_names(); }

  [[nodiscard]] std::string version() const override { return layout_.version; }
  [[nodiscard]] const std::vector<std::string>& missing() const override { return layout_.missing; }

 private:
  GuardedMemory memory_;
  Layout layout_;
  std::vector<CodeHeapInfo> heaps_;
  jt_hotspot config_{};
  std::optional<FrameNamer> namer_;  // refers to memory_ and layout_
};

}  // namespace

Result<std::unique_ptr<HotspotVm>> HotspotVm::attach(const process::MemoryReader& memory,
                                                     int libjvm_fd, std::uint64_t bias) {
  JT_TRY(const VmSymbols symbols, VmSymbols::load(libjvm_fd, bias));
  JT_TRY(const VmStructs structs, VmStructs::read(memory, symbols));
  auto vm = std::make_unique<HotspotVmImpl>(
      memory, make_layout(memory, structs, major_version(memory, structs)));
  JT_CHECK_OK(vm->init(symbols.find(kStubListSymbol)));
  return vm;
}

}  // namespace jtrace::jvmsym::hotspot
