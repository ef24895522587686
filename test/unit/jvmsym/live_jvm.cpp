// SPDX-License-Identifier: Apache-2.0
#include "unit/jvmsym/live_jvm.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "process/maps.h"

namespace jtrace::test {
namespace {

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

pid_t spawn(const std::vector<std::string>& command, int in, int out) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (in >= 0) posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  if (out >= 0) posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ), 0) << command[0];
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 65536> buffer;
  for (ssize_t n; (n = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text;
}

std::string run(const std::vector<std::string>& command) {
  Pipe out = make_pipe();
  const pid_t pid = spawn(command, -1, out.write.get());
  out.write.reset();
  std::string text = read_all(out.read.get());
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << command[0] << ": " << text;
  return text;
}

}  // namespace

std::string java_home() {
  std::vector<std::string> places;
  if (const char* home = std::getenv("JAVA_HOME")) places.emplace_back(home);
  places.emplace_back("/usr/lib/jvm/java-17-openjdk-amd64");
  places.emplace_back("/usr/lib/jvm/default-java");
  for (const std::string& place : places) {
    if (std::filesystem::exists(place + "/bin/javac")) return place;
  }
  return {};
}

JavaProgram::JavaProgram(const std::string& home, const std::string& class_name,
                         std::string_view source)
    : class_name_(class_name) {
  std::string pattern = std::filesystem::temp_directory_path() / "jtrace-java-XXXXXX";
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  const std::string file = directory_ + "/" + class_name + ".java";
  std::ofstream(file) << source;
  run({home + "/bin/javac", "-d", directory_, file});
}

JavaProgram::~JavaProgram() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

LiveJvm::LiveJvm(std::string home, const JavaProgram& program,
                 const std::vector<std::string>& flags)
    : home_(std::move(home)) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  std::vector<std::string> command = {home_ + "/bin/java"};
  command.insert(command.end(), flags.begin(), flags.end());
  command.insert(command.end(), {"-cp", program.directory(), program.class_name()});
  pid_ = spawn(command, in.read.get(), out.write.get());
  to_ = std::move(in.write);
  from_ = std::move(out.read);
  memory_.emplace(pid_);
}

LiveJvm::~LiveJvm() { kill(); }

void LiveJvm::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void LiveJvm::wait_ready() {
  std::string seen;
  for (char c = 0; ::read(from_.get(), &c, 1) == 1;) {
    if (c == '\n') {
      if (seen == "ready") return;
      seen.clear();
    } else {
      seen += c;
    }
  }
  FAIL() << "java ended before it was ready: " << seen;
}

void LiveJvm::say(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  EXPECT_EQ(::write(to_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

std::string LiveJvm::jcmd(const std::string& command) const {
  return run({home_ + "/bin/jcmd", std::to_string(pid_), command});
}

LiveJvm::Libjvm LiveJvm::libjvm() const {
  const auto maps = process::read_maps(pid_);
  if (!maps) return {};
  Libjvm result;
  bool writable = false;
  for (const process::MapEntry& entry : *maps) {
    if (!entry.path.ends_with("/libjvm.so")) continue;
    if (entry.offset == 0) {
      result.bias = entry.start;  // libjvm.so's first segment starts at 0
      if (auto file = process::open_mapped_file(pid_, entry)) result.file = std::move(*file);
    }
    writable = writable || entry.writable;
  }
  return writable ? std::move(result) : Libjvm{};
}

Result<std::unique_ptr<jvmsym::hotspot::HotspotVm>> LiveJvm::attach() const {
  const Libjvm lib = libjvm();
  if (!lib.file.valid()) return fail(Errc::Target, "not ready: libjvm.so is not mapped");
  return jvmsym::hotspot::HotspotVm::attach(*memory_, lib.file.get(), lib.bias);
}

}  // namespace jtrace::test
