// SPDX-License-Identifier: Apache-2.0
#include "integration/support/environment.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <random>
#include <system_error>

#include "base/unique_fd.h"
#include "integration/support/stacks.h"

namespace jtrace::test {
namespace {

std::string environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

}  // namespace

std::string jtrace_binary() { return environment("JTRACE_BIN", JTRACE_BIN_DEFAULT); }

std::filesystem::path jdk() {
  return environment("JTRACE_TEST_JDK", "/usr/lib/jvm/java-17-openjdk-amd64");
}

std::filesystem::path built(std::string_view name) {
  return std::filesystem::path(JTRACE_BINARY_DIR) / "test/integration" / name;
}

std::string letters_of(std::string_view text) {
  std::string letters;
  std::ranges::copy_if(text, std::back_inserter(letters),
                       [](unsigned char c) { return std::isalnum(c) != 0; });
  return letters;
}

bool required(std::string_view label) {
  const std::string labels = environment("JTRACE_REQUIRE", "");
  for (std::string_view one : split(labels, ',')) {
    if (one == label) return true;
  }
  return false;
}

std::optional<std::string> no_bpf() {
  if (geteuid() != 0) return "not root: BPF programs cannot be loaded";
  if (access(jtrace_binary().c_str(), X_OK) != 0) return "no program " + jtrace_binary();
  return std::nullopt;
}

std::optional<std::string> no_jdk() {
  if (auto reason = no_bpf()) return reason;
  if (access((jdk() / "bin/java").c_str(), X_OK) != 0) return "no JDK at " + jdk().string();
  if (!exists(built("classes"))) return "no javac was found when the tests were built";
  return std::nullopt;
}

std::optional<std::string> no_program(const std::string& name) {
  const std::string path = environment("PATH", "/usr/bin:/bin");
  for (std::string_view directory : split(path, ':')) {
    if (access((std::filesystem::path(directory) / name).c_str(), X_OK) == 0) return std::nullopt;
  }
  return "no program " + name;
}

Result<std::uint64_t> tracepoint_id(const std::string& category, const std::string& name) {
  const auto call = [](auto... arguments) { return static_cast<int>(syscall(arguments...)); };
  const UniqueFd context(call(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC));
  if (!context.valid()) return fail(Errc::Environment, errno_text("fsopen tracefs", errno));
  if (call(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return fail(Errc::Environment, errno_text("fsconfig tracefs", errno));
  }
  const UniqueFd root(call(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0));
  if (!root.valid()) return fail(Errc::Environment, errno_text("fsmount tracefs", errno));
  const std::string path = "events/" + category + "/" + name + "/id";
  const UniqueFd file(openat(root.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fail(Errc::Environment, errno_text("open " + path, errno));
  std::array<char, 32> text{};
  const ssize_t n = read(file.get(), text.data(), text.size());
  std::uint64_t id = 0;
  if (n <= 0 || std::from_chars(text.data(), text.data() + n, id).ec != std::errc()) {
    return fail(Errc::Environment, path + " is no number");
  }
  return id;
}

TemporaryDirectory::TemporaryDirectory() {
  std::random_device random;
  do {
    path_ = std::filesystem::temp_directory_path() / ("jtrace-test-" + std::to_string(random()));
  } while (!std::filesystem::create_directory(path_));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace jtrace::test
