// SPDX-License-Identifier: Apache-2.0
// Programs that were not made for this: the JDK's compiler as a command from its first instruction,
// and in process. bpftrace counts beside jtrace.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "integration/support/trace_run.h"

namespace jtrace::test {
namespace {

// An independent count of one process's openat calls.
class SecondCount {
 public:
  Status start(pid_t target) {
    // One probe for both: once it has seen us, it sees the target.
    const std::string program = fmt::format(
        "tracepoint:syscalls:sys_enter_openat {{ if (pid == {}) {{ printf(\"seen\\n\"); }} "
        "else {{ if (pid == {}) {{ @ = count(); }} }} }}",
        getpid(), target);
    JT_TRY(Child child, Child::start({built("truth_launcher"), "tracefs", "--", "bpftrace", "-B",
                                      "none", "-e", program}));
    const auto seen = [](const Child& c) {
      close(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC));
      return c.out().find("seen\n") != std::string::npos;
    };
    JT_CHECK_OK(child.wait_until("attached bpftrace", seen, kPatience));
    child_.emplace(std::move(child));
    return {};
  }

  Result<std::uint64_t> finish() {
    JT_CHECK_OK(child_->signal(SIGINT));
    JT_TRY(const int status, child_->wait_exit(kPatience));
    const auto at = child_->out().find("@: ");
    std::uint64_t count = 0;
    const char* end = child_->out().data() + child_->out().size();
    if (status != 0 || at == std::string::npos ||
        std::from_chars(child_->out().data() + at + 3, end, count).ec != std::errc()) {
      return fail(Errc::Environment, "bpftrace: " + child_->out() + child_->err());
    }
    return count;
  }

 private:
  std::optional<Child> child_;
};

class RealProgram : public ::testing::Test {
 protected:
  void run(const std::vector<std::string>& target, double least_whole) {
    SecondCount second;
    TraceOptions options;
    options.before_go = [&](pid_t pid) { return second.start(pid); };
    JT_ASSERT_OK(const Traced traced, trace(target, options));
    JT_ASSERT_OK(const std::uint64_t count, second.finish());
    ThreadEntries entries;
    ASSERT_TRUE(entries.add_own_libc().has_value());
    ASSERT_TRUE(entries.add(jdk() / "bin/javac").has_value());  // stripped: no name for _start
    std::uint64_t all = 0;
    std::uint64_t whole = 0;
    for (const Stack& stack : traced.stacks) {
      all += stack.count;
      const std::string why = not_whole(stack, entries);
      if (why.empty())
        whole += stack.count;
      else
        fmt::print("not whole: {} x {}: {}\n", stack.count, why, to_text(stack));
    }
    fmt::print("bpftrace {}, jtrace {}, in {} stacks, whole {} ({:.3f} %), complete {:.3f} %\n",
               count, all, traced.stacks.size(), whole,
               100.0 * static_cast<double>(whole) / static_cast<double>(all),
               100.0 * traced.complete_share());
    fmt::print("{}", to_text(traced.ledger));
    EXPECT_EQ(all, count);
    EXPECT_EQ(traced.ledger.count("fired"), count);
    EXPECT_EQ(ledger_faults(traced.ledger), "");
    EXPECT_GE(static_cast<double>(whole), least_whole * static_cast<double>(all));
    EXPECT_GE(traced.complete_share(), least_whole);
  }

  // Sources for a compiler to read.
  std::vector<std::string> sources(int count) {
    std::vector<std::string> files;
    for (int i = 0; i < count; ++i) {
      files.push_back(directory_.path() / fmt::format("C{}.java", i));
      std::ofstream(files.back()) << fmt::format(
          "import java.util.*;\nclass C{} {{ List<C{}> next = new ArrayList<>();\n"
          "  int sum(int... xs) {{ return Arrays.stream(xs).map(x -> x + {}).sum(); }} }}\n",
          i, (i + 1) % count, i);
    }
    return files;
  }

  TemporaryDirectory directory_;
};

std::optional<std::string> missing() {
  auto reason = no_jdk();
  return reason ? reason : no_program("bpftrace");
}

TEST_F(RealProgram, CompilerInProcess) {
  JT_NEEDS("java", missing());
  run({jdk() / "bin/java", "-cp", built("classes"), "truth.CompileLoop", directory_.path(), "12"},
      0.999);
}

TEST_F(RealProgram, CompilerFromItsFirstInstruction) {
  JT_NEEDS("java", missing());
  std::vector<std::string> command{built("truth_launcher"), "wait", "--",
                                   jdk() / "bin/javac",     "-d",   directory_.path() / "classes"};
  for (std::string& file : sources(300)) command.push_back(std::move(file));
  run(command, 0.999);
}

// A JVM that has ended by the time anybody looks: its stacks were named while it lived.
TEST(ShortProgram, NearlyAllFramesAreNamed) {
  JT_NEEDS("java", no_jdk());
  const TemporaryDirectory directory;
  const std::string source = directory.path() / "One.java";
  std::ofstream(source) << "class One { int f(int x) { return x + 1; } }\n";
  TraceOptions options;
  options.events = {
      "syscalls:sys_enter_openat,syscalls:sys_enter_read,syscalls:sys_enter_futex,"
      "syscalls:sys_enter_newfstatat"};
  JT_ASSERT_OK(const Traced traced,
               trace({built("truth_launcher"), "wait", "--", jdk() / "bin/javac", "-d",
                      directory.path() / "classes", source},
                     options));
  std::uint64_t named = 0;
  std::uint64_t unnamed = 0;
  for (const Stack& stack : traced.stacks) {
    for (const Frame& frame : stack.frames) {
      if (frame.java()) named += stack.count;
      if (frame.name.starts_with("[unknown]")) unnamed += stack.count;
    }
  }
  const double share = static_cast<double>(named) / static_cast<double>(named + unnamed);
  fmt::print("{} Java frames named, {} frames not: {:.3f} %\n{}", named, unnamed, 100 * share,
             to_text(traced.ledger));
  EXPECT_GT(named, 1000U);
  EXPECT_GE(share, 0.99);
  EXPECT_EQ(ledger_faults(traced.ledger), "");
}

}  // namespace
}  // namespace jtrace::test
