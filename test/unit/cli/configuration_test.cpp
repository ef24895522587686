// SPDX-License-Identifier: Apache-2.0
// Environment and configuration file: precedence, messages, --print-config.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "cli/option_table.h"
#include "cli/options.h"

namespace jtrace::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class Configuration : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "jtrace-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  [[nodiscard]] std::string file() const { return directory_ / "config.toml"; }
  void write(const std::string& text) const { std::ofstream(file()) << text; }

  [[nodiscard]] Result<Options> parse(const std::vector<std::string>& args) const {
    std::vector<const char*> argv{"jtrace"};
    for (const std::string& arg : args) argv.push_back(arg.c_str());
    argv.push_back(nullptr);
    Sources sources{.environment = [this](const char* name) -> const char* {
                      const auto found = environment_.find(name);
                      return found == environment_.end() ? nullptr : found->second.c_str();
                    },
                    .file = file(),
                    .in_windows = in_windows_};
    if (!honoured_) sources.environment = {};
    return parse_options(static_cast<int>(argv.size()) - 1, argv.data(), {}, sources);
  }
  [[nodiscard]] Result<Options> trace(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"-t", "a:b", "-p", "7"});
    return parse(more);
  }
  // What --print-config prints for one key.
  [[nodiscard]] std::string line(const std::string& key, std::vector<std::string> args = {}) const {
    args.emplace_back("--print-config");
    const auto options = parse(args);
    if (!options) return options.error().message;
    const std::string text = "\n" + options->text;
    const std::size_t begin = text.find("\n" + key + " ") + 1;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  fs::path directory_;
  std::map<std::string, std::string> environment_;
  bool honoured_ = true;
  bool in_windows_ = false;
};

TEST_F(Configuration, nothingIsConfiguredByDefault) {
  const auto options = trace();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->cstack, CStack::Auto);
  EXPECT_EQ(line("cstack"), "cstack = \"auto\"                 # default");
}

TEST_F(Configuration, flagBeforeEnvironmentBeforeFile) {
  write("cstack = \"fp\"\nmax-depth = 64\nthreads = true\nfile = [\"a.html\", \"b.html\"]\n");
  EXPECT_EQ(trace()->cstack, CStack::Fp);
  EXPECT_EQ(trace()->max_depth, 64U);
  EXPECT_TRUE(trace()->threads);
  EXPECT_THAT(trace()->files, ElementsAre("a.html", "b.html"));

  environment_ = {{"JTRACE_CSTACK", "dwarf"},
                  {"JTRACE_MAX_DEPTH", "32/4"},
                  {"JTRACE_THREADS", "no"},
                  {"JTRACE_FILE", "c.html"}};
  EXPECT_EQ(trace()->cstack, CStack::Dwarf);
  EXPECT_EQ(trace()->max_depth, 32U);
  EXPECT_EQ(trace()->keep_root, 4U);
  EXPECT_FALSE(trace()->threads);
  EXPECT_THAT(trace()->files, ElementsAre("c.html"));

  const auto options = trace({"--cstack", "no", "-j", "16", "--threads", "-f", "d.html"});
  EXPECT_EQ(options->cstack, CStack::No);
  EXPECT_EQ(options->max_depth, 16U);
  EXPECT_EQ(options->keep_root, 0U);
  EXPECT_TRUE(options->threads);
  EXPECT_THAT(options->files, ElementsAre("d.html"));

  environment_ = {{"JTRACE_CSTACK", ""}};
  EXPECT_EQ(trace()->cstack, CStack::Fp) << "an empty variable is none";
  EXPECT_FALSE(trace({"--threads=false"})->threads);
}

TEST_F(Configuration, eventAndProcessMayComeFromTheEnvironment) {
  environment_ = {{"JTRACE_TRACEPOINT", "c:d,e:f"}, {"JTRACE_PID", "8,9"}};
  const auto options = parse({});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_THAT(options->events, ElementsAre(EventRequest{.text = "c:d,e:f", .filters = {}}));
  EXPECT_THAT(options->pids, ElementsAre(8, 9));
  EXPECT_THAT(trace()->pids, ElementsAre(7)) << "the command line replaces, it does not add";
}

TEST_F(Configuration, aCommandTakesItsOptionsOnly) {
  write("threads = true\nverbose = true\nfile = \"x.html\"\n");
  const auto list = parse({"list"});
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->verbosity, 1);
  EXPECT_FALSE(list->threads);
  EXPECT_TRUE(list->files.empty());
  EXPECT_THAT(parse({"convert", "a"})->files, ElementsAre("x.html"));
}

TEST_F(Configuration, oppositesContradictOnlyInOnePlace) {
  write("verbose = true\nkernel = \"yes\"\n");
  EXPECT_EQ(trace()->verbosity, 1);
  EXPECT_EQ(trace({"-q"})->verbosity, -1);
  EXPECT_EQ(trace({"--no-kernel"})->kernel, KernelStack::No);
  write("verbose = true\nquiet = true\n");
  EXPECT_EQ(trace().error().message,
            file() + ":1: verbose and " + file() + ":2: quiet contradict each other");
}

TEST_F(Configuration, theEnvironmentOfAPrivilegedProgramIsIgnored) {
  environment_ = {{"JTRACE_CSTACK", "fp"}};
  honoured_ = false;
  write("max-depth = 64\n");
  EXPECT_EQ(trace()->cstack, CStack::Auto);
  EXPECT_EQ(trace()->max_depth, 64U) << "the file is the administrator's";
  EXPECT_THAT(parse({"--print-config"})->text, HasSubstr("JTRACE_*: not honoured"));
}

TEST_F(Configuration, badValuesNameTheirPlace) {
  environment_ = {{"JTRACE_MAX_DEPTH", "deep"}};
  EXPECT_EQ(trace().error().message, "JTRACE_MAX_DEPTH 'deep': not a number from 1 to 2048");
  environment_ = {{"JTRACE_STRICT", "maybe"}};
  EXPECT_EQ(trace().error().message, "JTRACE_STRICT 'maybe': neither true nor false");
  environment_ = {{"JTRACE_DURATION", "5x"}};
  EXPECT_EQ(trace().error().message, "JTRACE_DURATION '5x': not a duration");
  environment_ = {{"JTRACE_PID", "java"}};
  EXPECT_EQ(parse({"-t", "a:b"}).error().message, "JTRACE_PID 'java': not a process id");
  environment_.clear();
  write("# first\n\ncstack = \"lbr\"\n");
  EXPECT_EQ(trace().error().message,
            file() + ":3: cstack 'lbr': not one of auto, dwarf, fp, no, vm, vmx");
  EXPECT_EQ(trace().error().code, Errc::Usage);
}

TEST_F(Configuration, linesOfTheFileThatAreWrong) {
  const struct {
    std::string text, message, hint;
  } cases[] = {
      {"cstak = \"fp\"", "1: unknown key 'cstak'", "did you mean cstack?"},
      {"\nmax_depth = 5", "2: unknown key 'max_depth'", "max-depth"},
      {"help = true", "1: unknown key 'help'", ""},
      {"no-kernel = true", "1: unknown key 'no-kernel'", ""},
      {"threads = \"true\"", "1: threads is true or false", ""},
      {"threads = 1", "1: threads is true or false", ""},
      {"cstack = true", "1: cstack needs a value: MODE", ""},
      {"cstack = \"\"", "1: cstack needs a value: MODE", ""},
      {"include = [\"a\", \"\"]", "1: include needs a value: PATTERN", ""},
      {"cstack = [\"fp\"]", "1: cstack takes one value", ""},
      {"strict = true\nstrict = false", "2: strict is set in line 1 already", ""},
      {"[output]", "1: there are no tables", "KEY = VALUE"},
      {"= 5", "1: the line begins with no key", "KEY = VALUE"},
      {"cstack", "1: no '=' after 'cstack'", "KEY = VALUE"},
      {"cstack : \"fp\"", "1: no '=' after 'cstack'", "KEY = VALUE"},
      {"cstack =", "1: cstack: the value is no string", "KEY = VALUE"},
      {"cstack = fp", "1: cstack: the value is no string", "KEY = VALUE"},
      {"max-depth = -5", "1: max-depth: the value is no string", "KEY = VALUE"},
      {"max-depth = 05", "1: max-depth: the value is no string", "KEY = VALUE"},
      {"max-depth = 5 6", "1: max-depth: something follows", "KEY = VALUE"},
      {"cstack = \"fp", "1: cstack: the string has no end", "KEY = VALUE"},
      {"cstack = \"fp\\\"", "1: cstack: the string has no end", "KEY = VALUE"},
      {"cstack = \"\\q\"", "1: cstack: an escape", "KEY = VALUE"},
      {"cstack = \"\\u12\"", "1: cstack: an escape", "KEY = VALUE"},
      {"cstack = \"\\ud800\"", "1: cstack: an escape", "KEY = VALUE"},
      {"cstack = \"\\", "1: cstack: an escape", "KEY = VALUE"},
      {"cstack = \"a\x01\"", "1: cstack: a control character", "KEY = VALUE"},
      {"include = [\"a\" \"b\"]", "1: include: an array is", "KEY = VALUE"},
      {"include = [\"a\",", "1: include: a string stands in quotes", "KEY = VALUE"},
      {"include = [1]", "1: include: a string stands in quotes", "KEY = VALUE"},
      {std::string("\0\xff\n", 3), "1: the line begins with no key", "KEY = VALUE"},
  };
  for (const auto& [text, message, hint] : cases) {
    write(text);
    const auto options = trace();
    ASSERT_FALSE(options) << text;
    EXPECT_EQ(options.error().code, Errc::Usage) << text;
    EXPECT_THAT(options.error().message, testing::StartsWith(file() + ":" + message)) << text;
    EXPECT_THAT(options.error().hint, HasSubstr(hint)) << text;
    EXPECT_EQ(options.error().message.find('\n'), std::string::npos) << text;
  }
}

TEST_F(Configuration, whatTomlAllows) {
  write("\xef\xbb\xbf");
  EXPECT_FALSE(trace()) << "a byte order mark is no TOML";
  write(
      "# comment\r\n \t cstack='fp' # why\r\nmax-depth=\"100/5\"\r\n"
      "include = [ 'a\\b', \"\\u00e4\\t\\\"\\\\\" , \"#\", ]\ninterval = 10");
  const auto options = trace();
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->cstack, CStack::Fp);
  EXPECT_EQ(options->max_depth, 100U);
  EXPECT_EQ(options->keep_root, 5U);
  EXPECT_EQ(options->interval, 10U);
  EXPECT_THAT(options->include, ElementsAre("a\\b", "\u00e4\t\"\\", "#"));
}

TEST_F(Configuration, aFileThatCannotBeReadIsAnError) {
  fs::create_directory(file());
  EXPECT_THAT(trace().error().message, HasSubstr(file()));
  fs::remove(file());
  write(std::string(70000, '#'));
  EXPECT_THAT(trace().error().message, HasSubstr("larger than"));
}

TEST_F(Configuration, helpNeedsNoConfiguration) {
  write("nonsense");
  EXPECT_TRUE(parse({"--help"}));
  EXPECT_TRUE(parse({"--version"}));
  EXPECT_FALSE(parse({"--print-config"}));
}

TEST_F(Configuration, printConfigNamesEveryOrigin) {
  write("\nmax-depth = 64\n");
  environment_ = {{"JTRACE_CSTACK", "fp"}, {"JTRACE_THREADS", "yes"}};
  const std::vector<std::string> args{"-X", "*\"a\n", "-i", "10", "-X", "b"};
  EXPECT_THAT(line("max-depth", args), EndsWith("# " + file() + ":2"));
  EXPECT_THAT(line("cstack", args), EndsWith("\"fp\"                   # JTRACE_CSTACK"));
  EXPECT_EQ(line("threads", args), "threads = true                  # JTRACE_THREADS");
  EXPECT_EQ(line("interval", args), "interval = 10                   # -i");
  EXPECT_EQ(line("exclude", args), "exclude = [\"*\\\"a\\u000a\", \"b\"]   # -X");
  EXPECT_EQ(line("# duration", args), "# duration is not set");
  EXPECT_EQ(line("lines", args), "lines = false                   # default");
  EXPECT_EQ(parse({"--print-config"})->action, Options::Action::PrintConfig);
}

// What it prints is a configuration file that means the same.
TEST_F(Configuration, printConfigIsAConfigurationFile) {
  const auto first = parse({"--print-config", "-X", "*\"a\n\\", "-I", "b", "-t", "a:b", "-p", "7",
                            "-d", "30", "-j", "64/8", "--threads", "-f", "x.html"});
  ASSERT_TRUE(first) << first.error().message;
  write(first->text);
  const auto second = parse({});
  ASSERT_TRUE(second) << second.error().message << "\n" << first->text;
  EXPECT_THAT(second->exclude, ElementsAre("*\"a\n\\"));
  EXPECT_THAT(second->include, ElementsAre("b"));
  EXPECT_EQ(second->keep_root, 8U);
  EXPECT_EQ(second->duration, std::chrono::seconds(30));
  EXPECT_TRUE(second->threads);
  EXPECT_THAT(second->files, ElementsAre("x.html"));
}

// Each option that a file may set: what is printed of it is read as the same again, to the last.
TEST_F(Configuration, printConfigComesBackOptionByOption) {
  std::vector<std::string> args{"--print-config"};
  std::size_t rows = 0;
  for (const Row& row : option_table()) {
    if (!row.configurable()) continue;
    ++rows;
    if ((row.commands & kTrace) == 0) continue;
    std::string value = "64";  // a number, a duration, a process and a name
    if (!row.choices.empty()) value = split(row.choices, '|').back();
    if (row.is_flag()) value = "true";
    if (row.key() == "all" || row.key() == "quiet") value = "false";  // contradict others
    if (row.key() == "push") value = "otlp+http://backend:4318";
    if (row.key() == "max-memory") value = "64M";
    args.push_back("--" + std::string(row.key()) + "=" + value);
  }
  const auto first = parse(args);
  ASSERT_TRUE(first) << first.error().message;
  write(first->text);
  const auto second = parse({"--print-config"});
  ASSERT_TRUE(second) << second.error().message;
  // But for the places, which are the comments.
  const auto settings = [](const std::string& text) {
    std::vector<std::string> lines;
    for (const std::string_view line : split(text, '\n')) {
      if (line.starts_with('#')) continue;
      std::string setting(line.substr(0, line.rfind("# ")));
      lines.push_back(setting.substr(0, setting.find_last_not_of(' ') + 1));
    }
    return lines;
  };
  EXPECT_EQ(settings(first->text).size(), rows);
  EXPECT_EQ(settings(second->text), settings(first->text));
}

// What windows have by themselves is in force, is shown, and means the same where it is read.
TEST_F(Configuration, printConfigHasTheDefaultsOfWindows) {
  EXPECT_EQ(line("max-overhead", {"--continuous"}),
            "max-overhead = \"1%\"             # default with --continuous");
  EXPECT_EQ(line("loop", {"--continuous"}),
            "loop = \"60s\"                    # default with --continuous");
  EXPECT_EQ(line("max-memory", {"--loop", "5s"}),
            "max-memory = \"256M\"             # default with --continuous");
  EXPECT_EQ(line("max-memory", {"--continuous", "--max-memory", "1G"}),
            "max-memory = \"1G\"               # --max-memory");
  EXPECT_EQ(line("max-overhead", {}), "max-overhead = \"off\"            # default");
  EXPECT_EQ(line("# loop", {"--loop", "5s", "--continuous=no"}), "");
  const auto first = parse({"--print-config", "-t", "a:b", "-a", "--continuous"});
  ASSERT_TRUE(first) << first.error().message;
  write(first->text);
  const auto second = parse({});
  ASSERT_TRUE(second) << second.error().message << "\n" << first->text;
  EXPECT_EQ(second->window, std::chrono::seconds(60));
  EXPECT_EQ(second->max_overhead, 1.0);
  EXPECT_EQ(second->max_memory, 256U << 20);
}

TEST_F(Configuration, printConfigSaysWhereItSaysLess) {
  EXPECT_THAT(line("by", {"-t", "a:b", "--by", "fd", "-t", "c:d", "-p", "7"}),
              EndsWith("# --by, there of the -t before it, here of all"));
  EXPECT_THAT(line("by", {"--by", "fd", "-t", "a:b", "-t", "c:d", "-p", "7"}), EndsWith("# --by"));
  EXPECT_THAT(line("push", {"--push", "otlp+http://h/?key=secret"}),
              testing::AllOf(EndsWith("# --push, without its query, which may be secret"),
                             Not(HasSubstr("key="))));
}

TEST_F(Configuration, anotherFile) {
  write("max-depth = 64\n");
  const std::string other = directory_ / "service.toml";
  std::ofstream(other) << "cstack = \"fp\"\n";
  const auto options = trace({"--config", other});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->cstack, CStack::Fp);
  EXPECT_EQ(options->max_depth, kDeepest) << "instead of the usual file, not besides";
  EXPECT_EQ(trace()->max_depth, 64U);
  EXPECT_THAT(parse({"--config", other, "--print-config"})->text, HasSubstr(other + ": read"));
  EXPECT_EQ(trace({"--config", directory_ / "none"}).error().message,
            "--config: read " + file().replace(file().rfind('/'), 99, "/none") +
                ": No such file or directory");
  EXPECT_EQ(trace({"--config", directory_}).error().code, Errc::Usage);
}

// What a file says that is read again: only where nothing nearer says otherwise.
TEST_F(Configuration, whatHasChangedIsTold) {
  write("loop = \"1m\"\nmax-memory = \"300M\"\nmax-depth = 7\nkeep = \"3\"\n");
  environment_ = {{"JTRACE_KEEP", "4"}};
  auto before = trace({"-j", "8"});
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(before->config_file, file());
  EXPECT_THAT(changed_options(*before, *trace({"-j", "8"})), ElementsAre());
  write(
      "loop = \"30s\"\nmax-depth = 9\nkeep = \"5\"\nexclude = [\"a\", \"b\"]\ncstack = \"auto\"\n"
      "max-rate = \"off\"\nthreads = false\npush = \"otlp+http://h/?key=secret\"\n");
  const auto now = trace({"-j", "8"});
  ASSERT_TRUE(now) << now.error().message;
  EXPECT_THAT(changed_options(*before, *now), ElementsAre("-X", "--push", "--loop", "--max-memory"))
      << "a default that is written down is no change";
  EXPECT_EQ(setting_text("--loop", *now), "loop = \"30s\"");
  EXPECT_EQ(setting_text("-X", *now), "exclude = [\"a\", \"b\"]");
  EXPECT_EQ(setting_text("--max-memory", *now), "max-memory = \"256M\"");
  EXPECT_EQ(setting_text("--push", *now), "push = \"otlp+http://h/\"");
  EXPECT_THAT(changed_options(*now, *trace({"-j", "8", "--max-overhead", "off"})),
              ElementsAre("--max-overhead"))
      << "windows have another default";
  adopt_setting("--loop", *now, *before);
  EXPECT_THAT(changed_options(*before, *now), ElementsAre("-X", "--push", "--max-memory"));
  fs::remove(file());
  EXPECT_EQ(trace()->config_file, "");
  EXPECT_THAT(changed_options(*now, *trace({"-j", "8"})),
              ElementsAre("--max-overhead", "-X", "--push", "--loop", "--max-memory"));
  in_windows_ = true;  // as they go on
  EXPECT_THAT(changed_options(*now, *trace({"-j", "8"})), ElementsAre("-X", "--push", "--loop"));
  EXPECT_FALSE(trace({"-j", "8"})->continuous());
}

TEST_F(Configuration, allWrongLinesAreSaidAtOnce) {
  write("cstak = \"fp\"\nmax-depth = 64\nthreads = 1\n");
  EXPECT_EQ(trace().error().message, file() + ":1: unknown key 'cstak'; did you mean cstack?\n" +
                                         file() +
                                         ":3: threads is true or false; see jtrace --help");
  EXPECT_EQ(trace().error().hint, "");
  EXPECT_EQ(trace().error().code, Errc::Usage);
}

TEST_F(Configuration, everyChoiceOfTheTableIsOneThatParses) {
  for (const Row& row : option_table()) {
    for (const std::string_view word : split(row.choices, '|')) {
      const auto options = trace({"--" + std::string(row.key()), std::string(word)});
      EXPECT_TRUE(options) << row.names << " " << word;
    }
    if (row.fallback.empty()) continue;
    const std::string option = "--" + std::string(row.key()) + "=" + std::string(row.fallback);
    const auto options = (row.commands & kTrace) != 0
                             ? trace({option})
                             : parse({"diff", "a", "b", "-f", "c.html", option});
    EXPECT_TRUE(options) << row.names << " " << row.fallback;
  }
}

TEST_F(Configuration, theProcessEnvironmentIsHonouredInAPlainProgram) {
  const Sources sources = Sources::of_process();
  ASSERT_TRUE(sources.environment);
  EXPECT_STREQ(sources.environment("PATH"), std::getenv("PATH"));
  EXPECT_EQ(sources.file, "/etc/jtrace/config.toml");
}

}  // namespace
}  // namespace jtrace::cli
