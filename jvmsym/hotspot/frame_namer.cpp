// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/hotspot/frame_namer.h"

#include <algorithm>
#include <utility>

#include "jvmsym/hotspot/java_name.h"

namespace jtrace::jvmsym::hotspot {
namespace {

using profile::FrameKind;
using profile::Line;
using profile::UnknownReason;

constexpr std::size_t kMaxTablesBytes = 64ULL << 20;
constexpr std::size_t kMaxTables = 50'000;  // as many nmethods as a full 240 MiB code cache holds
constexpr std::size_t kMaxLocations = 1'000'000;
constexpr std::uint64_t kMaxStubBlob = 64ULL << 20;

std::optional<FrameKind> compiled_kind(int comp_level) {
  if (comp_level >= 1 && comp_level <= 3) return FrameKind::JavaC1;
  if (comp_level == 4) return FrameKind::JavaC2;
  return std::nullopt;
}

std::uint64_t kind_of(const jt_frame& frame) {
  return (frame.where >> JT_ADDR_BITS) & JT_FRAME_KIND_MASK;
}

bool is_exact(const jt_frame& frame) {
  return ((frame.where >> JT_ADDR_BITS) & JT_FRAME_EXACT) != 0;
}

std::uint32_t header_bytes(const Layout& layout) {
  std::uint32_t bytes = layout.blob ? layout.blob->header_bytes : 0;
  if (layout.scopes) {
    const ScopesLayout& s = *layout.scopes;
    bytes = std::max({bytes, s.metadata_begin.end(), s.metadata_end.end(), s.data_begin.end(),
                      s.data_end.end(), s.pcs_begin.end(), s.pcs_end.end()});
  }
  return bytes;
}

}  // namespace

FrameNamer::FrameNamer(const process::MemoryReader& memory, const Layout& layout, StubNames stubs)
    : memory_(memory),
      layout_(layout),
      blobs_(memory, *layout.heap, *layout.blob, header_bytes(layout)),
      stubs_(std::move(stubs)) {
  if (layout.method) methods_.emplace(memory, *layout.method);
}

void FrameNamer::use_epoch_at(ProcessAddr epoch) {
  epoch_at_ = epoch;
  if (methods_) methods_->use_epoch_at(epoch);
}

profile::LocationId FrameNamer::name(const jt_frame& frame, std::uint64_t epoch,
                                     profile::SymbolTable& symbols) {
  symbols_ = &symbols;
  // Not by its address: a table that is gone leaves it to the next but one.
  if (std::exchange(named_in_, symbols.serial()) != symbols.serial()) {
    compiled_.clear();
    interpreted_.clear();
  }
  const std::uint64_t address = frame.where & JT_ADDR_MASK;
  switch (kind_of(frame)) {
    case JT_FRAME_INTERPRETED:
      return interpreted(frame, epoch);
    case JT_FRAME_COMPILED:
    case JT_FRAME_WRAPPER:
      return compiled(frame, epoch);
    case JT_FRAME_STUB:
      return location(address, stub(frame));
    case JT_FRAME_ENTRY:
      return location(address, std::vector{Line{.function = symbols_->function("call_stub"),
                                                .kind = FrameKind::JavaStub}});
    default:
      return location(address, std::unexpected(UnknownReason::BadMetadata));
  }
}

profile::LocationId FrameNamer::location(std::uint64_t address, Lines lines) {
  profile::Location result{
      .mapping = {}, .address = address, .reason = UnknownReason::None, .lines = {}};
  if (lines) {
    result.lines = std::move(*lines);
  } else {
    result.reason = lines.error();
  }
  return symbols_->location(result);
}

// The code cache's own variable lies in libjvm.so: where even that cannot be read, all is gone.
UnknownReason FrameNamer::why_unreadable() const {
  const bool alive = memory_.read<std::uint64_t>(layout_.heap->heaps).has_value();
  return alive ? UnknownReason::BadMetadata : UnknownReason::ProcessGone;
}

// Whether the memory of a method that was met at `epoch` may be another's by now.
bool FrameNamer::unloaded_since(std::uint64_t epoch) const {
  if (epoch_at_.value == 0) return false;
  const auto now = memory_.read<std::uint64_t>(epoch_at_);
  return !now || (*now != 0 && *now != epoch);
}

// Known before anything is read, and then nothing is: names read in vain made a tracer that was
// once behind fall further behind, until not one was proven (0 of 46 398 stacks of a JVM that
// unloads classes all the time, where the tracer was stopped for 15 ms in each 30).
bool FrameNamer::too_late(std::uint64_t epoch) const {
  if (epoch_at_.value == 0) return false;
  const auto now = memory_.read<std::uint64_t>(epoch_at_);
  return now && *now != 0 && *now != epoch;
}

bool FrameNamer::same_epoch(std::uint64_t epoch) const {
  return epoch_at_.value != 0 && memory_.read<std::uint64_t>(epoch_at_) == epoch;
}

profile::LocationId FrameNamer::interpreted(const jt_frame& frame, std::uint64_t epoch) {
  const std::uint64_t method = frame.where & JT_ADDR_MASK;
  const std::uint64_t address = frame.info != 0 ? std::uint64_t{frame.info} : method;
  const InterpretedKey key{method, frame.info, epoch};
  if (const auto known = interpreted_.find(key); known != interpreted_.end()) return known->second;
  if (too_late(epoch)) return location(address, std::unexpected(UnknownReason::Unverified));
  Lines lines = interpreted_lines(method, frame.info, is_exact(frame));
  // Looked at after all was read: until then nothing that was read can have been reused. A failure,
  // too, is explained by that. Without an epoch nothing tells whether it was reused, here or in the
  // kernel, where two methods at one address are one.
  const bool readable = lines || lines.error() == UnknownReason::BadMetadata;
  const bool unproven = epoch_at_.value == 0 || unloaded_since(epoch);
  if (readable && unproven) lines = std::unexpected(UnknownReason::Unverified);
  const bool proven = lines.has_value();
  if (methods_) methods_->settle(proven, epoch);
  const profile::LocationId id = location(address, std::move(lines));
  if (proven) {
    if (interpreted_.size() >= kMaxLocations) interpreted_.clear();
    interpreted_.emplace(key, id);
  }
  return id;
}

FrameNamer::Lines FrameNamer::interpreted_lines(std::uint64_t method, std::uint64_t bcp,
                                                bool exact) {
  if (!methods_) return std::unexpected(UnknownReason::NoJvmSymbols);
  const JavaMethod* java = methods_->find(method);
  if (java == nullptr) return std::unexpected(why_unreadable());
  const bool native = bcp == 0 || java->native;
  // A method that was redefined is freed with no class unloaded, and its memory used again: the
  // bytecodes that ran are not this one's then. (Interrupted code may have lost the pointer.)
  if (!native && !exact && java->bci(bcp) < 0) {
    return std::unexpected(UnknownReason::Unverified);
  }
  return std::vector{line(*java, native ? -1 : java->bci(bcp),
                          native ? FrameKind::JavaNative : FrameKind::JavaInterpreted)};
}

profile::LocationId FrameNamer::compiled(const jt_frame& frame, std::uint64_t epoch) {
  const std::uint64_t pc = frame.where & JT_ADDR_MASK;
  const std::uint64_t distance = frame.info & 0xffffffff;
  if (distance > pc) return location(pc, std::unexpected(UnknownReason::BadMetadata));
  const BlobKey key{pc - distance, static_cast<std::uint32_t>(frame.info >> 32)};
  const CompiledKey pc_key{key, pc};
  const auto cached = compiled_.find(pc_key);
  if (cached != compiled_.end()) return cached->second;
  if (too_late(epoch)) return location(pc, std::unexpected(UnknownReason::Unverified));
  Lines lines = compiled_lines(key, pc, frame);
  // Its code outlives its classes' metadata for as long as a collection takes: the id alone proves
  // the tables, not the names.
  const bool readable = lines || lines.error() == UnknownReason::BadMetadata;
  if (readable && unloaded_since(epoch)) lines = std::unexpected(UnknownReason::Unverified);
  if (methods_) methods_->settle(lines && same_epoch(epoch), epoch);
  // A compile id that is gone does not come back; anything else may be better next time.
  const bool lasting = lines || lines.error() == UnknownReason::CodeReplaced;
  const profile::LocationId id = location(pc, std::move(lines));
  if (lasting) {
    if (compiled_.size() >= kMaxLocations) compiled_.clear();
    compiled_.emplace(pc_key, id);
  }
  return id;
}

std::expected<BlobHeader, UnknownReason> FrameNamer::live_blob(const BlobKey& key) {
  BlobState state{};
  auto header = blobs_.read(ProcessAddr{key.blob}, state);
  if (!header && state == BlobState::Unreadable) return std::unexpected(why_unreadable());
  // The Method*s of a method that was thrown away may be gone with their classes: not even a look
  // at what is left of it.
  if (!header || header->compile_id != key.compile_id || header->method == 0) {
    return std::unexpected(UnknownReason::CodeReplaced);
  }
  return std::move(*header);
}

FrameNamer::Lines FrameNamer::compiled_lines(const BlobKey& key, std::uint64_t pc,
                                             const jt_frame& frame) {
  if (!methods_) return std::unexpected(UnknownReason::NoJvmSymbols);
  const auto header = live_blob(key);
  if (!header) return std::unexpected(header.error());
  Lines lines = std::unexpected(UnknownReason::BadMetadata);
  if (kind_of(frame) == JT_FRAME_WRAPPER) {
    if (const auto own = method_line(header->method, -1, FrameKind::JavaNative)) {
      lines = std::vector{*own};
    }
  } else if (pc >= header->code_begin && pc <= header->code_end) {
    lines = scope_lines(*header, key, pc, is_exact(frame));
  }
  // Read in pieces while the JVM runs: what was read is of this compilation only if it is still
  // there now. A failure, too, is explained by its being gone.
  const auto again = live_blob(key);
  if (!again) return std::unexpected(again.error());
  return lines;
}

FrameNamer::Lines FrameNamer::scope_lines(const BlobHeader& header, const BlobKey& key,
                                          std::uint64_t pc, bool exact) {
  const auto kind = compiled_kind(header.comp_level);
  if (!kind) return std::unexpected(UnknownReason::BadMetadata);
  std::vector<Scope> scopes;
  // Interrupted while it made its frame: the next PcDesc may be of a method inlined further on.
  const std::uint64_t complete =
      header.code_begin + layout_.blob->frame_complete.get(header.bytes).value_or(0);
  if (layout_.scopes && !(exact && pc < complete)) {
    const NmethodTables* nmethod = tables(header, key);
    auto chain = nmethod != nullptr ? nmethod->scopes(pc) : std::nullopt;
    if (!chain) return std::unexpected(UnknownReason::BadMetadata);
    scopes = std::move(*chain);
  }
  if (scopes.empty()) scopes.push_back({.method = header.method, .bci = -1});
  std::vector<Line> lines;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    const bool root = i + 1 == scopes.size();
    const auto one =
        method_line(scopes[i].method, scopes[i].bci, root ? *kind : FrameKind::JavaInlined);
    if (!one) return std::unexpected(UnknownReason::BadMetadata);
    lines.push_back(*one);
  }
  return lines;
}

const NmethodTables* FrameNamer::tables(const BlobHeader& header, const BlobKey& key) {
  const auto known = tables_.find(key);
  if (known != tables_.end()) return &known->second;
  auto read = NmethodTables::read(memory_, *layout_.scopes, header);
  // Kept for other pcs of the same method: it must be whole and of this compilation.
  if (!read || !live_blob(key)) return nullptr;
  if (tables_bytes_ + read->bytes() > kMaxTablesBytes || tables_.size() >= kMaxTables) {
    tables_.clear();
    tables_bytes_ = 0;
  }
  tables_bytes_ += read->bytes();
  return &tables_.emplace(key, std::move(*read)).first->second;
}

std::optional<Line> FrameNamer::method_line(std::uint64_t method, std::int32_t bci,
                                            FrameKind kind) {
  const JavaMethod* java = methods_->find(method);
  if (java == nullptr) return std::nullopt;
  return line(*java, bci, kind);
}

Line FrameNamer::line(const JavaMethod& method, std::int32_t bci, FrameKind kind) {
  const std::string shown = raw_names_ ? method.name : normalise_name(method.name);
  return {.function = symbols_->function(shown, method.name + method.signature, method.source_file),
          .kind = kind,
          .line = method.lines.line(bci),
          .bci = bci};
}

FrameNamer::Lines FrameNamer::stub(const jt_frame& frame) {
  const std::uint64_t pc = frame.where & JT_ADDR_MASK;
  if (frame.info > kMaxStubBlob || frame.info > pc) {
    return std::unexpected(UnknownReason::BadMetadata);
  }
  const auto name = stubs_.find(ProcessAddr{pc - frame.info}, is_exact(frame) ? pc : pc - 1);
  if (!name) return std::unexpected(why_unreadable());
  return std::vector{Line{.function = symbols_->function(*name), .kind = FrameKind::JavaStub}};
}

}  // namespace jtrace::jvmsym::hotspot
