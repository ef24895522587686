// SPDX-License-Identifier: Apache-2.0
#include "capture/call_functions.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>

#include <string>

namespace jtrace::capture {
namespace {

using ::testing::HasSubstr;

TEST(CallFunctions, foundAmongTheKernelsTypesByTheirPrototype) {
  btf* types = btf__new_empty();
  const int number = btf__add_int(types, "long int", 8, BTF_INT_SIGNED);
  const auto prototype = [&](const char* argument) {
    const int id = btf__add_func_proto(types, number);
    btf__add_func_param(types, argument, number);
    return id;
  };
  const int regs = prototype("regs"), unused = prototype("__unused");
  const int openat = btf__add_func(types, "__x64_sys_openat", BTF_FUNC_STATIC, regs);
  btf__add_func(types, "__x64_sys_read", BTF_FUNC_STATIC, regs);
  btf__add_func(types, "__x64_sys_bind", BTF_FUNC_STATIC, unused);
  btf__add_func(types, "__ia32_sys_close", BTF_FUNC_STATIC, regs);
  // As a file keeps them, too.
  const auto read = [types] {
    const auto found = CallFunctions::of(*types);
    auto kept = CallFunctions::of_text(found.to_text());
    EXPECT_EQ(kept.to_text(), found.to_text());
    return kept;
  };
  const auto functions = read();
  btf__add_func(types, "bpf_throw", BTF_FUNC_STATIC, regs);
  const auto later = read();
  btf__free(types);
  EXPECT_TRUE(later.has_throw());
  EXPECT_EQ(functions.find("openat").id, static_cast<std::uint32_t>(openat));
  EXPECT_EQ(functions.find("openat").prototype, functions.find("read").prototype);
  EXPECT_NE(functions.find("openat").prototype, functions.find("bind").prototype);
  EXPECT_FALSE(functions.why_not("bind"));
  EXPECT_FALSE(functions.has_throw());
  EXPECT_EQ(functions.why_not("close"), "the kernel's types have no __x64_sys_close");
}

TEST(CallFunctions, linesThatAreNoneAreNothing) {
  const auto functions =
      CallFunctions::of_text("openat x 1\n\nread 4294967296 2\nclose -1\nbind 7 8");
  EXPECT_EQ(functions.to_text(), "bind 7 8\n");
  EXPECT_EQ(functions.find("bind").id, 7U);
}

TEST(Preemption, isWhatTheKernelSaysOfItself) {
  EXPECT_FALSE(why_preempted("#1 SMP Debian 5.10.218-1 (2024-06-01)", ""));
  EXPECT_TRUE(why_preempted("#1 SMP PREEMPT Debian 5.10.218-1", ""));
  EXPECT_TRUE(why_preempted("#1 SMP PREEMPT_RT Debian", ""));
  EXPECT_TRUE(why_preempted("#1 SMP PREEMPT_LAZY Debian", ""));
  EXPECT_FALSE(why_preempted("#1 SMP PREEMPT_DYNAMIC Debian", "none (voluntary) full\n"));
  EXPECT_FALSE(why_preempted("#1 SMP PREEMPT_DYNAMIC Debian", "(none) voluntary full\n"));
  EXPECT_THAT(*why_preempted("#1 SMP PREEMPT_DYNAMIC", "none voluntary full (lazy)\n"),
              HasSubstr("(lazy preemption)"));
  EXPECT_THAT(*why_preempted("#1 SMP PREEMPT_DYNAMIC Debian", ""), HasSubstr("not known"));
}

}  // namespace
}  // namespace jtrace::capture
