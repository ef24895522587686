// SPDX-License-Identifier: Apache-2.0
// Frames of a hand-made JVM, in the layouts of two releases; then the same with spoiled memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <tuple>
#include <utility>

#include "jvmsym/hotspot/frame_namer.h"
#include "jvmsym/hotspot/guarded_memory.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "jvmsym/hotspot/walk_config.h"
#include "unit/jvmsym/fake_jvm.h"

namespace jtrace::test {
namespace {

using jvmsym::hotspot::BlobReader;
using jvmsym::hotspot::FrameNamer;
using jvmsym::hotspot::GuardedMemory;
using jvmsym::hotspot::StubNames;
using jvmsym::hotspot::VmStructs;
using jvmsym::hotspot::VmSymbols;
using profile::FrameKind;
using profile::Line;
using profile::Location;
using profile::UnknownReason;
using testing::ElementsAre;

class Frames : public testing::TestWithParam<int> {
 protected:
  static constexpr std::uint64_t kEpochAt = FakeMemory::kBase + 8;

  void SetUp() override {
    namer_.use_epoch_at(ProcessAddr{kEpochAt});
    begin_epoch(1);
    lines_ = bytes_of({0xff});
    const auto entry = unsigned5({0, 20}, excludes_zero());  // bci 0 line 10
    lines_.insert(lines_.end(), entry.begin(), entry.end());
    for (const auto byte : bytes_of({5 << 3 | 1, 5 << 3 | 1, 0})) lines_.push_back(byte);
  }
  bool excludes_zero() const { return jvm_.layout.scopes->unsigned5_excludes_zero; }

  std::uint64_t method(const std::string& klass, const std::string& name) {
    return jvm_.add_method({.klass = klass, .name = name, .lines = lines_});
  }
  // leaf at bci 6, called by middle at bci 12, called by root at bci 1; scopes start at 1.
  FakeJvm::Nmethod inlined_nmethod(std::uint32_t id, int level) {
    const std::uint64_t root = method("pkg/Main", "root");
    const std::vector<std::uint64_t> metadata = {root, method("pkg/Main", "middle"),
                                                 method("pkg/Other", "leaf")};
    std::vector<std::byte> scopes = bytes_of({0xff});
    std::vector<std::int32_t> at;
    for (const auto& [index, bci] : {std::pair{1U, 1U}, {2U, 12U}, {3U, 6U}}) {
      const auto sender = at.empty() ? 0U : static_cast<std::uint32_t>(at.back());
      const auto scope = unsigned5({sender, index, bci + 1, 0, 0, 0}, excludes_zero());
      at.push_back(static_cast<std::int32_t>(scopes.size()));
      scopes.insert(scopes.end(), scope.begin(), scope.end());
    }
    return jvm_.add_nmethod({.method = root,
                             .compile_id = id,
                             .level = level,
                             .metadata = metadata,
                             .scopes = scopes,
                             .pcs = {{-1, 0}, {16, at[0]}, {32, at[2]}, {48, 0}, {1 << 30, 0}}});
  }
  Location locate(const jt_frame& frame) {
    memory_.allow(32 << 20, 50'000);
    return symbols_.locations()[namer_.name(frame, epoch_, symbols_).value];
  }
  void begin_epoch(std::uint64_t epoch) {
    epoch_ = epoch;
    jvm_.memory.put(kEpochAt, epoch);
  }
  using Shown = std::tuple<std::string, std::uint32_t, std::int32_t, FrameKind>;
  std::vector<Shown> shown(const jt_frame& frame) {
    std::vector<Shown> result;
    for (const Line& line : locate(frame).lines) {
      const auto& function = symbols_.functions()[line.function.value];
      result.emplace_back(symbols_.strings()[function.name.value], line.line, line.bci, line.kind);
    }
    return result;
  }

  std::uint64_t epoch_ = 0;
  FakeJvm jvm_{recorded_layout(GetParam())};
  GuardedMemory memory_{jvm_.memory};
  FrameNamer namer_{memory_, jvm_.layout,
                    StubNames(memory_, *jvm_.layout.blob, std::nullopt, 0, 0)};
  profile::SymbolTable symbols_;
  std::vector<std::byte> lines_;
};

INSTANTIATE_TEST_SUITE_P(Releases, Frames, testing::ValuesIn(kRecorded),
                         [](const auto& release) { return "jdk" + std::to_string(release.param); });

TEST_P(Frames, InliningChainInnermostFirst) {
  const auto nmethod = inlined_nmethod(7, 4);
  EXPECT_THAT(shown(FakeJvm::compiled(nmethod, 32, 7)),
              ElementsAre(Shown("pkg/Other.leaf", 11, 6, FrameKind::JavaInlined),
                          Shown("pkg/Main.middle", 12, 12, FrameKind::JavaInlined),
                          Shown("pkg/Main.root", 10, 1, FrameKind::JavaC2)));
  EXPECT_THAT(shown(FakeJvm::compiled(nmethod, 16, 7)),
              ElementsAre(Shown("pkg/Main.root", 10, 1, FrameKind::JavaC2)));
}

TEST_P(Frames, PcsBetweenEntriesBelongToTheNextOne) {
  const auto nmethod = inlined_nmethod(7, 3);
  EXPECT_EQ(shown(FakeJvm::compiled(nmethod, 17, 7)).size(), 3U);
  EXPECT_THAT(shown(FakeJvm::compiled(nmethod, 0, 7)),
              ElementsAre(Shown("pkg/Main.root", 10, 1, FrameKind::JavaC1)));
  EXPECT_THAT(shown(FakeJvm::compiled(nmethod, 48, 7)),
              ElementsAre(Shown("pkg/Main.root", 10, -1, FrameKind::JavaC1)))
      << "without debug information there is still the method";
  EXPECT_THAT(shown(FakeJvm::compiled(nmethod, 2000, 7)).size(), 1U);
}

TEST_P(Frames, NamesSignatureAndFile) {
  const auto nmethod =
      jvm_.add_nmethod({.method = jvm_.add_method({.klass = "A$$Lambda$3+0x0000000800c03000",
                                                   .name = "apply",
                                                   .signature = "(I)I",
                                                   .source = ""}),
                        .compile_id = 3});
  const Location location = locate(FakeJvm::compiled(nmethod, 5, 3));
  ASSERT_EQ(location.lines.size(), 1U);
  const auto& function = symbols_.functions()[location.lines[0].function.value];
  EXPECT_EQ(symbols_.strings()[function.name.value], "A$$Lambda.apply");
  EXPECT_EQ(symbols_.strings()[function.system_name.value],
            "A$$Lambda$3+0x0000000800c03000.apply(I)I");
  EXPECT_EQ(symbols_.strings()[function.filename.value], "");
}

TEST_P(Frames, AnotherCompilationAtTheSameAddress) {
  const auto nmethod = inlined_nmethod(7, 4);
  EXPECT_EQ(locate(FakeJvm::compiled(nmethod, 32, 8)).reason, UnknownReason::CodeReplaced);
  EXPECT_EQ(locate(FakeJvm::compiled(nmethod, 32, 7)).reason, UnknownReason::None);
  jvm_.memory.put(nmethod.blob, jvm_.layout.blob->compile_id, 9);
  EXPECT_EQ(locate(FakeJvm::compiled(nmethod, 32, 7)).reason, UnknownReason::None) << "cached";
  EXPECT_EQ(locate(FakeJvm::compiled(nmethod, 16, 7)).reason, UnknownReason::CodeReplaced);
}

TEST_P(Frames, FreedBlobIsNotLookedAt) {
  const auto nmethod = inlined_nmethod(7, 4);
  jvm_.memory.put(nmethod.blob - jvm_.layout.heap->block_header, jvm_.layout.heap->block_used, 0);
  EXPECT_EQ(locate(FakeJvm::compiled(nmethod, 32, 7)).reason, UnknownReason::CodeReplaced);
}

TEST_P(Frames, EndedProcess) {
  const auto nmethod = inlined_nmethod(7, 4);
  const std::uint64_t main = method("A", "b");
  jvm_.memory.vanish();
  EXPECT_EQ(locate(FakeJvm::compiled(nmethod, 32, 7)).reason, UnknownReason::ProcessGone);
  EXPECT_EQ(locate(FakeJvm::frame(JT_FRAME_INTERPRETED, main, 0)).reason,
            UnknownReason::ProcessGone);
  EXPECT_EQ(locate(FakeJvm::frame(JT_FRAME_STUB, nmethod.code, 8)).reason,
            UnknownReason::ProcessGone);
}

TEST_P(Frames, ScopesThatLoopOrLie) {
  const std::uint64_t root = method("A", "b");
  const auto bad = [&](std::initializer_list<std::uint32_t> scope, std::int32_t at) {
    std::vector<std::byte> bytes = bytes_of({0xff});
    const auto tail = unsigned5(scope, excludes_zero());
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    const auto nmethod = jvm_.add_nmethod({.method = root,
                                           .compile_id = 5,
                                           .metadata = {root},
                                           .scopes = bytes,
                                           .pcs = {{-1, 0}, {8, at}, {1 << 30, 0}}});
    return locate(FakeJvm::compiled(nmethod, 8, 5)).reason;
  };
  EXPECT_EQ(bad({0, 1, 3}, 1), UnknownReason::None);
  EXPECT_EQ(bad({1, 1, 3}, 1), UnknownReason::BadMetadata) << "its own caller";
  EXPECT_EQ(bad({9, 1, 3}, 1), UnknownReason::BadMetadata) << "a caller behind it";
  EXPECT_EQ(bad({0, 2, 3}, 1), UnknownReason::BadMetadata) << "metadata index out of bounds";
  EXPECT_EQ(bad({0, 0, 3}, 1), UnknownReason::BadMetadata) << "no method";
  EXPECT_EQ(bad({0, 1, 90'000}, 1), UnknownReason::BadMetadata) << "bci out of range";
  EXPECT_EQ(bad({0, 1, 3}, 4000), UnknownReason::BadMetadata) << "offset behind the table";
  EXPECT_EQ(bad({0, 1, 3}, -5), UnknownReason::BadMetadata);
}

TEST_P(Frames, WrapperIsANativeMethod) {
  const auto nmethod = jvm_.add_nmethod({.method = method("java/io/FileInputStream", "open0"),
                                         .compile_id = 2,
                                         .level = 0,
                                         .name = "native nmethod"});
  jt_frame frame = FakeJvm::compiled(nmethod, 100, 2);
  frame.where = FakeJvm::frame(JT_FRAME_WRAPPER, nmethod.code + 100, 0).where;
  EXPECT_THAT(shown(frame),
              ElementsAre(Shown("java/io/FileInputStream.open0", 10, -1, FrameKind::JavaNative)));
}

TEST_P(Frames, Interpreted) {
  const std::uint64_t run = method("pkg/Main", "run");
  const std::uint64_t code = jvm_.bytecodes(run);
  const auto at = [&](std::uint64_t bcp) {
    return shown(FakeJvm::frame(JT_FRAME_INTERPRETED, run, bcp));
  };
  EXPECT_THAT(at(code), ElementsAre(Shown("pkg/Main.run", 10, 0, FrameKind::JavaInterpreted)));
  EXPECT_THAT(at(code + 19),
              ElementsAre(Shown("pkg/Main.run", 12, 19, FrameKind::JavaInterpreted)));
  // Other bytecodes than those that ran: the method's memory is another's by now.
  for (const std::uint64_t bcp : {code + 20, code - 1}) {
    EXPECT_EQ(locate(FakeJvm::frame(JT_FRAME_INTERPRETED, run, bcp)).reason,
              UnknownReason::Unverified);
    jt_frame exact = FakeJvm::frame(JT_FRAME_INTERPRETED, run, bcp);
    exact.where |= std::uint64_t{JT_FRAME_EXACT} << JT_ADDR_BITS;
    EXPECT_THAT(shown(exact),
                ElementsAre(Shown("pkg/Main.run", 10, -1, FrameKind::JavaInterpreted)));
  }
  EXPECT_THAT(at(0), ElementsAre(Shown("pkg/Main.run", 10, -1, FrameKind::JavaNative)));
  const std::uint64_t native = jvm_.add_method({.name = "nat", .code_size = 0, .access = 0x109});
  EXPECT_THAT(shown(FakeJvm::frame(JT_FRAME_INTERPRETED, native, 1)),
              ElementsAre(Shown("pkg/Main.nat", 0, -1, FrameKind::JavaNative)));
}

TEST_P(Frames, MethodMemoryUsedAgainByAnotherClass) {
  const std::uint64_t first = method("Old", "run");
  const std::uint64_t other = method("New", "go");
  const jt_frame frame = FakeJvm::frame(JT_FRAME_INTERPRETED, first, 0);
  EXPECT_EQ(std::get<0>(shown(frame).at(0)), "Old.run");
  begin_epoch(2);
  const auto member = jvm_.layout.method->const_method;
  jvm_.memory.put(first, member,
                  *jvm_.memory.read<std::uint64_t>(ProcessAddr{other + member.offset}));
  EXPECT_EQ(std::get<0>(shown(frame).at(0)), "New.go");
}

// All that differs are the names: what was read of the method before must not answer.
TEST_P(Frames, MethodMemoryUsedAgainByAClassOfTheSameShape) {
  const std::uint64_t run = method("Old", "run");
  const jt_frame interpreted = FakeJvm::frame(JT_FRAME_INTERPRETED, run, 0);
  const auto before = jvm_.add_nmethod({.method = run, .compile_id = 7});
  const auto after = jvm_.add_nmethod({.method = run, .compile_id = 8});
  EXPECT_EQ(std::get<0>(shown(interpreted).at(0)), "Old.run");
  EXPECT_EQ(std::get<0>(shown(FakeJvm::compiled(before, 5, 7)).at(0)), "Old.run");
  begin_epoch(2);
  jvm_.rename_class(run, "New");
  EXPECT_EQ(std::get<0>(shown(interpreted).at(0)), "New.run");
  EXPECT_EQ(std::get<0>(shown(FakeJvm::compiled(after, 5, 8)).at(0)), "New.run");
  EXPECT_EQ(std::get<0>(shown(FakeJvm::compiled(before, 5, 7)).at(0)), "Old.run") << "its own id";
}

// What is read in one epoch for a stack of an earlier one may be of a class that is half made.
TEST_P(Frames, UnprovenNamesAreNotKept) {
  const std::uint64_t run = method("Half", "run");
  begin_epoch(2);
  epoch_ = 1;
  EXPECT_EQ(locate(FakeJvm::frame(JT_FRAME_INTERPRETED, run, 0)).reason, UnknownReason::Unverified);
  jvm_.rename_class(run, "Made");
  epoch_ = 2;
  EXPECT_EQ(std::get<0>(shown(FakeJvm::frame(JT_FRAME_INTERPRETED, run, 0)).at(0)), "Made.run");
}

TEST_P(Frames, NamesAreProvenByTheUnloadEpoch) {
  const jt_frame frame = FakeJvm::frame(JT_FRAME_INTERPRETED, method("Old", "run"), 0);
  const jt_frame late = FakeJvm::frame(JT_FRAME_INTERPRETED, method("Old", "late"), 0);
  const auto nmethod = inlined_nmethod(7, 4);
  const auto at = [&](const jt_frame& met, std::uint64_t when) {
    epoch_ = when;
    return locate(met);
  };
  begin_epoch(0);
  EXPECT_EQ(at(frame, JT_NO_EPOCH).lines.size(), 1U) << "nothing was ever unloaded";
  begin_epoch(7);
  EXPECT_EQ(at(frame, 7).lines.size(), 1U);
  begin_epoch(8);
  EXPECT_EQ(at(frame, 7).lines.size(), 1U) << "read while it held";
  EXPECT_EQ(at(late, 7).reason, UnknownReason::Unverified);
  EXPECT_EQ(at(late, JT_NO_EPOCH).reason, UnknownReason::Unverified);
  EXPECT_EQ(at(late, 8).lines.size(), 1U);
  EXPECT_EQ(at(FakeJvm::compiled(nmethod, 32, 7), 7).reason, UnknownReason::Unverified);
  EXPECT_EQ(at(FakeJvm::compiled(nmethod, 32, 7), 8).lines.size(), 3U);
  EXPECT_EQ(at(FakeJvm::compiled(nmethod, 32, 7), 7).lines.size(), 3U)
      << "the id does not come back";
}

// A tracer that is behind must not spend its time on what it can prove no more.
TEST_P(Frames, NothingIsReadForANameThatComesTooLate) {
  const jt_frame interpreted = FakeJvm::frame(JT_FRAME_INTERPRETED, method("Old", "run"), 0);
  const jt_frame compiled = FakeJvm::compiled(inlined_nmethod(7, 4), 32, 7);
  begin_epoch(2);
  for (const jt_frame& frame : {interpreted, compiled}) {
    memory_.allow(sizeof(std::uint64_t), 1);
    const auto id = namer_.name(frame, 1, symbols_);
    EXPECT_EQ(symbols_.locations().at(id.value).reason, UnknownReason::Unverified);
    EXPECT_TRUE(memory_.read<std::uint64_t>(ProcessAddr{kEpochAt}) == std::nullopt) << "one read";
  }
}

TEST_P(Frames, WithoutAnEpochInterpretedFramesHaveNoNames) {
  namer_.use_epoch_at(ProcessAddr{0});
  EXPECT_EQ(locate(FakeJvm::frame(JT_FRAME_INTERPRETED, method("A", "b"), 0)).reason,
            UnknownReason::Unverified);
  EXPECT_EQ(shown(FakeJvm::compiled(inlined_nmethod(7, 4), 32, 7)).size(), 3U);
}

TEST_P(Frames, StubEntryAndNonsense) {
  const auto blob = jvm_.add_nmethod({.name = "StubRoutines (1)"});
  const auto stub = FakeJvm::frame(JT_FRAME_STUB, blob.code + 40, blob.code + 40 - blob.blob);
  EXPECT_THAT(shown(stub), ElementsAre(Shown("StubRoutines (1)", 0, -1, FrameKind::JavaStub)));
  EXPECT_THAT(shown(FakeJvm::frame(JT_FRAME_ENTRY, blob.code, 0)),
              ElementsAre(Shown("call_stub", 0, -1, FrameKind::JavaStub)));
  for (const jt_frame& frame :
       {FakeJvm::frame(JT_FRAME_NONE, 0, 0), FakeJvm::frame(JT_FRAME_NATIVE, 1, 1),
        FakeJvm::frame(JT_FRAME_STUB, 100, 200), FakeJvm::frame(JT_FRAME_STUB, ~0ULL, ~0ULL),
        FakeJvm::frame(JT_FRAME_COMPILED, 100, 200),
        FakeJvm::frame(JT_FRAME_COMPILED, JT_ADDR_MASK, 0),
        FakeJvm::frame(JT_FRAME_INTERPRETED, 3, 3)}) {
    const Location location = locate(frame);
    EXPECT_TRUE(location.lines.empty());
    EXPECT_EQ(location.reason, UnknownReason::BadMetadata);
  }
}

TEST_P(Frames, TwoSymbolTablesInTurn) {
  const auto nmethod = inlined_nmethod(7, 4);
  const jt_frame frame = FakeJvm::compiled(nmethod, 32, 7);
  memory_.allow(1 << 20, 1000);
  profile::SymbolTable first;
  profile::SymbolTable second;
  second.string("something else");
  second.function("so that ids differ");
  for (profile::SymbolTable* symbols : {&first, &second, &first}) {
    const auto id = namer_.name(frame, epoch_, *symbols);
    EXPECT_EQ(symbols->locations().at(id.value).lines.size(), 3U);
  }
}

// Every byte of what was read is spoiled in turn, by seeded chance: whatever comes out, it comes
// out, within the budget of reads.
// A table that is given up leaves its place in memory to a later one, and nothing of what was in
// it.
TEST_P(Frames, AnotherSymbolTableAtTheSameAddress) {
  const jt_frame frame = FakeJvm::compiled(inlined_nmethod(7, 4), 32, 7);
  std::optional<profile::SymbolTable> symbols;
  for (int turn = 0; turn < 2; ++turn) {
    symbols.emplace();
    memory_.allow(32 << 20, 50'000);
    const auto id = namer_.name(frame, epoch_, *symbols);
    ASSERT_LT(id.value, symbols->locations().size());
    EXPECT_EQ(symbols->locations()[id.value].lines.size(), 3U);
  }
}

TEST_P(Frames, SpoiledMemory) {
  const auto nmethod = inlined_nmethod(7, 4);
  const std::uint64_t main = method("pkg/Main", "main");
  const jt_frame frames[] = {FakeJvm::compiled(nmethod, 32, 7), FakeJvm::compiled(nmethod, 48, 7),
                             FakeJvm::frame(JT_FRAME_INTERPRETED, main, jvm_.bytecodes(main)),
                             FakeJvm::frame(JT_FRAME_STUB, nmethod.code, 1024)};
  const std::vector<std::byte> good(jvm_.memory.bytes().begin(), jvm_.memory.bytes().end());
  const auto used = static_cast<std::size_t>(
      std::find_if(good.rbegin(), good.rend(), [](std::byte b) { return b != std::byte{0}; })
          .base() -
      good.begin());
  std::mt19937 random(20'260'101);
  std::size_t named = 0;
  for (int round = 0; round < 3000; ++round) {
    std::copy_n(good.begin(), static_cast<std::ptrdiff_t>(used), jvm_.memory.bytes().begin());
    const std::size_t hits = 1 + random() % 64;
    for (std::size_t i = 0; i < hits; ++i) {
      jvm_.memory.bytes()[random() % used] = static_cast<std::byte>(random());
    }
    FrameNamer namer(memory_, jvm_.layout,
                     StubNames(memory_, *jvm_.layout.blob, ProcessAddr{nmethod.blob}, 0, ~0ULL));
    profile::SymbolTable symbols;
    for (const jt_frame& frame : frames) {
      memory_.allow(32 << 20, 50'000);
      const std::size_t before = jvm_.memory.reads();
      const auto id = namer.name(frame, 0, symbols);
      named += symbols.locations()[id.value].lines.empty() ? 0 : 1;
      ASSERT_LT(jvm_.memory.reads() - before, 50'100U);
    }
  }
  EXPECT_GT(named, 1000U) << "most spoiling hits what is not read";
}

// Memory in which every read succeeds and nothing is true.
class LyingMemory final : public process::MemoryReader {
 public:
  enum class Way { Random, SelfPointers, Small, Ones, Zeros };
  LyingMemory(Way way, std::uint64_t seed) : way_(way), seed_(seed) {}
  using MemoryReader::read;

  [[nodiscard]] bool read(ProcessAddr from, std::span<std::byte> into) const override {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < into.size(); ++i) {
      const std::uint64_t at = from.value + i;
      if (i == 0 || at % 8 == 0) word = value(at / 8);
      into[i] = static_cast<std::byte>(word >> (at % 8 * 8));
    }
    return true;
  }

 private:
  std::uint64_t value(std::uint64_t at) const {
    std::uint64_t hash = (at + seed_) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9;
    hash ^= hash >> 32;
    switch (way_) {
      case Way::Random:
        return hash;
      case Way::SelfPointers:
        return 0x7f0000000000 + (hash & 0xffff8);
      case Way::Small:
        return hash % 64 | (hash >> 32) % 64 << 32;
      case Way::Ones:
        return ~0ULL;
      case Way::Zeros:
        break;
    }
    return 0;
  }
  Way way_;
  std::uint64_t seed_;
};

TEST_P(Frames, LyingMemoryNeitherHangsNorCrashes) {
  using Way = LyingMemory::Way;
  for (const Way way : {Way::Random, Way::SelfPointers, Way::Small, Way::Ones, Way::Zeros}) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      const LyingMemory lying(way, seed);
      const GuardedMemory guarded(lying);
      guarded.allow(64 << 20, 100'000);
      const auto heaps = read_code_heaps(guarded, *jvm_.layout.heap);
      if (heaps) static_cast<void>(make_walk_config(guarded, jvm_.layout, *heaps));
      const std::vector<jvmsym::hotspot::CodeHeapInfo> made_up = {{.low = 0x7f0000000000,
                                                                   .high = 0x7f0001000000,
                                                                   .committed = 0x7f0001000000,
                                                                   .segmap = 0x7e0000000000,
                                                                   .segmap_end = 0x7e0000020000,
                                                                   .shift = 7}};
      const BlobReader blobs(guarded, *jvm_.layout.heap, *jvm_.layout.blob, 400);
      jt_hotspot config{};
      learn_names(guarded, blobs, made_up, config);
      static_cast<void>(blobs.find(made_up[0], 0x7f0000800000));
      FrameNamer namer(guarded, jvm_.layout,
                       StubNames(guarded, *jvm_.layout.blob, ProcessAddr{16}, 0, ~0ULL));
      profile::SymbolTable symbols;
      for (std::uint64_t kind = 0; kind < 8; ++kind) {
        guarded.allow(32 << 20, 50'000);
        const jt_frame frame =
            FakeJvm::frame(static_cast<jt_frame_kind>(kind), 0x7f0000001000, 0x500000040);
        static_cast<void>(namer.name(frame, 0, symbols));
      }
      VmSymbols names;
      for (const char* table : {"Struct", "Type", "IntConstant", "LongConstant"}) {
        names.add(std::string("gHotSpotVM") + table + "s", seed * 4096);
        for (const char* part : {"ArrayStride", "TypeNameOffset", "FieldNameOffset",
                                 "TypeStringOffset", "IsStaticOffset", "OffsetOffset",
                                 "AddressOffset", "SizeOffset", "NameOffset", "ValueOffset"}) {
          names.add(std::string("gHotSpotVM") + table + "Entry" + part,
                    seed * 8192 + static_cast<unsigned char>(part[0]));
        }
      }
      guarded.allow(64 << 20, 100'000);
      EXPECT_FALSE(VmStructs::read(guarded, names));
    }
  }
}

TEST_P(Frames, WalkConfigOfAnUnfinishedJvmIsNotReady) {
  // All of the fake's static variables lie in its first words, which are null.
  jvm_.layout.interpreter->code = ProcessAddr{FakeMemory::kBase + 8};
  jvm_.layout.interpreter->call_stub_return = ProcessAddr{FakeMemory::kBase + 16};
  const auto heaps = read_code_heaps(jvm_.memory, *jvm_.layout.heap);
  ASSERT_FALSE(heaps);
  EXPECT_EQ(heaps.error().code, Errc::Target);
  EXPECT_THAT(heaps.error().message, testing::HasSubstr("not ready"));
  const auto config = make_walk_config(jvm_.memory, jvm_.layout, {});
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, testing::HasSubstr("not ready"));
}

}  // namespace
}  // namespace jtrace::test
