// SPDX-License-Identifier: Apache-2.0
// A JVM of the machine, running a program that a test brings along.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "jvmsym/hotspot/hotspot.h"
#include "process/memory.h"

namespace jtrace::test {

// $JAVA_HOME, else the first JDK of the list of usual places; empty where there is none.
[[nodiscard]] std::string java_home();

// A compiled class in a directory of its own, removed with the object.
class JavaProgram {
 public:
  // `source` declares `class_name`. Fails the test where javac does.
  JavaProgram(const std::string& home, const std::string& class_name, std::string_view source);
  JavaProgram(const JavaProgram&) = delete;
  JavaProgram& operator=(const JavaProgram&) = delete;
  ~JavaProgram();

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& class_name() const { return class_name_; }

 private:
  std::string directory_;
  std::string class_name_;
};

// A running JVM: killed with the object. The program says "ready" on its standard output when it
// may be looked at, and goes on when it reads a line.
class LiveJvm {
 public:
  LiveJvm(std::string home, const JavaProgram& program, const std::vector<std::string>& flags);
  LiveJvm(const LiveJvm&) = delete;
  LiveJvm& operator=(const LiveJvm&) = delete;
  ~LiveJvm();

  void wait_ready();
  void say(std::string_view line);
  void kill();
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string jcmd(const std::string& command) const;
  [[nodiscard]] const process::MemoryReader& memory() const { return *memory_; }

  struct Libjvm {
    UniqueFd file;
    std::uint64_t bias = 0;
  };
  // file is invalid while it is not mapped whole.
  [[nodiscard]] Libjvm libjvm() const;
  [[nodiscard]] Result<std::unique_ptr<jvmsym::hotspot::HotspotVm>> attach() const;

 private:
  std::string home_;
  pid_t pid_ = -1;
  UniqueFd to_;
  UniqueFd from_;
  std::optional<process::ProcessMemory> memory_;
};

}  // namespace jtrace::test
