// SPDX-License-Identifier: Apache-2.0
// The judge must find every way in which stacks can be wrong, else the integration tests prove
// nothing.
#include <dlfcn.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "integration/support/environment.h"
#include "integration/support/truth.h"

namespace jtrace::test {
namespace {

// Its address in the file.
std::uint64_t libc_address(const char* name) {
  void* symbol = dlsym(RTLD_NEXT, name);
  Dl_info info{};
  if (dladdr(symbol, &info) == 0) return 0;
  return reinterpret_cast<std::uintptr_t>(symbol) -
         reinterpret_cast<std::uintptr_t>(info.dli_fbase);
}

constexpr const char* kTruth =
    "ready\n"
    "PATH t/T.path 10 java/io/F.open0;t/T.open;t/T.path;t/T.run\n"
    "PATH t/T.lambda 4 java/io/F.open0;t/T$$Lambda*.apply;t/T.lambda;t/T.run\n"
    "PATH t/T.mega 3 java/io/F.open0;t/A.f;t/T.mega;t/T.run\n"
    "PATH t/T.mega 2 java/io/F.open0;t/B.f;t/T.mega;t/T.run\n";

constexpr const char* kPath =
    "clone3;start_thread;t/T.run_[0];t/T.path_[1];t/T.open_[i];java/io/F.open0_[j];open64";

class Judge : public ::testing::Test {
 protected:
  static Verdict java(const std::string& collapsed) { return run(kTruth, collapsed, Chain::Java); }
  static Verdict run(const std::string& truth, const std::string& collapsed, Chain chain) {
    const auto paths = parse_truth(truth);
    const auto stacks = parse_collapsed(collapsed);
    EXPECT_TRUE(paths.has_value() && stacks.has_value());
    if (!paths || !stacks) return {};
    return judge(*paths, *stacks, chain, ThreadEntries{});
  }
  // Figures of t/T.path for one stack, performed and counted 10 times.
  static PathFigures one(const std::string& stack) {
    const Verdict verdict = java(stack + " 10\n");
    EXPECT_EQ(verdict.paths.at(0).counted, 10U) << stack;
    return verdict.paths.at(0);
  }
};

TEST_F(Judge, WholeAndExact) {
  const Verdict verdict = java(
      std::string(kPath) +
      " 10\n"
      "__clone3;t/T.run_[j];t/T.lambda_[i];t/T$$Lambda$14/0x00f.apply_[i];java/io/F.open0_[j];o 4\n"
      "_start;t/T.run_[j];t/T.mega_[j];t/A.f_[j];java/io/F.open0_[j];open64 3\n"
      "clone;t/T.run_[j];t/T.mega_[j];t/B.f_[j];java/io/F.open0_[j];open64 2\n"
      "clone3;CompileBroker;open64 7\n");
  EXPECT_EQ(verdict.miscounts(), "");
  EXPECT_EQ(verdict.performed(), 19U);
  EXPECT_EQ(verdict.counted(), 19U);
  EXPECT_EQ(verdict.whole(), 19U);
  EXPECT_EQ(verdict.others_count(), 7U);
  EXPECT_EQ(verdict.paths.size(), 3U);
  EXPECT_EQ(verdict.table().find("not whole"), std::string::npos);
}

TEST_F(Judge, OneStackInSeveralLines) {
  const Verdict verdict =
      java(std::string(kPath) +
           " 6\nclone3;t/T.run_[j];t/T.path_[j];t/T.open_[j];java/io/F.open0_[j];open64 4\n");
  EXPECT_EQ(verdict.paths[0].counted, 10U);
  EXPECT_EQ(verdict.paths[0].whole, 10U);
}

TEST_F(Judge, MissingInlinedFrame) {
  const PathFigures path = one("clone3;t/T.run_[0];t/T.path_[1];java/io/F.open0_[j];open64");
  EXPECT_EQ(path.whole, 0U);
  EXPECT_NE(path.example.find("t/T.path where t/T.open should be"), std::string::npos);
}

TEST_F(Judge, MissingRootFrameOfJava) {
  const PathFigures path = one("clone3;t/T.path_[1];t/T.open_[i];java/io/F.open0_[j];open64");
  EXPECT_EQ(path.whole, 0U);
  EXPECT_NE(path.example.find("t/T.run is missing"), std::string::npos);
}

TEST_F(Judge, FramesOutOfOrder) {
  EXPECT_EQ(one("clone3;t/T.run_[0];t/T.open_[1];t/T.path_[i];java/io/F.open0_[j];open64").whole,
            0U);
}

TEST_F(Judge, FrameTooMany) {
  const char* twice =
      "clone3;t/T.run_[0];t/T.path_[1];t/T.path_[1];t/T.open_[i];java/io/F.open0_[j];open64";
  EXPECT_EQ(one(twice).whole, 0U);
  const char* root =
      "clone3;t/X.y_[j];t/T.run_[0];t/T.path_[1];t/T.open_[i];java/io/F.open0_[j];open64";
  EXPECT_NE(one(root).example.find("t/X.y where no more Java should be"), std::string::npos);
}

TEST_F(Judge, RootMustBeAThreadsEntry) {
  const PathFigures path =
      one("start_thread;t/T.run_[0];t/T.path_[1];t/T.open_[i];java/io/F.open0_[j];open64");
  EXPECT_EQ(path.whole, 0U);
  EXPECT_NE(path.example.find("root start_thread"), std::string::npos);
}

TEST_F(Judge, NothingMayBeMarkedAsMissing) {
  for (const char* marker : {"[truncated]", "[gap]", "[unknown] 0x1234 [not mapped]"}) {
    EXPECT_EQ(one(fmt::format("clone3;{};t/T.run_[0];t/T.path_[1];t/T.open_[i];"
                              "java/io/F.open0_[j];open64",
                              marker))
                  .whole,
              0U);
  }
}

TEST_F(Judge, LeafMustBeNative) {
  EXPECT_EQ(one("clone3;t/T.run_[0];t/T.path_[1];t/T.open_[i];java/io/F.open0_[j]").whole, 0U);
}

TEST_F(Judge, NativeFramesBetweenJavaFrames) {
  const char* upcall =
      "clone3;JavaMain;call_stub;t/T.run_[0];t/T.path_[1];Java_t_T_up;call_stub;t/T.open_[i];"
      "java/io/F.open0_[j];libjava.so+0x12 [no symbols];open64";
  EXPECT_EQ(one(upcall).whole, 10U);
}

TEST_F(Judge, LambdaFormsAreHiddenFromTheTruth) {
  const char* handle =
      "clone3;t/T.run_[0];t/T.path_[1];java/lang/invoke/LambdaForm$MH/0x0008.invokeExact_MT_[i];"
      "java/lang/invoke/Invokers$Holder.invoke_[j];t/T.open_[i];java/io/F.open0_[j];open64";
  EXPECT_EQ(one(handle).whole, 10U);
  // Another hidden class is not: the truth has its name.
  const char* proxy =
      "clone3;t/T.run_[0];t/T.path_[1];t/T$$Lambda$1.apply_[j];t/T.open_[i];java/io/F.open0_[j];o";
  EXPECT_EQ(one(proxy).whole, 0U);
}

TEST_F(Judge, WrongCounts) {
  const Verdict less = java(std::string(kPath) + " 9\n");
  EXPECT_NE(less.miscounts().find("t/T.path: 10 performed, 9 counted"), std::string::npos);
  EXPECT_NE(less.miscounts().find("t/T.mega: 5 performed, 0 counted"), std::string::npos);
  const Verdict more = java(std::string(kPath) + " 11\n");
  EXPECT_NE(more.miscounts().find("t/T.path: 10 performed, 11 counted"), std::string::npos);
  EXPECT_EQ(more.paths[0].whole, 10U);
}

TEST_F(Judge, OneReceiverInPlaceOfAnother) {
  const Verdict verdict =
      java("clone3;t/T.run_[j];t/T.mega_[j];t/A.f_[j];java/io/F.open0_[j];open64 5\n");
  EXPECT_EQ(verdict.paths[2].counted, 5U);
  EXPECT_EQ(verdict.paths[2].whole, 3U);
  EXPECT_NE(verdict.paths[2].example.find("5 of 3 opens"), std::string::npos);
}

constexpr const char* kNative = "PATH mark 5 open_once*;middle;*;mark\n";

TEST_F(Judge, NativeChain) {
  for (const char* good :
       {"clone3;start_thread;run;mark;qsort;libc.so.6+0x1 [no symbols];middle;open_once();open64",
        "_start;mark;middle;open_once()"}) {
    EXPECT_EQ(run(kNative, std::string(good) + " 5\n", Chain::Native).whole(), 5U) << good;
  }
  for (const char* bad :
       {"clone3;mark;open_once();open64", "clone3;mark;middle;x;open_once();open64",
        "clone3;mark;middle;open_once();a;b;c;d", "mark;middle;open_once();open64",
        "clone3;middle;mark;open_once()"}) {
    const Verdict verdict = run(kNative, std::string(bad) + " 5\n", Chain::Native);
    EXPECT_EQ(verdict.counted(), 5U) << bad;
    EXPECT_EQ(verdict.whole(), 0U) << bad;
  }
}

TEST(Truth, RefusesWhatIsMalformed) {
  for (const char* text : {"", "ready\n", "PATH a b c\n", "PATH a 1\n", "PATH a 1 b c d\n"}) {
    EXPECT_FALSE(parse_truth(text).has_value()) << text;
  }
}

// Paths that name their events: each is judged by the stacks of its own, in full.
TEST(JudgeEvents, EachByItsOwn) {
  const auto truth = parse_truth(
      "PATH t/T.path 2 java/io/F.read0;t/T.path;t/T.run sys_enter_read\n"
      "PATH t/T.park 3+ s/U.park;t/T.park;t/T.run sys_enter_futex\n"
      "PATH t/T.fork 1 j/P.fork;t/T.fork;t/T.run sys_enter_clone|sys_enter_vfork\n"
      "NATIVE thread 4 deep;thread sys_enter_read\n");
  ASSERT_TRUE(truth.has_value());
  const auto judged = [&](const std::string& path, const std::string& park) {
    const auto stacks = parse_collapsed(
        "clone3;t/T.run_[0];" + path + ";java/io/F.read0_[j];r;syscalls:sys_enter_read 2\n" +
        "clone3;t/T.run_[0];t/T.path_[0];malloc;syscalls:sys_enter_mmap 9\n"
        "clone3;t/T.run_[0];t/T.park_[0];" +
        park +
        ";f;syscalls:sys_enter_futex 5\n"
        "clone3;t/T.run_[0];t/T.park_[0];CompileBroker;f;syscalls:sys_enter_futex 1\n"
        "clone3;t/T.run_[0];t/T.park_[0];s/U.before_[0];CompileBroker::compile_method(Method*);"
        "f;syscalls:sys_enter_futex 1\n"
        "clone3;t/T.run_[0];t/T.fork_[0];j/P.fork_[j];vfork;syscalls:sys_enter_vfork 1\n"
        "clone3;thread;deep;read;syscalls:sys_enter_read 4\n"
        "clone3;other;syscalls:sys_enter_read 1\n");
    EXPECT_TRUE(stacks.has_value());
    const std::vector<std::string> events{"syscalls:sys_enter_read", "syscalls:sys_enter_futex"};
    return judge_events(*truth, *stacks, events, ThreadEntries{});
  };
  const Verdict good = judged("t/T.path_[j]", "s/U.park_[j]");
  EXPECT_EQ(good.miscounts(), "");
  EXPECT_EQ(good.performed(), 12U);
  EXPECT_EQ(good.whole(), 12U);
  ASSERT_EQ(good.others.size(), 1U);
  // A hidden frame too many, and one too few where so many or more are allowed.
  const Verdict extra = judged("t/T.path_[j];java/lang/Thread.runWith_[0]", "s/U.park_[j]");
  EXPECT_EQ(extra.whole(), 10U);
  EXPECT_EQ(judged("t/T.path_[j]", "x/X.x_[j]").whole(), 7U);
  EXPECT_NE(judged("t/T.path_[j]", "mutex").miscounts(), "");
}

TEST(Truth, Glob) {
  EXPECT_TRUE(glob("a*c", "abbc"));
  EXPECT_TRUE(glob("a*c", "ac"));
  EXPECT_TRUE(glob("*", ""));
  EXPECT_TRUE(glob("a*b*c", "axbxbc"));
  EXPECT_FALSE(glob("a*c", "acb"));
  EXPECT_FALSE(glob("a", "ab"));
  EXPECT_FALSE(glob("a*", "b"));
}

TEST(Truth, OnlyEventTakesTheLeafOff) {
  JT_ASSERT_OK(const auto stacks, parse_collapsed("a;b;s:open 3\na;b;s:read 4\ns:open 1\n"));
  const auto open = only_event(stacks, "s:open");
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(to_text(open[0]), "a;b");
  EXPECT_EQ(open[0].count, 3U);
}

TEST(ThreadEntries, ByName) {
  const ThreadEntries entries;
  EXPECT_TRUE(entries.is_entry("_start"));
  EXPECT_TRUE(entries.is_entry("__clone3"));
  EXPECT_FALSE(entries.is_entry("start_thread"));
  EXPECT_FALSE(entries.is_entry("libc.so.6+0x10 [no symbols]"));
}

TEST(ThreadEntries, ByUnwindTable) {
  ThreadEntries entries;
  ASSERT_TRUE(entries.add_own_libc().has_value());
  // Where clone() lies is in libc's dynamic symbols; that nothing called it is not.
  const std::uint64_t clone = libc_address("clone");
  const std::uint64_t malloc = libc_address("malloc");
  ASSERT_NE(clone, 0U);
  bool some = false;
  for (std::uint64_t at = clone; at < clone + 91; ++at) {
    some = some || entries.is_entry(fmt::format("libc.so.6+{:#x} [no symbols]", at));
  }
  EXPECT_TRUE(some);
  EXPECT_FALSE(entries.is_entry(fmt::format("libc.so.6+{:#x} [no symbols]", malloc + 1)));
  EXPECT_FALSE(entries.is_entry("libc.so.6+0x [no symbols]"));
  EXPECT_FALSE(entries.is_entry("other.so+0x10"));
}

}  // namespace
}  // namespace jtrace::test
