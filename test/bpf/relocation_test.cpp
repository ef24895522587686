// SPDX-License-Identifier: Apache-2.0
// Programs are relocated by a part of the kernel's types, kept on disk: every instruction is as it
// is where libbpf reads all of them.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/kernel_types.h"
#include "capture/object.h"
#include "capture/verifier_log.h"
#include "integration/support/environment.h"

namespace jtrace::capture {
namespace {

struct Instructions {
  std::map<std::string, std::vector<std::uint64_t>> of;  // by program
  std::size_t all = 0;
};

// Whether the kernel takes them is another matter: they are relocated before.
Instructions relocated_by(const UniqueFd& types) {
  const LogCapture quiet;
  bpf_object_open_opts options{};
  options.sz = sizeof options;
  const std::string path = "/proc/self/fd/" + std::to_string(types.get());
  if (types.valid()) options.btf_custom_path = path.c_str();
  const auto bytes = object_bytes();
  const std::unique_ptr<bpf_object, decltype(&bpf_object__close)> object(
      bpf_object__open_mem(bytes.data(), bytes.size(), &options), bpf_object__close);
  Instructions found;
  if (!object) return found;
  bpf_program* program = nullptr;
  while ((program = bpf_object__next_program(object.get(), program)) != nullptr) {
    // Those at functions are looked up among all types, whatever is given.
    const std::string_view section = bpf_program__section_name(program);
    const bool at_function = section.find("fentry") != std::string_view::npos ||
                             section.find("fexit") != std::string_view::npos ||
                             section.find("iter/") != std::string_view::npos;
    bpf_program__set_autoload(program, !at_function);
  }
  (void)bpf_object__load(object.get());
  while ((program = bpf_object__next_program(object.get(), program)) != nullptr) {
    if (!bpf_program__autoload(program)) continue;
    constexpr std::uint8_t kLoadWide = BPF_LD | BPF_IMM | BPF_DW;  // numbers of maps
    auto& its = found.of[bpf_program__name(program)];
    const bpf_insn* instruction = bpf_program__insns(program);
    for (std::size_t i = 0; i < bpf_program__insn_cnt(program); ++i, ++instruction) {
      const bool of_map = instruction->code == kLoadWide && instruction->src_reg != 0;
      its.push_back(std::uint64_t{instruction->code} | std::uint64_t{instruction->dst_reg} << 8 |
                    std::uint64_t{instruction->src_reg} << 12 |
                    static_cast<std::uint64_t>(static_cast<std::uint16_t>(instruction->off)) << 16 |
                    (of_map ? 0 : static_cast<std::uint64_t>(instruction->imm) << 32));
    }
    found.all += its.size();
  }
  return found;
}

TEST(Relocation, byAPartOfTheTypesIsAsByAllOfThem) {
  JT_NEEDS("bpf", test::no_bpf());
  const auto types = KernelTypes::read_kernel();
  ASSERT_TRUE(types) << types.error().message;
  const auto part = types->open_relevant();
  ASSERT_TRUE(part.valid());
  const auto by_part = relocated_by(part);
  const auto by_all = relocated_by(UniqueFd());
  EXPECT_GT(by_all.all, 10'000U);
  ASSERT_EQ(by_part.of.size(), by_all.of.size());
  for (const auto& [name, instructions] : by_all.of) {
    EXPECT_EQ(by_part.of.at(name), instructions) << name;
  }
}

// So that the test above can fail: by others than it is about nothing is relocated.
TEST(Relocation, byOtherTypesIsAnotherOne) {
  JT_NEEDS("bpf", test::no_bpf());
  const auto others = KernelTypes::read("/sys/kernel/btf/vmlinux", {"list_head"});
  ASSERT_TRUE(others) << others.error().message;
  const auto by_others = relocated_by(others->open_relevant());
  EXPECT_NE(by_others.of, relocated_by(UniqueFd()).of);
}

}  // namespace
}  // namespace jtrace::capture
