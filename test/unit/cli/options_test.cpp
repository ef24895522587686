// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace jtrace::cli {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Args = std::vector<std::string>;

Result<Options> parse(const Args& args) {
  std::vector<const char*> argv{"jtrace"};
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  argv.push_back(nullptr);
  // Neither environment nor configuration file of the host that tests.
  return parse_options(static_cast<int>(argv.size()) - 1, argv.data(), "html, collapsed", {});
}

// As parse(), after the words that every trace needs.
Result<Options> trace(const Args& more) {
  Args args{"-t", "a:b", "-p", "7"};
  args.insert(args.end(), more.begin(), more.end());
  return parse(args);
}

std::vector<std::string> texts(const Options& options) {
  std::vector<std::string> all;
  for (const EventRequest& request : options.events) all.push_back(request.text);
  return all;
}

TEST(Options, defaults) {
  const auto options = trace({});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->action, Options::Action::Trace);
  EXPECT_THAT(options->events, ElementsAre(EventRequest{.text = "a:b", .filters = {}}));
  EXPECT_THAT(options->pids, ElementsAre(7));
  EXPECT_FALSE(options->duration);
  EXPECT_THAT(options->files, IsEmpty());
  EXPECT_FALSE(options->format);
  EXPECT_EQ(options->cstack, CStack::Auto);
  EXPECT_EQ(options->kernel, KernelStack::Auto);
  EXPECT_EQ(options->jvm_symbols, JvmSymbols::Auto);
  EXPECT_EQ(options->max_depth, 2048U);
  EXPECT_EQ(options->verbosity, 0);
  EXPECT_FALSE(options->count_cost);
}

// As it can be given again, but for what a traced command was told.
TEST(Options, theCommandLineIsKept) {
  EXPECT_EQ(trace({"--filter", "comm == 'it' && a < 5"})->command_line,
            R"(jtrace -t a:b -p 7 --filter 'comm == '\''it'\'' && a < 5')");
  EXPECT_EQ(parse({"-t", "a:b", "--", "java", "-Dpassword=secret", "-jar", "x"})->command_line,
            "jtrace -t a:b -- java ...");
  EXPECT_EQ(parse({"-t", "a:b", "-f", "a b", "--", "true"})->command_line,
            "jtrace -t a:b -f 'a b' -- true");
}

TEST(Options, targetsOfAllKinds) {
  const auto options = parse({"-t", "a:b", "--comm", "java", "--comm=ngin*", "--cgroup", "/x",
                              "--container", "12ab", "--tid", "5,6", "--tid=5", "--follow"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_THAT(options->comms, ElementsAre("java", "ngin*"));
  EXPECT_THAT(options->cgroups, ElementsAre("/x"));
  EXPECT_THAT(options->containers, ElementsAre("12ab"));
  EXPECT_THAT(options->tids, ElementsAre(5, 6));
  EXPECT_TRUE(options->follow);
  EXPECT_TRUE(options->selects());
  EXPECT_FALSE(options->all);
  EXPECT_TRUE(parse({"-t", "a:b", "-a"})->selects());
  EXPECT_FALSE(parse({"-t", "a:b", "--tid", "5"})->selects());
  EXPECT_FALSE(trace({"--comm", "java"})->selects()) << "which of those processes";
}

// What stands behind -- is the command's, whatever it looks like.
TEST(Options, commandKeepsItsOwnWords) {
  const auto alone = parse({"-t", "a:b", "--", "sleep", "-v", "--", "-p", ""});
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_THAT(alone->command, ElementsAre("sleep", "-v", "--", "-p", ""));
  EXPECT_EQ(alone->verbosity, 0);
  EXPECT_TRUE(alone->traces_command());
  EXPECT_TRUE(alone->follow);
  EXPECT_FALSE(parse({"-t", "a:b", "--follow=no", "--", "sleep"})->follow);
  // As perf: it only sets the duration.
  const auto beside = trace({"--", "sleep", "10"});
  ASSERT_TRUE(beside) << beside.error().message;
  EXPECT_FALSE(beside->traces_command());
  EXPECT_FALSE(beside->follow);
  EXPECT_FALSE(parse({"-t", "a:b", "-a", "--", "sleep"})->traces_command());
}

// A filter is of the -t before it; before the first one, of all.
TEST(Options, filtersBelongToTheirEvent) {
  const auto options =
      parse({"--filter", "tid == 1", "-p7", "-t", "a:b", "--filter=x == 1", "--filter", "!y == 2",
             "-e", "c:d", "-q", "--event=e:f", "--filter", "z == 3"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_THAT(options->events,
              ElementsAre(EventRequest{.text = "a:b", .filters = {"tid == 1", "x == 1", "!y == 2"}},
                          EventRequest{.text = "c:d", .filters = {"tid == 1"}},
                          EventRequest{.text = "e:f", .filters = {"tid == 1", "z == 3"}}));
}

TEST(Options, everythingAtOnce) {
  const auto options = parse({"-t",
                              "a:b,c:d",
                              "--event",
                              "e:f*",
                              "-e",
                              "trace:5",
                              "--tracepoint=g:h",
                              "-p7,8",
                              "--pid",
                              "9,7",
                              "-d",
                              "5m",
                              "-f",
                              "out.html",
                              "-f",
                              "-",
                              "--output",
                              "html",
                              "--cstack",
                              "fp",
                              "-j",
                              "64",
                              "--kernel",
                              "no",
                              "-q",
                              "--jvm-symbols=perfmap",
                              "--count-cost"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_THAT(texts(*options), ElementsAre("a:b,c:d", "e:f*", "trace:5", "g:h"));
  EXPECT_THAT(options->pids, ElementsAre(7, 8, 9));
  EXPECT_EQ(options->duration, std::chrono::nanoseconds(5min));
  EXPECT_THAT(options->files, ElementsAre("out.html", "-"));
  EXPECT_EQ(options->format, "html");
  EXPECT_EQ(options->cstack, CStack::Fp);
  EXPECT_EQ(options->kernel, KernelStack::No);
  EXPECT_EQ(options->jvm_symbols, JvmSymbols::PerfMap);
  EXPECT_EQ(options->max_depth, 64U);
  EXPECT_EQ(options->verbosity, -1);
  EXPECT_TRUE(options->count_cost);
}

TEST(Options, wordsOfModes) {
  EXPECT_EQ(trace({"--cstack", "auto"})->cstack, CStack::Auto);
  EXPECT_EQ(trace({"--cstack", "dwarf"})->cstack, CStack::Dwarf);
  EXPECT_EQ(trace({"--cstack", "no"})->cstack, CStack::No);
  EXPECT_EQ(trace({"--cstack", "vm"})->cstack, CStack::Auto);
  EXPECT_EQ(trace({"--cstack", "vmx"})->cstack, CStack::Auto);
  EXPECT_EQ(trace({"--kernel", "yes"})->kernel, KernelStack::Yes);
  EXPECT_EQ(trace({"--kernel", "auto"})->kernel, KernelStack::Auto);
  EXPECT_EQ(trace({"--no-kernel"})->kernel, KernelStack::No);
  EXPECT_EQ(trace({"--no-kernel", "--kernel", "no"})->kernel, KernelStack::No);
  EXPECT_EQ(trace({"--jvm-symbols", "vmstructs"})->jvm_symbols, JvmSymbols::VmStructs);
  EXPECT_EQ(trace({"--jvm-symbols", "agent"})->jvm_symbols, JvmSymbols::Agent);
  EXPECT_EQ(trace({"--jvm-symbols", "none"})->jvm_symbols, JvmSymbols::None);
  EXPECT_EQ(trace({"-v"})->verbosity, 1);
  EXPECT_EQ(trace({"-vv"})->verbosity, 1);
}

TEST(Options, theLastOfASingleOptionCounts) {
  EXPECT_EQ(trace({"-d", "1", "-d", "2"})->duration, std::chrono::nanoseconds(2s));
  EXPECT_EQ(trace({"-j", "1", "-j", "2048"})->max_depth, 2048U);
}

TEST(Options, valuesStayAsTheyWereWritten) {
  const auto options = parse({"-t", "[a,b]:c", "-p", "7", "-f", "a b,c"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_THAT(texts(*options), ElementsAre("[a,b]:c"));
  EXPECT_THAT(options->files, ElementsAre("a b,c"));
}

TEST(Options, helpNamesEveryOptionAndExitStatus) {
  for (const Args& args : {Args{"-h"}, Args{"--help"}, Args{"-t", "a:b", "--help", "--nonsense"}}) {
    const auto options = parse(args);
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->action, Options::Action::Help);
    for (const char* word : {"-t, --tracepoint, -e, --event EVENT",
                             "-p, --pid PID[,PID]",
                             "-d, --duration T",
                             "-f, --file FILE",
                             "-o, --output FORMAT",
                             "--cstack MODE",
                             "--kernel auto|yes|no",
                             "--no-kernel",
                             "-j, --max-depth N[/M]",
                             "-i, --interval N",
                             "--max-overhead PCT",
                             "--max-rate N",
                             "-I, --include PATTERN",
                             "-X, --exclude PATTERN",
                             "--threads",
                             "--lines",
                             "--raw-names",
                             "--plain",
                             "--strict",
                             "--expect-events",
                             "--dry-run",
                             "--json",
                             "--print-config",
                             "jtrace list [GLOB]",
                             "--jvm-symbols SRC",
                             "--attach WAY",
                             "--count-cost",
                             "--recall MODE",
                             "--check-walks",
                             "-v, ",
                             "-q, ",
                             "-V, --version",
                             "-h, --help",
                             "html, collapsed",
                             "Examples:",
                             "Exit status:"}) {
      EXPECT_THAT(options->text, HasSubstr(word));
    }
    EXPECT_TRUE(options->text.ends_with("\n"));
  }
}

TEST(Options, whereCallsAreMet) {
  const auto attach = [](const std::string& way) {
    return parse({"-t", "a:b", "-p", "1", "--attach", way})->attach;
  };
  EXPECT_EQ(parse({"-t", "a:b", "-p", "1"})->attach, Attach::Auto);
  EXPECT_EQ(attach("fentry"), Attach::Fentry);
  EXPECT_EQ(attach("tracepoint"), Attach::Tracepoint);
  EXPECT_EQ(attach("raw"), Attach::Raw);
  EXPECT_EQ(attach("auto"), Attach::Auto);
  const auto wrong = parse({"-t", "a:b", "-p", "1", "--attach", "kprobe"});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("kprobe"));
}

TEST(Options, helpFitsATerminal) {
  const std::string text = parse({"--help"})->text;
  std::size_t begin = 0;
  std::size_t lines = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 100U) << text.substr(begin, end - begin);
    begin = end + 1;
    ++lines;
  }
  EXPECT_LT(lines, 96U);
}

TEST(Options, version) {
  EXPECT_EQ(parse({"-V"})->text, "jtrace 0.1.0\n");
  EXPECT_EQ(parse({"--version"})->action, Options::Action::Version);
  EXPECT_EQ(parse({"--version", "-h"})->action, Options::Action::Help);
}

struct Bad {
  Args args;
  std::string message;
  std::string hint;  // part of it
};

class BadCommandLine : public ::testing::TestWithParam<Bad> {};

TEST_P(BadCommandLine, isExplainedInOneLine) {
  const auto options = parse(GetParam().args);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, Errc::Usage);
  EXPECT_EQ(options.error().message, GetParam().message);
  EXPECT_THAT(options.error().hint, HasSubstr(GetParam().hint));
  EXPECT_EQ((options.error().message + options.error().hint).find('\n'), std::string::npos);
}

constexpr const char* kForm = "jtrace -t EVENT -p PID [OPTIONS], or -- COMMAND; see jtrace --help";
constexpr const char* kSeeHelp = "see jtrace --help";
constexpr const char* kNoEvent = "-t needs an event; did you mean --threads?";

INSTANTIATE_TEST_SUITE_P(
    Required, BadCommandLine,
    ::testing::Values(Bad{{}, "nothing to trace: -t EVENT and -p PID are required", kForm},
                      Bad{{"-v"}, "nothing to trace: -t EVENT and -p PID are required", kForm},
                      Bad{{"-t", "a:b"}, "no process: -p PID is required", "or -a, --comm GLOB"},
                      Bad{{"-p", "7"}, "no event: -t EVENT is required", kForm},
                      Bad{{"-t"}, kNoEvent, "CATEGORY:NAME"},
                      Bad{{"-t", "-p", "7"}, kNoEvent, "CATEGORY:NAME"},
                      Bad{{"-p", "7", "-e", "--help"}, kNoEvent, "CATEGORY:NAME"},
                      Bad{{"-p", "7", "-t", ""}, kNoEvent, "CATEGORY:NAME"},
                      Bad{{"-p", "7", "--tracepoint"}, kNoEvent, "CATEGORY:NAME"},
                      Bad{{"-t", "a:b", "-p"}, "-p needs a value: PID[,PID]", kSeeHelp},
                      Bad{{"-t", "a:b", "-p", "-v"}, "-p needs a value: PID[,PID]", kSeeHelp},
                      Bad{{"-t", "a:b", "--pid="}, "-p needs a value: PID[,PID]", kSeeHelp},
                      Bad{{"-f", "", "-t", "a:b"}, "-f needs a value: FILE", kSeeHelp},
                      Bad{{"--kernel"}, "--kernel needs a value: auto|yes|no", kSeeHelp}));

INSTANTIATE_TEST_SUITE_P(
    NotHere, BadCommandLine,
    ::testing::Values(
        Bad{{"-t", "a:b", "--"}, "-- needs a command", kForm},
        Bad{{"-t", "a:b", "--", ""}, "-- needs a command", kForm},
        Bad{{"-t", "a:b", "-a", "-p", "7"}, "-a and -p contradict each other", kSeeHelp},
        Bad{{"-t", "a:b", "--tid", "x"}, "--tid 'x': not a thread id", "thread ids are numbers"},
        Bad{{"-t", "a:b", "--tid", "5", "--", "x"},
            "--tid names a thread of a process that is there: -- COMMAND has none yet",
            kSeeHelp},
        Bad{{"--", "sleep", "5"}, "no event: -t EVENT is required", kForm},
        Bad{{"-t", "a:b", "-p", "7", "--max-overhead", "0"},
            "--max-overhead '0': not a percentage from 0.01 to 100",
            "e.g. 1% or 0.5%"},
        Bad{{"-t", "a:b", "-p", "7", "--max-overhead", "nan"},
            "--max-overhead 'nan': not a percentage from 0.01 to 100",
            "off: any"},
        Bad{{"-t", "a:b", "-p", "7", "--max-overhead", "1e1%"},
            "--max-overhead '1e1%': not a percentage from 0.01 to 100",
            "off: any"},
        Bad{{"-t", "a:b", "-p", "7", "--max-rate", "0"},
            "--max-rate '0': not a number from 1 to 1000000000",
            "off: any number"}));

INSTANTIATE_TEST_SUITE_P(
    Words, BadCommandLine,
    ::testing::Values(
        Bad{{"-t", "a:b", "-p", "7", "--durations", "5"},
            "unknown option '--durations'",
            "did you mean --duration?"},
        Bad{{"-t", "a:b", "-p", "7", "--pids=5"}, "unknown option '--pids'", "did you mean --pid?"},
        Bad{{"-t", "a:b", "-p", "7", "--max-dpeth"},
            "unknown option '--max-dpeth'",
            "did you mean --max-depth?"},
        Bad{{"--qqqqqqqqq"}, "unknown option '--qqqqqqqqq'", kSeeHelp},
        Bad{{"-t", "a:b", "-p", "7", "-z"}, "unknown option '-z'", kSeeHelp},
        Bad{{"-t", "a:b", "-p", "7", "-vz"}, "unknown option '-z'", kSeeHelp},
        Bad{{"--\x1b[2J\n"}, "unknown option '--?[2J?'", kSeeHelp},
        Bad{{"-t", "a:b", "1234"}, "unexpected argument '1234'; did you mean -p 1234?", kSeeHelp},
        Bad{{"-t", "a:b", "-p", "7", "8"}, "unexpected argument '8'; did you mean -p 8?", kSeeHelp},
        Bad{{"start"}, "unexpected argument 'start'", kForm},
        Bad{{"lits"}, "unexpected argument 'lits'", "did you mean list?"},
        Bad{{"-v", "list"}, "unexpected argument 'list'", "a command comes first: jtrace list"},
        Bad{{"-"}, "unexpected argument '-'", kForm}, Bad{{""}, "unexpected argument ''", kForm},
        Bad{{"-t", "a:b", "-p", "7", "-v", "-q"}, "-v and -q contradict each other", kSeeHelp},
        Bad{{"-t", "a:b", "-p", "7", "--kernel=yes", "--no-kernel"},
            "--kernel yes and --no-kernel contradict each other",
            kSeeHelp}));

constexpr const char* kIds = "process ids are numbers from 1";
constexpr const char* kDurations = "a duration is e.g. 30, 30s, 5m, 1h or 500ms";

std::string not_depths(const std::string& text) {
  return "-j '" + text + "': not N/M with N from 1 to 2048 and M less than N";
}

Bad bad_value(const char* option, const std::string& value, std::string message, std::string hint) {
  return {{"-t", "a:b", "-p", "7", option, value}, std::move(message), std::move(hint)};
}

INSTANTIATE_TEST_SUITE_P(
    Values, BadCommandLine,
    ::testing::Values(
        bad_value("-p", "java", "-p 'java': not a process id", kIds),
        bad_value("-p", "0", "-p '0': not a process id", kIds),
        bad_value("-p", "-1", "-p '-1': not a process id", kIds),
        bad_value("-p", "12x", "-p '12x': not a process id", kIds),
        bad_value("-p", "4194305", "-p '4194305': not a process id", kIds),
        bad_value("-p", "99999999999999999999", "-p '99999999999999999999': not a process id",
                  kIds),
        bad_value("-p", "1,,2", "-p '': not a process id", kIds),
        bad_value("-p", "1,", "-p '': not a process id", kIds),
        bad_value("-p", "a\tb", "-p 'a?b': not a process id", kIds),
        bad_value("-d", "5x", "-d '5x': not a duration", kDurations),
        bad_value("-d", "-5", "-d '-5': not a duration", kDurations),
        bad_value("-d", "0s", "-d '0s': must be more than zero", kDurations),
        bad_value("-o", "out.html", "-o 'out.html': -o takes a format; did you mean -f?", kSeeHelp),
        bad_value("-o", "/tmp/x", "-o '/tmp/x': -o takes a format; did you mean -f?", kSeeHelp),
        bad_value("-o", "-", "-o '-': -o takes a format; did you mean -f?", kSeeHelp),
        bad_value("--cstack", "lbr", "--cstack 'lbr': not one of auto, dwarf, fp, no, vm, vmx",
                  kSeeHelp),
        bad_value("--kernel", "maybe", "--kernel 'maybe': not one of auto, yes, no", kSeeHelp),
        bad_value("--jvm-symbols", "map",
                  "--jvm-symbols 'map': not one of auto, vmstructs, agent, perfmap, none",
                  kSeeHelp),
        bad_value("-j", "0", "-j '0': not a number from 1 to 2048", kSeeHelp),
        bad_value("-j", "2049", "-j '2049': not a number from 1 to 2048", kSeeHelp),
        bad_value("-j", "deep", "-j 'deep': not a number from 1 to 2048", kSeeHelp),
        bad_value("-j", "5/5", not_depths("5/5"), "M of them at the root"),
        bad_value("-j", "1/1", not_depths("1/1"), "M of them at the root"),
        bad_value("-j", "2049/1", not_depths("2049/1"), "M of them at the root"),
        bad_value("-j", "/1", not_depths("/1"), "M of them at the root"),
        bad_value("-j", "5/", not_depths("5/"), "M of them at the root"),
        bad_value("-j", "5/-1", not_depths("5/-1"), "M of them at the root"),
        bad_value("-j", "5/1/1", not_depths("5/1/1"), "M of them at the root"),
        bad_value("-i", "0", "-i '0': not a number from 1 to 4294967295", "every Nth event"),
        bad_value("-i", "10ms", "-i '10ms': not a number from 1 to 4294967295", "every Nth event"),
        bad_value("-i", "4294967296", "-i '4294967296': not a number from 1 to 4294967295",
                  "every Nth event"),
        bad_value("-I", "", "-I needs a value: PATTERN", kSeeHelp),
        bad_value("-v", "--threads=maybe", "--threads 'maybe': neither true nor false", kSeeHelp),
        bad_value("--json", "-f-", "--json and -f - both write to standard output", kSeeHelp)));

INSTANTIATE_TEST_SUITE_P(
    Commands, BadCommandLine,
    ::testing::Values(
        Bad{{"list", "a", "b"}, "unexpected argument 'b'", "jtrace list [GLOB] [-v] [--json]"},
        Bad{{"list", "-d", "5"}, "-d is not an option of jtrace list", "jtrace list [GLOB]"},
        Bad{{"list", ""}, "an argument is empty", "jtrace list [GLOB]"},
        Bad{{"list", "--jsno"}, "unknown option '--jsno'", "did you mean --json?"},
        Bad{{"doctor", "7"}, "unexpected argument '7'", "jtrace doctor [-p PID] [--json]"},
        Bad{{"doctor", "-p", "x"}, "-p 'x': not a process id", "numbers from 1"},
        Bad{{"doctor", "-t", "a:b"}, "-t is not an option of jtrace doctor", "jtrace doctor"},
        Bad{{"doctor", "-a"}, "-a is not an option of jtrace doctor", "jtrace doctor"},
        Bad{{"list", "--", "x"}, "unexpected argument '--'", "jtrace list [GLOB]"},
        Bad{{"convert", "-f", "b"}, "jtrace convert needs a profile to read", "IN -f OUT"},
        Bad{{"convert", "a"}, "no output: -f OUT or --push URL is required", "IN -f OUT"},
        Bad{{"convert", "a", "c", "-f", "b"}, "unexpected argument 'c'", "IN -f OUT"},
        Bad{{"convert", "a", "-f", "b", "-o", "x.html"},
            "-o 'x.html': -o takes a format; did you mean -f?",
            kSeeHelp},
        Bad{{"diff", "a", "-f", "c"}, "jtrace diff needs two profiles to compare", "BASE NEW"},
        Bad{{"diff", "a", "b"}, "no output: -f OUT is required", "BASE NEW -f OUT"},
        Bad{{"diff", "a", "b", "c", "-f", "d"}, "unexpected argument 'c'", "BASE NEW"}));

TEST(Options, whatOneTraceMayAskFor) {
  const auto options = trace({"-j",        "64/8",
                              "-i",        "1000",
                              "-I",        "*Foo*",
                              "-I",        "*Bar*",
                              "-X",        "*Idle*",
                              "--include", "a b",
                              "--lines",   "--plain",
                              "--strict",  "--raw-names",
                              "--threads", "--exclude=c",
                              "--json",    "-f",
                              "x.html",    "--expect-events",
                              "--dry-run"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->max_depth, 64U);
  EXPECT_EQ(options->keep_root, 8U);
  EXPECT_EQ(options->interval, 1000U);
  EXPECT_THAT(options->include, ElementsAre("*Foo*", "*Bar*", "a b"));
  EXPECT_THAT(options->exclude, ElementsAre("*Idle*", "c"));
  EXPECT_TRUE(options->lines && options->plain && options->strict && options->raw_names);
  EXPECT_TRUE(options->threads && options->json && options->expect_events && options->dry_run);
}

TEST(Options, everyFlagIsOffUnlessAskedFor) {
  for (const auto& options : {trace({}), trace({"--threads", "--threads=no"})}) {
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_EQ(options->interval, 1U);
    EXPECT_EQ(options->keep_root, 0U);
    EXPECT_FALSE(options->lines || options->plain || options->strict || options->raw_names);
    EXPECT_FALSE(options->threads || options->json || options->expect_events || options->dry_run);
  }
  EXPECT_EQ(trace({"-j", "64/0"})->keep_root, 0U);
  EXPECT_EQ(trace({"-j", "64/63"})->keep_root, 63U);
  EXPECT_EQ(trace({"-i", "4294967295"})->interval, 4294967295U);
}

TEST(Options, overheadAndRate) {
  EXPECT_EQ(trace({})->max_overhead, 0.0);
  EXPECT_EQ(trace({"--continuous"})->max_overhead, 1.0);
  EXPECT_EQ(trace({"--continuous", "--max-overhead", "off"})->max_overhead, 0.0);
  EXPECT_EQ(trace({})->max_rate, 0U);
  EXPECT_EQ(trace({"--max-overhead", "1%"})->max_overhead, 1.0);
  EXPECT_EQ(trace({"--max-overhead=0.5"})->max_overhead, 0.5);
  EXPECT_EQ(trace({"--max-overhead=100%"})->max_overhead, 100.0);
  EXPECT_EQ(trace({"--max-overhead", "off"})->max_overhead, 0.0);
  EXPECT_EQ(trace({"--max-rate", "1000", "-i", "10"})->max_rate, 1000U);
  EXPECT_EQ(trace({"--max-rate", "off"})->max_rate, 0U);
}

TEST(Options, commands) {
  using Action = Options::Action;
  const auto all = parse({"list"});
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->action, Action::List);
  EXPECT_EQ(all->glob, "*");
  const auto list = parse({"list", "-v", "sys*:*open*", "--json"});
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->glob, "sys*:*open*");
  EXPECT_EQ(list->verbosity, 1);
  EXPECT_TRUE(list->json);

  const auto doctor = parse({"doctor", "-p", "7", "--json"});
  ASSERT_TRUE(doctor) << doctor.error().message;
  EXPECT_EQ(doctor->action, Action::Doctor);
  EXPECT_THAT(doctor->pids, ElementsAre(7));
  EXPECT_TRUE(doctor->json);
  EXPECT_THAT(parse({"doctor"})->pids, IsEmpty());

  const auto convert = parse({"convert", "a.pb.gz", "-f", "b", "-o", "collapsed", "--plain"});
  ASSERT_TRUE(convert) << convert.error().message;
  EXPECT_EQ(convert->action, Action::Convert);
  EXPECT_THAT(convert->inputs, ElementsAre("a.pb.gz"));
  EXPECT_THAT(convert->files, ElementsAre("b"));
  EXPECT_EQ(convert->format, "collapsed");
  EXPECT_TRUE(convert->plain);
  EXPECT_THAT(parse({"convert", "-", "-f", "-"})->inputs, ElementsAre("-"));

  const auto diff = parse({"diff", "a", "-f", "c.html", "b"});
  ASSERT_TRUE(diff) << diff.error().message;
  EXPECT_EQ(diff->action, Action::Diff);
  EXPECT_THAT(diff->inputs, ElementsAre("a", "b"));
  EXPECT_THAT(diff->files, ElementsAre("c.html"));
  EXPECT_FALSE(diff->normalise);
  EXPECT_TRUE(parse({"diff", "a", "b", "-f", "c.html", "--normalise"})->normalise);
  EXPECT_TRUE(parse({"diff", "a", "b", "-f", "c.html", "--normalize"})->normalise);
  EXPECT_FALSE(parse({"convert", "a", "-f", "c.html", "--normalise"}).has_value());
}

TEST(Options, everyCommandHasHelp) {
  for (const char* command : {"list", "doctor", "convert", "diff"}) {
    const auto options = parse({command, "--help"});
    ASSERT_TRUE(options) << command;
    EXPECT_EQ(options->action, Options::Action::Help);
    EXPECT_THAT(options->text, HasSubstr(std::string("jtrace ") + command + " "));
  }
}

TEST(Options, anEmptyArgvIsNoCrash) {
  const char* const argv[] = {nullptr};
  const auto options = parse_options(0, argv);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code, Errc::Usage);
}

TEST(Duration, units) {
  EXPECT_EQ(parse_duration("30"), std::chrono::nanoseconds(30s));
  EXPECT_EQ(parse_duration("30s"), std::chrono::nanoseconds(30s));
  EXPECT_EQ(parse_duration("5m"), std::chrono::nanoseconds(5min));
  EXPECT_EQ(parse_duration("1h"), std::chrono::nanoseconds(1h));
  EXPECT_EQ(parse_duration("500ms"), std::chrono::nanoseconds(500ms));
  EXPECT_EQ(parse_duration("8760h"), std::chrono::nanoseconds(8760h));
}

TEST(Duration, malformed) {
  for (const char* text :
       {"", "s", "-1s", "+1", "1.5s", "1 s", " 1", "1s ", "5M", "1d", "1m30s", "0x10", "ms"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
  for (const char* text : {"0", "0ms", "000h"}) {
    EXPECT_THAT(parse_duration(text).error().message, HasSubstr("must be more than zero")) << text;
  }
  for (const char* text : {"8761h", "18446744073709551615h", "18446744073709551616ms",
                           "999999999999999999999999999999"}) {
    EXPECT_THAT(parse_duration(text).error().message, HasSubstr("longer than a year")) << text;
  }
}

}  // namespace
}  // namespace jtrace::cli
