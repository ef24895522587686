// SPDX-License-Identifier: Apache-2.0
// A directory tree that stands for / and has a tracefs.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace jtrace::event {

class TracefsFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "jtrace-tracefs-XXXXXX";
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    root_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  [[nodiscard]] std::filesystem::path events() const { return root_ / place_ / "events"; }

  void add(const std::string& category, const std::string& name, const std::string& id) {
    const auto directory = events() / category / name;
    std::filesystem::create_directories(directory);
    std::ofstream(directory / "id") << id;
  }

  // What every kernel has beside the events themselves.
  void add_usual() {
    add("syscalls", "sys_enter_open", "700\n");
    add("syscalls", "sys_enter_openat", "701\n");
    add("syscalls", "sys_enter_openat2", "703\n");
    add("syscalls", "sys_exit_openat", "702\n");
    add("syscalls", "sys_enter_close", "704\n");
    add("sched", "sched_switch", "300\n");
    add("sched", "sched_wakeup", "301\n");
    add("raw_syscalls", "sys_enter", "20\n");
    std::ofstream(events() / "enable") << "0\n";
    std::ofstream(events() / "sched" / "filter") << "none\n";
    std::ofstream(events() / "header_page") << "\n";
  }

  std::filesystem::path root_;
  std::filesystem::path place_ = "sys/kernel/tracing";
};

}  // namespace jtrace::event
