// SPDX-License-Identifier: Apache-2.0
#include "capture/call_functions.h"

#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
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
  const auto read = [types] {
    std::uint32_t size = 0;
    const void* bytes = btf__raw_data(types, &size);
    const std::string file = testing::TempDir() + "call_functions." + std::to_string(::getpid());
    std::ofstream(file).write(static_cast<const char*>(bytes), size);
    auto found = CallFunctions::read(file);
    ::unlink(file.c_str());
    return found;
  };
  const auto functions = read();
  btf__add_func(types, "bpf_throw", BTF_FUNC_STATIC, regs);
  const auto later = read();
  btf__free(types);
  ASSERT_TRUE(later) << later.error().message;
  EXPECT_TRUE(later->has_throw());
  ASSERT_TRUE(functions) << functions.error().message;
  EXPECT_EQ(functions->find("openat").id, static_cast<std::uint32_t>(openat));
  EXPECT_EQ(functions->find("openat").prototype, functions->find("read").prototype);
  EXPECT_NE(functions->find("openat").prototype, functions->find("bind").prototype);
  EXPECT_FALSE(functions->why_not("bind"));
  EXPECT_FALSE(functions->has_throw());
  EXPECT_EQ(functions->why_not("close"), "the kernel's types have no __x64_sys_close");
}

TEST(CallFunctions, noTypesAreAnError) {
  const auto functions = CallFunctions::read("/dev/null");
  ASSERT_FALSE(functions);
  EXPECT_THAT(functions.error().message, HasSubstr("/dev/null"));
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
