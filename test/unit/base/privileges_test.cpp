// SPDX-License-Identifier: Apache-2.0
#include "base/privileges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

namespace jtrace {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The files of a host, made up.
class PrivilegesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "jtrace-privileges-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    put("proc/self/status", "Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\n");
    put("proc/self/uid_map", "         0          0 4294967295\n");
    put("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  void put_effective(const std::string& mask) const {
    put("proc/self/status", "Name:\tx\nCapEff:\t" + mask + "\nCapBnd:\t000001ffffffffff\n");
  }
  [[nodiscard]] Error error(int number = EPERM) const {
    return refused("load", number, {Capability::Bpf, Capability::Perfmon}, "bpf",
                   Privileges::read(root_))
        .error();
  }

  fs::path root_;
};

TEST_F(PrivilegesTest, whatCanBeRaisedIsNotMissing) {
  put("proc/self/status", "CapPrm:\t000000c000000000\nCapEff:\t0000000000000000\n");
  EXPECT_EQ(error().message, "load: Operation not permitted");
}

TEST_F(PrivilegesTest, namesWhatIsMissing) {
  put_effective("0000000000000000");
  EXPECT_EQ(error().message, "load: CAP_BPF and CAP_PERFMON are missing");
  EXPECT_EQ(error().hint, "run with sudo (doctor: capabilities)");
  EXPECT_EQ(error().code, Errc::Environment);
  put_effective("0000008000000000");  // CAP_BPF
  EXPECT_EQ(error().message, "load: CAP_PERFMON is missing");
  put_effective("000000c000000000");  // both
  EXPECT_EQ(error().message, "load: Operation not permitted");
  EXPECT_THAT(error().hint, HasSubstr("(doctor: bpf)"));
  put_effective("0000000000200000");  // CAP_SYS_ADMIN stands for both
  EXPECT_EQ(error().message, "load: Operation not permitted");
}

TEST_F(PrivilegesTest, rootOfAUserNamespaceIsNotRoot) {
  put("proc/self/uid_map", "         0       1000          1\n");
  EXPECT_THAT(error().message, HasSubstr("user namespace"));
  EXPECT_THAT(error().hint, HasSubstr("(doctor: capabilities)"));
}

TEST_F(PrivilegesTest, lockdownIsSaidOnlyWhereItForbids) {
  put("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  EXPECT_EQ(error().message, "load: kernel lockdown (confidentiality) forbids it");
  EXPECT_THAT(error().hint, HasSubstr("(doctor: lockdown)"));
  put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_EQ(error().message, "load: Operation not permitted");
}

TEST_F(PrivilegesTest, otherErrorsAreNoMatterOfRights) {
  put_effective("0000000000000000");
  EXPECT_EQ(error(ENOENT).message, "load: No such file or directory");
}

TEST_F(PrivilegesTest, whatCannotBeReadIsNotCalledMissing) {
  for (const char* status : {"", "CapEff:\t", "CapEff:\tzz\n", "CapEff:\t1"}) {
    put("proc/self/status", status);
    EXPECT_EQ(error().message, "load: Operation not permitted") << status;
  }
  fs::remove_all(root_ / "proc");
  EXPECT_EQ(error().message, "load: Operation not permitted");
}

TEST(Privileges, ofThisProcessAreReadable) {
  EXPECT_TRUE(Privileges::read().effective.has_value());
}

}  // namespace
}  // namespace jtrace
