// SPDX-License-Identifier: Apache-2.0
#include "symbolize/kernel_symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <string>

namespace jtrace::symbolize {
namespace {

constexpr const char* kText =
    "0000000000000000 A fixed_percpu_data\n"
    "ffffffff81000000 T _stext\n"
    "ffffffff81000000 T _text\n"
    "ffffffff81000100 T do_sys_openat2\n"
    "ffffffff81000200 t path_openat\n"
    "ffffffff81000300 W weak_one\n"
    "ffffffff81000400 D some_data\n"
    "ffffffffc0000100 t ext4_find\t[ext4]\n"
    "ffffffffc0000000 t ext4_first\t[ext4]\n"
    "ffffffffc0800000 t bpf_prog_6deef7357e7b4530_x\t[bpf]\n";

std::string name(const KernelSymbols& symbols, std::uint64_t address) {
  const auto found = symbols.find(address);
  if (!found) return "-";
  return found->module.empty() ? std::string(found->name)
                               : std::string(found->name) + "[" + std::string(found->module) + "]";
}

TEST(KernelSymbols, FindsTheLastSymbolBefore) {
  const auto symbols = KernelSymbols::parse(kText);
  ASSERT_TRUE(symbols) << symbols.error().message;
  EXPECT_EQ(symbols->size(), 7U);
  EXPECT_EQ(name(*symbols, 0xffffffff81000000), "_stext") << "the kernel lists the best name first";
  EXPECT_EQ(name(*symbols, 0xffffffff810001ff), "do_sys_openat2");
  EXPECT_EQ(name(*symbols, 0xffffffff81000200), "path_openat");
  EXPECT_EQ(name(*symbols, 0xffffffff81000400), "weak_one") << "data is no function";
  EXPECT_EQ(name(*symbols, 0xffffffffc0000001), "ext4_first[ext4]") << "not sorted in the file";
  EXPECT_EQ(name(*symbols, 0xffffffffc0000101), "ext4_find[ext4]");
  EXPECT_EQ(name(*symbols, 0xffffffffc0800010), "bpf_prog_6deef7357e7b4530_x[bpf]");
}

TEST(KernelSymbols, NothingFarFromAnySymbol) {
  const auto symbols = KernelSymbols::parse(kText);
  ASSERT_TRUE(symbols);
  EXPECT_EQ(name(*symbols, 0), "-");
  EXPECT_EQ(name(*symbols, 0x7fff12345678), "-");
  EXPECT_EQ(name(*symbols, 0xffffffff80ffffff), "-");
  EXPECT_EQ(name(*symbols, 0xffffffff81000300 + (1U << 20)), "weak_one");
  EXPECT_EQ(name(*symbols, 0xffffffff81000301 + (1U << 20)), "-");
  EXPECT_EQ(name(*symbols, UINT64_MAX), "-");
}

TEST(KernelSymbols, HiddenAddressesAreAnEnvironmentError) {
  const auto symbols = KernelSymbols::parse(
      "0000000000000000 T _stext\n0000000000000000 t f\n0000000000000000 t g\t[m]\n");
  ASSERT_FALSE(symbols);
  EXPECT_EQ(symbols.error().code, Errc::Environment);
  EXPECT_THAT(symbols.error().hint, testing::HasSubstr("kptr_restrict"));
  EXPECT_THAT(symbols.error().hint, testing::HasSubstr("CAP_SYSLOG"));
}

TEST(KernelSymbols, SkipsLinesThatDoNotParse) {
  const auto symbols = KernelSymbols::parse(
      "\n \n\t\nzz T a\n12345678901234567890 T b\n1000 TT c\n1000 T \n1000\n1000 T\n-1 T d\n0x10 T "
      "e\n"
      "2000 T good\n3000 t odd\t[\n4000 t half");
  ASSERT_TRUE(symbols);
  EXPECT_EQ(symbols->size(), 3U);
  EXPECT_EQ(name(*symbols, 0x2000), "good");
  EXPECT_EQ(name(*symbols, 0x3000), "odd");
  EXPECT_EQ(name(*symbols, 0x4000), "half");
  EXPECT_FALSE(KernelSymbols::parse(""));
  EXPECT_FALSE(KernelSymbols::parse("garbage"));
}

TEST(KernelSymbols, MissingFileIsAnEnvironmentError) {
  const auto symbols = KernelSymbols::load("/nonexistent/kallsyms");
  ASSERT_FALSE(symbols);
  EXPECT_EQ(symbols.error().code, Errc::Environment);
}

// The running kernel: either it hides its addresses or every function of it is found.
TEST(KernelSymbols, ReadsTheRunningKernel) {
  const auto symbols = KernelSymbols::load();
  if (!symbols) {
    EXPECT_EQ(symbols.error().code, Errc::Environment);
    EXPECT_FALSE(symbols.error().hint.empty());
    return;
  }
  EXPECT_GT(symbols->size(), 10000U);
  std::ifstream file("/proc/kallsyms");
  bool checked = false;
  for (std::string line; std::getline(file, line);) {
    if (!line.ends_with(" T __x64_sys_openat") && !line.ends_with(" T __arm64_sys_openat"))
      continue;
    checked = true;
    EXPECT_EQ(name(*symbols, std::stoull(line, nullptr, 16) + 1), line.substr(line.rfind(' ') + 1));
  }
  EXPECT_TRUE(checked);
}

}  // namespace
}  // namespace jtrace::symbolize
