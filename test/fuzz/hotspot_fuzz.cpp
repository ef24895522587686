// SPDX-License-Identifier: Apache-2.0
// A hand-made JVM whose memory the input spoils: pairs of offset and byte, then frames are named.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "jvmsym/hotspot/frame_namer.h"
#include "jvmsym/hotspot/guarded_memory.h"
#include "unit/jvmsym/fake_jvm.h"

namespace {

using jtrace::ProcessAddr;
using jtrace::jvmsym::hotspot::FrameNamer;
using jtrace::jvmsym::hotspot::GuardedMemory;
using jtrace::jvmsym::hotspot::Layout;
using jtrace::jvmsym::hotspot::StubNames;
using jtrace::test::FakeJvm;
using jtrace::test::FakeMemory;

constexpr std::size_t kRecord = 4;             // 24 bits of offset, 8 of value
constexpr std::uint32_t kTouched = 64 * 1024;  // what the fake JVM fills

FakeJvm::Nmethod fill(FakeJvm& jvm) {
  const std::uint64_t method =
      jvm.add_method({.lines = jtrace::test::bytes_of({0xff, 1, 21, 5 << 3 | 1, 0})});
  const bool excludes_zero = jvm.layout.scopes->unsigned5_excludes_zero;
  std::vector<std::byte> scopes = jtrace::test::bytes_of({0xff});
  for (const auto& scope : {jtrace::test::unsigned5({0, 1, 2}, excludes_zero),
                            jtrace::test::unsigned5({1, 2, 7}, excludes_zero)}) {
    scopes.insert(scopes.end(), scope.begin(), scope.end());
  }
  return jvm.add_nmethod({.method = method,
                          .compile_id = 7,
                          .metadata = {method, jvm.add_method({.name = "leaf"})},
                          .scopes = scopes,
                          .pcs = {{-1, 0}, {16, 1}, {32, 4}, {1 << 30, 0}}});
}

void name_frames(const Layout& layout, std::span<const std::uint8_t> input) {
  FakeJvm jvm(layout);
  const FakeJvm::Nmethod nmethod = fill(jvm);
  for (; input.size() >= kRecord; input = input.subspan(kRecord)) {
    const std::uint32_t at =
        (std::uint32_t{input[0]} | std::uint32_t{input[1]} << 8 | std::uint32_t{input[2]} << 16) %
        kTouched;
    jvm.memory.put(FakeMemory::kBase + at, input[3]);
  }
  const GuardedMemory memory(jvm.memory);
  FrameNamer namer(memory, jvm.layout,
                   StubNames(memory, *jvm.layout.blob, ProcessAddr{nmethod.blob}, 0, ~0ULL));
  jtrace::profile::SymbolTable symbols;
  for (const jt_frame& frame :
       {FakeJvm::compiled(nmethod, 32, 7), FakeJvm::compiled(nmethod, 16, 7),
        FakeJvm::frame(JT_FRAME_INTERPRETED, FakeMemory::kBase + 2048, 0),
        FakeJvm::frame(JT_FRAME_STUB, nmethod.code, 1024)}) {
    memory.allow(4 << 20, 10'000);
    static_cast<void>(namer.name(frame, 0, symbols));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto layouts = [] {
    std::vector<Layout> all;
    for (const int major : jtrace::test::kRecorded) {
      all.push_back(jtrace::test::recorded_layout(major));
    }
    return all;
  }();
  for (const Layout& layout : layouts) name_frames(layout, {data, size});
  return 0;
}
