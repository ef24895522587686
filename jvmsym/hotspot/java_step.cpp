// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/java_step.h"

namespace jtrace::jvmsym::hotspot {
namespace {

constexpr std::uint64_t kWord = 8;
constexpr std::size_t kMaxName = 64;

jt_frame frame_of(jt_frame_kind kind, std::uint64_t address, std::uint64_t info) {
  return {.where = (std::uint64_t{kind} << JT_ADDR_BITS) | (address & JT_ADDR_MASK), .info = info};
}

}  // namespace

const JavaStepper::Blob* JavaStepper::blob_at(std::uint64_t pc) {
  const auto [it, fresh] = blobs_.try_emplace(pc);
  if (!fresh) return it->second ? &*it->second : nullptr;
  const BlobReader reader(memory_, *layout_.heap, *layout_.blob, layout_.blob->header_bytes);
  for (const CodeHeapInfo& heap : heaps_) {
    // The heap may have grown since it was read; its reservation does not.
    CodeHeapInfo whole = heap;
    whole.committed = heap.high;
    const auto at = reader.find(whole, pc - 1);
    if (!at) continue;
    BlobState state{};
    auto header = reader.read(*at, state);
    if (!header) return nullptr;
    const auto name = process::read_c_string(memory_, ProcessAddr{header->name}, kMaxName);
    Blob blob{.header = std::move(*header)};
    blob.words =
        static_cast<std::int32_t>(layout_.blob->frame_size.get(blob.header.bytes).value_or(0));
    if (name == "nmethod") blob.kind = JT_FRAME_COMPILED;
    if (name == "native nmethod") blob.kind = JT_FRAME_WRAPPER;
    it->second = std::move(blob);
    return &*it->second;
  }
  return nullptr;
}

// A deoptimised frame's return address is the handler's; where it would have gone on is in it.
std::uint64_t JavaStepper::resumed_at(const Blob& blob, const JavaRegisters& at,
                                      const WordReader& stack) const {
  const BlobLayout& layout = *layout_.blob;
  const auto& header = blob.header;
  const auto is = [&](const Place& place) {
    return place.end() != 0 && place.get(header.bytes, header.blob) == at.pc;
  };
  if (blob.kind != JT_FRAME_COMPILED || (!is(layout.deopt) && !is(layout.deopt_mh))) return at.pc;
  return stack(at.sp + layout.orig_pc.get(header.bytes).value_or(0)).value_or(at.pc);
}

std::optional<JavaStep> JavaStepper::interpreted(const JavaRegisters& at,
                                                 const WordReader& stack) const {
  if (!at.fp) return std::nullopt;
  const auto slot = [&](int word) {
    return stack(*at.fp + static_cast<std::uint64_t>(std::int64_t{word}) * kWord);
  };
  const auto method = slot(layout_.slot_method), bcp = slot(layout_.slot_bcp);
  const auto sender_sp = slot(layout_.slot_sender_sp), sender_fp = slot(0), sender_pc = slot(1);
  if (!method || !bcp || !sender_sp || !sender_fp || !sender_pc) return std::nullopt;
  return JavaStep{frame_of(JT_FRAME_INTERPRETED, *method, *bcp),
                  {.pc = *sender_pc, .sp = *sender_sp, .fp = sender_fp, .bx = {}}};
}

std::optional<JavaStep> JavaStepper::step(const JavaRegisters& at, const WordReader& stack) {
  if (at.pc >= config_.interpreter_lo && at.pc < config_.interpreter_hi)
    return interpreted(at, stack);
  JavaStep step;
  std::uint64_t sender = 0;  // its sp
  if (at.pc == config_.call_stub_return) {
    constexpr std::uint64_t kSavedBx = 56;
    if (!at.fp) return std::nullopt;
    step.frame = frame_of(JT_FRAME_ENTRY, at.pc, 0);
    sender = *at.fp + 2 * kWord;
    step.sender.bx = stack(*at.fp - kSavedBx);
  } else {
    const Blob* blob = blob_at(at.pc);
    if (blob == nullptr || (blob->words <= 0 && !at.fp)) return std::nullopt;
    const std::uint64_t pc = resumed_at(*blob, at, stack);
    const std::uint64_t id =
        blob->kind == JT_FRAME_STUB ? 0 : std::uint64_t{blob->header.compile_id} << 32;
    step.frame =
        frame_of(blob->kind, pc, id | static_cast<std::uint32_t>(pc - blob->header.blob.value));
    sender = blob->words > 0 ? at.sp + static_cast<std::uint64_t>(blob->words) * kWord
                             : *at.fp + 2 * kWord;
  }
  const auto pc = stack(sender - kWord);
  step.sender.fp = stack(sender - 2 * kWord);
  if (!pc || !step.sender.fp) return std::nullopt;
  step.sender.pc = *pc;
  step.sender.sp = sender;
  return step;
}

}  // namespace jtrace::jvmsym::hotspot
