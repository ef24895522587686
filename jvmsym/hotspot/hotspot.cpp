// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/hotspot.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "jvmsym/hotspot/code_heap.h"
#include "jvmsym/hotspot/continuations.h"
#include "jvmsym/hotspot/frame_namer.h"
#include "jvmsym/hotspot/guarded_memory.h"
#include "jvmsym/hotspot/layout.h"
#include "jvmsym/hotspot/perf_counters.h"
#include "jvmsym/hotspot/thread_names.h"
#include "jvmsym/hotspot/threads.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "jvmsym/hotspot/walk_config.h"

namespace jtrace::jvmsym::hotspot {
namespace {

// Budgets of one call. Attaching reads about 1 MiB, naming a frame some 20 KiB; the threads of a
// JVM take three reads each, its nmethods one or two of 20 000 at most.
constexpr std::size_t kAttachBytes = 256ULL << 20;
constexpr std::size_t kAttachReads = 150'000;
constexpr std::size_t kFrameBytes = 32ULL << 20;
constexpr std::size_t kFrameReads = 50'000;
// 240 MiB of code, the most by default, hold some 50 000.
constexpr std::size_t kMaxBlobs = 100'000;

class HotspotVmImpl final : public HotspotVm {
 public:
  HotspotVmImpl(const process::MemoryReader& memory, Layout layout)
      : memory_(memory), layout_(std::move(layout)) {}

  Status init(const VmSymbols& symbols) {
    symbols_ = symbols;
    memory_.allow(kAttachBytes, kAttachReads);
    if (layout_.heap) {
      JT_TRY(heaps_, read_code_heaps(memory_, *layout_.heap));
    }
    JT_TRY(config_, make_walk_config(memory_, layout_, heaps_));
    fill_anchor();
    fill_threads();
    find_epoch();
    static_cast<void>(refresh_walk_config());
    const auto low = std::ranges::min(heaps_, {}, &CodeHeapInfo::low).low;
    const auto high = std::ranges::max(heaps_, {}, &CodeHeapInfo::high).high;
    namer_.emplace(memory_, layout_,
                   StubNames(memory_, *layout_.blob, symbols.find(kStubListSymbol), low, high));
    namer_->use_epoch_at(ProcessAddr{config_.unload_epoch});
    return {};
  }

  [[nodiscard]] const jt_hotspot& walk_config() const override { return config_; }

  [[nodiscard]] bool refresh_walk_config() override {
    memory_.allow(kAttachBytes, kAttachReads);
    const bool continuations = learn_continuations();
    if (config_.name_nmethod != 0 && config_.name_native != 0) return continuations;
    const BlobReader blobs(memory_, *layout_.heap, *layout_.blob, layout_.blob->header_bytes);
    // What is committed grows with every compilation.
    if (auto heaps = read_code_heaps(memory_, *layout_.heap)) heaps_ = std::move(*heaps);
    return learn_names(memory_, blobs, heaps_, config_) || continuations;
  }

  [[nodiscard]] std::unordered_map<pid_t, ProcessAddr> java_threads() override {
    memory_.allow(kAttachBytes, kAttachReads);
    if (!layout_.threads) return {};
    return read_java_threads(memory_, *layout_.threads);
  }

  [[nodiscard]] std::optional<std::string> thread_name(pid_t thread) override {
    if (!layout_.thread_names || !layout_.method) return std::nullopt;
    const auto threads = java_threads();
    const auto found = threads.find(thread);
    if (found == threads.end()) return std::nullopt;
    if (!thread_names_) {
      thread_names_.emplace(memory_, *layout_.thread_names, *layout_.method, layout_.major);
    }
    return thread_names_->find(found->second);
  }

  [[nodiscard]] profile::LocationId symbolize(const jt_frame& frame, std::uint64_t epoch,
                                              profile::SymbolTable& symbols) override {
    memory_.allow(kFrameBytes, kFrameReads);
    return namer_->name(frame, epoch, symbols);
  }

  [[nodiscard]] std::unordered_map<std::uint64_t, std::uint32_t> live_code() override {
    memory_.allow(kAttachBytes, kAttachReads);
    const BlobReader blobs(memory_, *layout_.heap, *layout_.blob, layout_.blob->header_bytes);
    if (auto heaps = read_code_heaps(memory_, *layout_.heap)) heaps_ = std::move(*heaps);
    std::unordered_map<std::uint64_t, std::uint32_t> found;
    for (const CodeHeapInfo& heap : heaps_) {
      blobs.for_each(heap, kMaxBlobs, [&](const BlobHeader& header) {
        found.emplace(header.blob.value, header.compile_id);
        return true;
      });
    }
    return found;
  }

  [[nodiscard]] JavaStepper& stepper() override {
    memory_.allow(kFrameBytes, kFrameReads);
    return stepper_;
  }

  void use_raw_names() override { namer_->use_raw_names(); }

  [[nodiscard]] std::string version() const override { return layout_.version; }
  [[nodiscard]] const std::vector<std::string>& missing() const override { return layout_.missing; }

 private:
  void fill_anchor() {
    if (!layout_.anchor) return;
    const AnchorLayout& anchor = *layout_.anchor;
    config_.off_thread_anchor = static_cast<std::uint16_t>(anchor.in_thread);
    config_.off_wrapper_anchor = static_cast<std::uint16_t>(anchor.in_wrapper);
    config_.off_anchor_sp = static_cast<std::uint16_t>(anchor.sp);
    config_.off_anchor_pc = static_cast<std::uint16_t>(anchor.pc);
    config_.off_anchor_fp = static_cast<std::uint16_t>(anchor.fp);
    config_.off_stack_base = static_cast<std::uint16_t>(anchor.stack_base);
    config_.off_stack_size = static_cast<std::uint16_t>(anchor.stack_size);
  }

  void fill_threads() {
    if (!layout_.threads) return;
    const ThreadsLayout& threads = *layout_.threads;
    config_.thread_list = threads.list.value;
    config_.off_list_length = static_cast<std::uint16_t>(threads.length);
    config_.off_list_threads = static_cast<std::uint16_t>(threads.threads);
    config_.off_thread_next = static_cast<std::uint16_t>(threads.next);
  }

  // Unloading counts its classes before it frees them. Without counters (-XX:-UsePerfData) every
  // safepoint may have been one: each collection that unloads passes one first.
  void find_epoch() {
    std::optional<ProcessAddr> at;
    if (layout_.perf_memory) {
      at = find_perf_counter(memory_, *layout_.perf_memory, "java.cls.unloadedClasses");
    }
    if (!at) at = symbols_.find(kSafepointCounterSymbol);
    config_.unload_epoch = at ? at->value : 0;
    find_code_epoch();
    if (!at)
      layout_.missing.emplace_back("names of interpreted code: no count of unloaded classes");
  }

  void find_code_epoch() {
    if (!layout_.perf_memory || !layout_.code_is_freed_at_safepoints) return;
    const auto at = find_perf_counter(memory_, *layout_.perf_memory, "sun.rt.safepoints");
    config_.code_epoch = at ? at->value : 0;
  }

  // Made when the JVM initialises its first continuation, early but not at once.
  bool learn_continuations() {
    return config_.cont_entry_bytes == 0 && read_continuations(memory_, symbols_, config_);
  }

  GuardedMemory memory_;
  Layout layout_;
  VmSymbols symbols_;
  std::vector<CodeHeapInfo> heaps_;
  jt_hotspot config_{};
  JavaStepper stepper_{memory_, layout_, heaps_, config_};
  std::optional<FrameNamer> namer_;  // refers to memory_ and layout_
  std::optional<ThreadNames> thread_names_;
};

}  // namespace

Result<std::unique_ptr<HotspotVm>> HotspotVm::attach(const process::MemoryReader& memory,
                                                     int libjvm_fd, std::uint64_t bias) {
  JT_TRY(const VmSymbols symbols, VmSymbols::load(libjvm_fd, bias));
  return attach(memory, symbols);
}

Result<std::unique_ptr<HotspotVm>> HotspotVm::attach(const process::MemoryReader& memory,
                                                     const VmSymbols& symbols) {
  JT_TRY(const VmStructs structs, VmStructs::read(memory, symbols));
  auto vm = std::make_unique<HotspotVmImpl>(
      memory, make_layout(memory, structs, major_version(memory, structs)));
  JT_CHECK_OK(vm->init(symbols));
  return vm;
}

}  // namespace jtrace::jvmsym::hotspot
