// SPDX-License-Identifier: Apache-2.0
// Against a running JVM: what is read from outside must equal what the JVM says of itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <tuple>
#include <utility>

#include "jvmsym/hotspot/code_heap.h"
#include "jvmsym/hotspot/layout.h"
#include "jvmsym/hotspot/scopes.h"
#include "jvmsym/hotspot/vm_structs.h"
#include "unit/jvmsym/live_jvm.h"

namespace jtrace::test {
namespace {

using jvmsym::hotspot::BlobHeader;
using jvmsym::hotspot::BlobReader;
using jvmsym::hotspot::CodeHeapInfo;
using jvmsym::hotspot::HotspotVm;
using jvmsym::hotspot::Layout;
using jvmsym::hotspot::NmethodTables;
using jvmsym::hotspot::VmStructs;
using jvmsym::hotspot::VmSymbols;
using profile::FrameKind;
using profile::Line;
using profile::Location;
using profile::UnknownReason;

// The line numbers in the expectations below are those of this text.
constexpr std::string_view kChainSource = R"(import java.io.*;
import java.util.*;
import java.util.function.*;
public class Chain {
  static int sum;
  static void sink(int x) {
    sum += x;
  }
  static void inner(int x) {
    sink(x);
  }
  static void middle(int x) {
    int y = x + 1;
    inner(y);
  }
  static void outer(int x) {
    middle(x);
    sum ^= x;
  }
  static int deep(int n) throws IOException {
    if (n == 0) {
      return System.in.read();
    }
    return deep(n - 1) + 1;
  }
  public static void main(String[] args) throws Exception {
    Map<String, Integer> map = new TreeMap<>();
    IntUnaryOperator add = v -> v + args.length;
    final int rounds = Integer.getInteger("rounds", 100_000);
    for (int i = 0; i < rounds; i++) {
      outer(i);
      map.merge("k" + i % 100, add.applyAsInt(i), Integer::sum);
    }
    for (int i = 0; i < rounds / 10; i++) {
      try (InputStream in = new FileInputStream("/dev/null")) {
        in.read();
      }
    }
    System.out.println("ready");
    deep(5);
  }
}
)";

struct CodeEntry {  // a line of jcmd Compiler.codelist
  int level = 0;
  std::string method;  // internal form, with signature
  friend bool operator==(const CodeEntry&, const CodeEntry&) = default;
};
using CodeList = std::map<std::pair<std::uint64_t, std::uint32_t>, CodeEntry>;  // (blob, id)

CodeList code_list(const LiveJvm& jvm) {
  CodeList list;
  std::istringstream lines(jvm.jcmd("Compiler.codelist"));
  for (std::string line; std::getline(lines, line);) {
    // 6 4 0 Spin.f(I)I [0x00007fb444ec7490, 0x... - 0x...]
    std::istringstream words(line);
    std::uint32_t id = 0;
    int state = 0;
    CodeEntry entry;
    std::string blob;
    if (!(words >> id >> entry.level >> state >> entry.method >> blob)) continue;
    const std::size_t dot = entry.method.rfind('.', entry.method.find('('));
    for (std::size_t i = 0; i < dot; ++i) {
      char& c = entry.method[i];
      // "Main$$Lambda$1/0x123.get": the JVM itself has a plus there, and slashes for the dots.
      if (c == '/')
        c = '+';
      else if (c == '.')
        c = '/';
    }
    list[{std::strtoull(blob.c_str() + 1, nullptr, 16), id}] = entry;
  }
  return list;
}

// The JVM's code cache, enumerated by the parts that HotspotVm is made of.
struct CodeCacheView {
  Layout layout;
  std::vector<CodeHeapInfo> heaps;

  static CodeCacheView open(const LiveJvm& jvm) {
    const LiveJvm::Libjvm lib = jvm.libjvm();
    const auto symbols = VmSymbols::load(lib.file.get(), lib.bias);
    const auto structs = VmStructs::read(jvm.memory(), symbols.value());
    CodeCacheView view;
    view.layout =
        make_layout(jvm.memory(), structs.value(), major_version(jvm.memory(), structs.value()));
    view.heaps = read_code_heaps(jvm.memory(), view.layout.heap.value()).value();
    return view;
  }
};

jt_frame frame_of(jt_frame_kind kind, std::uint64_t address, std::uint64_t info) {
  return {.where = std::uint64_t{kind} << JT_ADDR_BITS | address, .info = info};
}

class HotspotLive : public testing::Test {
 protected:
  void SetUp() override {
    if (home_.empty()) {
      const char* required = std::getenv("JTRACE_REQUIRE");
      ASSERT_FALSE(required != nullptr && std::string(required).find("java") != std::string::npos);
      GTEST_SKIP() << "no JDK: set JAVA_HOME";
    }
    if (!program_) program_ = std::make_unique<JavaProgram>(home_, "Chain", kChainSource);
  }
  static void TearDownTestSuite() { program_.reset(); }

  std::unique_ptr<LiveJvm> start(const std::vector<std::string>& flags) {
    auto jvm = std::make_unique<LiveJvm>(home_, *program_, flags);
    jvm->wait_ready();
    return jvm;
  }
  const Location& locate(HotspotVm& vm, const jt_frame& frame) {
    return symbols_.locations()[vm.symbolize(frame, 0, symbols_).value];
  }
  std::string name(const Line& line) const {
    return symbols_.strings()[symbols_.functions()[line.function.value].name.value];
  }
  std::string system_name(const Line& line) const {
    return symbols_.strings()[symbols_.functions()[line.function.value].system_name.value];
  }
  std::string file(const Line& line) const {
    return symbols_.strings()[symbols_.functions()[line.function.value].filename.value];
  }

  std::string home_ = java_home();
  inline static std::unique_ptr<JavaProgram> program_;  // compiled once for all tests
  profile::SymbolTable symbols_;
};

FrameKind kind_of_level(int level) {
  if (level == 0) return FrameKind::JavaNative;
  return level == 4 ? FrameKind::JavaC2 : FrameKind::JavaC1;
}

class HotspotLiveCode : public HotspotLive,
                        public testing::WithParamInterface<std::vector<std::string>> {
 protected:
  struct Job {
    CodeList::key_type key;
    jt_frame frame;
    Location location;
  };

  // A frame for every pc with debug information, and one for every native wrapper.
  static std::vector<Job> all_frames(const LiveJvm& jvm, const jt_hotspot& config) {
    const CodeCacheView view = CodeCacheView::open(jvm);
    std::vector<Job> jobs;
    const BlobReader blobs(jvm.memory(), *view.layout.heap, *view.layout.blob, 480);
    const auto visit = [&](const CodeHeapInfo& heap, const BlobHeader& blob) {
      if (blob.name != config.name_nmethod && blob.name != config.name_native) return;
      EXPECT_EQ(blobs.find(heap, blob.code_begin), blob.blob);
      EXPECT_EQ(blobs.find(heap, blob.code_end - 1), blob.blob);
      const auto add = [&](jt_frame_kind kind, std::uint64_t pc) {
        const std::uint64_t info = std::uint64_t{blob.compile_id} << 32 | (pc - blob.blob.value);
        jobs.push_back({{blob.blob.value, blob.compile_id}, frame_of(kind, pc, info), {}});
      };
      if (blob.name == config.name_native) {
        add(JT_FRAME_WRAPPER, blob.code_begin + 1);
        return;
      }
      // Code without any entry still has its method.
      add(JT_FRAME_COMPILED, blob.code_end);
      const auto tables = NmethodTables::read(jvm.memory(), *view.layout.scopes, blob);
      if (!tables) return;
      for (const std::uint32_t offset : tables->pc_offsets()) {
        add(JT_FRAME_COMPILED, blob.code_begin + offset);
      }
    };
    for (const CodeHeapInfo& heap : view.heaps) {
      blobs.for_each(heap, 100'000, [&](const BlobHeader& blob) {
        visit(heap, blob);
        return true;
      });
    }
    return jobs;
  }

  void check(const Location& location, const CodeEntry& expected) {
    ASSERT_EQ(location.reason, UnknownReason::None) << expected.method;
    ASSERT_FALSE(location.lines.empty());
    const Line& root = location.lines.back();
    EXPECT_EQ(system_name(root), expected.method);
    EXPECT_EQ(root.kind, kind_of_level(expected.level)) << expected.method;
    for (std::size_t i = 0; i + 1 < location.lines.size(); ++i) {
      EXPECT_EQ(location.lines[i].kind, FrameKind::JavaInlined);
    }
  }
};

// -Xcomp compiles all that is called: thousands of methods, deep inlining.
INSTANTIATE_TEST_SUITE_P(Flags, HotspotLiveCode,
                         testing::Values(std::vector<std::string>{},
                                         std::vector<std::string>{"-Xcomp", "-Drounds=100"},
                                         std::vector<std::string>{"-XX:-SegmentedCodeCache",
                                                                  "-XX:TieredStopAtLevel=1"}));

TEST_P(HotspotLiveCode, EveryCompiledPcAgreesWithTheCodeList) {
  const auto jvm = start(GetParam());
  const auto vm = jvm->attach();
  ASSERT_TRUE(vm) << vm.error().message;
  EXPECT_EQ((*vm)->missing(), std::vector<std::string>{});
  CodeList list = code_list(*jvm);
  std::vector<Job> jobs = all_frames(*jvm, (*vm)->walk_config());
  const auto begin = std::chrono::steady_clock::now();
  for (Job& job : jobs) job.location = locate(**vm, job.frame);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  // What is in both lists was there in between.
  const CodeList after = code_list(*jvm);
  std::erase_if(list, [&](const auto& entry) {
    const auto found = after.find(entry.first);
    return found == after.end() || found->second != entry.second;
  });

  std::size_t frames = 0;
  std::size_t inlined = 0;
  std::set<CodeList::key_type> seen;
  for (const Job& job : jobs) {
    const auto expected = list.find(job.key);
    if (expected == list.end()) continue;
    check(job.location, expected->second);
    if (HasFatalFailure()) return;
    ++frames;
    inlined += job.location.lines.size() - 1;
    seen.insert(job.key);
  }
  EXPECT_EQ(seen.size(), list.size()) << "nmethods that the walk over the heaps did not see";
  EXPECT_GT(list.size(), 100U);
  EXPECT_GT(frames, 300U);
  EXPECT_GT(inlined, 100U);
  std::printf("%zu nmethods, %zu frames checked, %zu inlined lines; %zu frames named in %.0f us\n",
              list.size(), frames, inlined, jobs.size(), took.count());
}

using Expected = std::tuple<std::string, std::uint32_t, FrameKind>;  // name, line, kind

TEST_F(HotspotLive, KnownInliningChainWithItsLines) {
  const auto jvm =
      start({"-XX:CompileCommand=quiet", "-XX:CompileCommand=dontinline,Chain.sink",
             "-XX:CompileCommand=inline,Chain.inner", "-XX:CompileCommand=inline,Chain.middle",
             "-XX:CompileCommand=dontinline,Chain.outer", "-Xbatch"});
  const auto vm = jvm->attach();
  ASSERT_TRUE(vm) << vm.error().message;
  const CodeCacheView view = CodeCacheView::open(*jvm);
  const std::vector<Expected> chain = {{"Chain.inner", 10, FrameKind::JavaInlined},
                                       {"Chain.middle", 14, FrameKind::JavaInlined},
                                       {"Chain.outer", 17, FrameKind::JavaC2}};
  bool found = false;
  const BlobReader blobs(jvm->memory(), *view.layout.heap, *view.layout.blob, 480);
  for (const CodeHeapInfo& heap : view.heaps) {
    blobs.for_each(heap, 100'000, [&](const BlobHeader& blob) {
      if (blob.name != (*vm)->walk_config().name_nmethod || blob.comp_level != 4) return true;
      const auto tables = NmethodTables::read(jvm->memory(), *view.layout.scopes, blob);
      if (!tables) return true;
      for (const std::uint32_t offset : tables->pc_offsets()) {
        const std::uint64_t pc = blob.code_begin + offset;
        const Location& at =
            locate(**vm, frame_of(JT_FRAME_COMPILED, pc,
                                  std::uint64_t{blob.compile_id} << 32 | (pc - blob.blob.value)));
        if (at.lines.empty() || name(at.lines.back()) != "Chain.outer") continue;
        std::vector<Expected> lines;
        for (const Line& line : at.lines) {
          lines.emplace_back(name(line), line.line, line.kind);
          EXPECT_EQ(file(line), "Chain.java");
        }
        found = found || lines == chain;
      }
      return true;
    });
  }
  EXPECT_TRUE(found);
}

// Interpreted frames of the thread that waits in System.in.read(), from its JavaFrameAnchor down:
// the slots that BPF reads at an event.
std::vector<jt_frame> interpreted_stack(const LiveJvm& jvm, const jt_hotspot& config) {
  const LiveJvm::Libjvm lib = jvm.libjvm();
  const auto symbols = VmSymbols::load(lib.file.get(), lib.bias);
  const auto structs = VmStructs::read(jvm.memory(), symbols.value()).value();
  const auto word = [&](std::uint64_t at) {
    return jvm.memory().read<std::uint64_t>(ProcessAddr{at}).value_or(0);
  };
  const auto offset = [&](std::string_view type, std::string_view field) {
    return structs.find({{type, field}})->offset;
  };
  const std::uint64_t list =
      word(structs.find({{"ThreadsSMRSupport", "_java_thread_list"}})->address);
  const std::uint64_t count = word(list + offset("ThreadsList", "_length")) & 0xffffffff;
  std::vector<jt_frame> best;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t thread = word(word(list + offset("ThreadsList", "_threads")) + i * 8);
    const std::uint64_t anchor = thread + offset("JavaThread", "_anchor");
    std::uint64_t fp = word(anchor + offset("JavaFrameAnchor", "_last_Java_fp"));
    std::vector<jt_frame> frames;
    for (std::uint64_t pc = config.interpreter_lo;
         fp != 0 && pc >= config.interpreter_lo && pc < config.interpreter_hi;) {
      const auto slot = [&](std::int64_t words) {
        return word(fp + static_cast<std::uint64_t>(words * 8));
      };
      frames.push_back(
          frame_of(JT_FRAME_INTERPRETED, slot(config.slot_method), slot(config.slot_bcp)));
      pc = slot(1);
      fp = slot(0);
    }
    if (frames.size() > best.size()) best = frames;
  }
  return best;
}

TEST_F(HotspotLive, InterpretedStackEqualsThreadPrint) {
  const auto jvm = start({"-Xint", "-Drounds=100"});
  const auto vm = jvm->attach();
  ASSERT_TRUE(vm) << vm.error().message;
  // The interpreter waits in read(): jcmd's own thread comes and goes, main's stack stands.
  std::vector<std::string> expected;
  std::istringstream lines(jvm->jcmd("Thread.print"));
  bool in_main = false;
  static const std::regex at(R"(\tat (?:[\w.@]*//?)?([\w.$<>]+)\((?:[^/)]*/)?([^)]*)\).*)");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("\"")) in_main = line.starts_with("\"main\"");
    std::smatch match;
    if (in_main && std::regex_match(line, match, at)) {
      expected.push_back(match[1].str() + " " + match[2].str());
    }
  }
  std::vector<std::string> actual;
  for (const jt_frame& frame : interpreted_stack(*jvm, (*vm)->walk_config())) {
    const Location& location = locate(**vm, frame);
    ASSERT_EQ(location.lines.size(), 1U) << static_cast<int>(location.reason);
    const Line& line = location.lines[0];
    std::string text = name(line);
    std::replace(text.begin(), text.end(), '/', '.');
    if (line.kind == FrameKind::JavaNative) {
      EXPECT_EQ(line.bci, -1);
      text += " Native Method";
    } else {
      EXPECT_EQ(line.kind, FrameKind::JavaInterpreted);
      EXPECT_GE(line.bci, 0);
      text += " " + file(line) + ":" + std::to_string(line.line);
    }
    actual.push_back(text);
  }
  EXPECT_GT(actual.size(), 8U);
  EXPECT_EQ(actual, expected);
}

TEST_F(HotspotLive, StubsAndTheCallStubHaveNames) {
  const auto jvm = start({});
  const auto vm = jvm->attach();
  ASSERT_TRUE(vm) << vm.error().message;
  const jt_hotspot& config = (*vm)->walk_config();
  const auto entry = locate(**vm, frame_of(JT_FRAME_ENTRY, config.call_stub_return, 0));
  ASSERT_EQ(entry.lines.size(), 1U);
  EXPECT_EQ(name(entry.lines[0]), "call_stub");
  const CodeCacheView view = CodeCacheView::open(*jvm);
  const BlobReader blobs(jvm->memory(), *view.layout.heap, *view.layout.blob, 480);
  std::set<std::string> names;
  for (const CodeHeapInfo& heap : view.heaps) {
    blobs.for_each(heap, 100'000, [&](const BlobHeader& blob) {
      if (blob.name == config.name_nmethod || blob.name == config.name_native) return true;
      const std::uint64_t pc = blob.blob.value + 128;
      const Location location = locate(**vm, frame_of(JT_FRAME_STUB, pc, 128));
      EXPECT_EQ(location.lines.size(), 1U);
      if (location.lines.size() != 1) return true;
      EXPECT_EQ(location.lines[0].kind, FrameKind::JavaStub);
      names.insert(name(location.lines[0]));
      return true;
    });
  }
  EXPECT_GT(names.size(), 30U);
  for (const char* always : {"DeoptimizationBlob", "Interpreter", "SafepointBlob"}) {
    EXPECT_TRUE(names.contains(always)) << always;
  }
  EXPECT_FALSE(names.contains("nmethod"));
  // Where libjvm.so keeps its .symtab, a stub has a name finer than its blob's.
  const LiveJvm::Libjvm lib = jvm->libjvm();
  if (!VmSymbols::load(lib.file.get(), lib.bias)->find(jvmsym::hotspot::kStubListSymbol)) return;
  for (const CodeHeapInfo& heap : view.heaps) {
    const auto blob = blobs.find(heap, config.call_stub_return);
    if (!blob) continue;
    const Location stub = locate(**vm, frame_of(JT_FRAME_STUB, config.call_stub_return,
                                                config.call_stub_return - blob->value));
    ASSERT_EQ(stub.lines.size(), 1U);
    EXPECT_EQ(name(stub.lines[0]), "StubRoutines::call_stub");
  }
}

TEST_F(HotspotLive, OldCompileIdAndEndedProcessSayWhy) {
  const auto jvm = start({"-Xbatch"});
  const auto vm = jvm->attach();
  ASSERT_TRUE(vm) << vm.error().message;
  const CodeCacheView view = CodeCacheView::open(*jvm);
  const BlobReader blobs(jvm->memory(), *view.layout.heap, *view.layout.blob, 480);
  std::optional<BlobHeader> nmethod;
  for (const CodeHeapInfo& heap : view.heaps) {
    blobs.for_each(heap, 100'000, [&](const BlobHeader& blob) {
      if (blob.name != (*vm)->walk_config().name_nmethod) return true;
      nmethod = blob;
      return false;
    });
  }
  ASSERT_TRUE(nmethod);
  const std::uint64_t pc = nmethod->code_end - 1;
  const std::uint64_t distance = pc - nmethod->blob.value;
  const auto frame = [&](std::uint32_t id) {
    return frame_of(JT_FRAME_COMPILED, pc, std::uint64_t{id} << 32 | distance);
  };
  EXPECT_EQ(locate(**vm, frame(nmethod->compile_id)).reason, UnknownReason::None);
  EXPECT_EQ(locate(**vm, frame(nmethod->compile_id + 1'000'000)).reason,
            UnknownReason::CodeReplaced);
  jvm->kill();
  EXPECT_EQ(locate(**vm, frame(nmethod->compile_id)).reason, UnknownReason::None) << "cached";
  EXPECT_EQ(locate(**vm, frame(nmethod->compile_id + 2)).reason, UnknownReason::ProcessGone);
  EXPECT_EQ(locate(**vm, frame_of(JT_FRAME_INTERPRETED, nmethod->method, 0)).reason,
            UnknownReason::ProcessGone);
}

TEST_F(HotspotLive, AttachWhileItStartsSaysNotReady) {
  LiveJvm jvm(home_, *program_, {});
  // From libjvm.so being mapped to the first success: every refusal asks to be tried again.
  for (int attempt = 0;; ++attempt) {
    const auto vm = jvm.attach();
    if (vm) break;
    EXPECT_THAT(vm.error().message, testing::HasSubstr("not ready"));
    EXPECT_EQ(vm.error().code, Errc::Target);
    ASSERT_LT(attempt, 1'000'000);
  }
}

TEST_F(HotspotLive, AttachesQuickly) {
  const auto jvm = start({});
  auto best = std::chrono::steady_clock::duration::max();
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(jvm->attach());
    best = std::min(best, std::chrono::steady_clock::now() - begin);
  }
  std::printf(
      "attach: %ld us\n",
      static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(best).count()));
  EXPECT_LT(best, std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace jtrace::test
