// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <ostream>
#include <string>

#include "symbolize/elf_symbols.h"

namespace jtrace::symbolize {
namespace {

struct Case {
  std::string mangled;
  std::string expected;
};

void PrintTo(const Case& value, std::ostream* out) { *out << value.mangled; }

class Demangle : public testing::TestWithParam<Case> {};

TEST_P(Demangle, GivesTheNameThatPeopleRead) {
  EXPECT_EQ(demangle(GetParam().mangled), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Names, Demangle,
    testing::Values(
        Case{"", ""}, Case{"openat64", "openat64"}, Case{"_Z", "_Z"},
        Case{"_Zgarbage", "_Zgarbage"}, Case{"_ZN2ns1fEi", "ns::f"},
        Case{"_ZNK2ns1C3getEv", "ns::C::get"},
        Case{"_ZN12_GLOBAL__N_11fEv", "(anonymous namespace)::f"},
        Case{"_ZN12_GLOBAL__N_11CclEi", "(anonymous namespace)::C::operator()"},
        Case{"_ZN1AcvbEv", "A::operator bool"}, Case{"_ZN1AcvmEv", "A::operator unsigned long"},
        Case{"_Znwm", "operator new"}, Case{"_ZdaPv", "operator delete[]"},
        Case{"_ZlsRSoRK1A", "operator<<"}, Case{"_ZN1AltERKS_", "A::operator<"},
        Case{"_ZN1AptEv", "A::operator->"}, Case{"_ZN1AixEi", "A::operator[]"},
        Case{"_ZN1A3setESt8functionIFviEE", "A::set"},
        Case{"_ZN1BISt8functionIFviEEE3runEv", "B<std::function<void (int)> >::run"},
        // Template instances have their return type in the text.
        Case{"_Z3maxIiET_S0_S0_", "max<int>"}, Case{"_ZN1A1fIiEEPKcT_", "A::f<int>"},
        Case{"_ZlsIiERSoS0_T_", "operator<< <int>"},
        Case{"_ZZN1A1fEiENKUlvE_clEv", "A::f::{lambda()#1}::operator()"},
        Case{"_ZZNK1A1fEvENKUliE_clEi", "A::f::{lambda(int)#1}::operator()"},
        Case{"_ZTV1A", "vtable for A"}, Case{"_ZThn8_N1A1fEv", "non-virtual thunk to A::f"},
        Case{"_ZGVZ1fvE1x", "guard variable for f::x"}, Case{"_Z1fB5cxx11v", "f[abi:cxx11]"},
        // A function that returns a function pointer keeps its whole text.
        Case{"_Z1fIiEPFvcET_", "void (*f<int>(int))(char)"},
        // Clones.
        Case{"_ZN2ns1fEi.cold", "ns::f"}, Case{"_ZN2ns1fEi.isra.0.part.12", "ns::f"},
        Case{"_ZN2ns1fEi.constprop.0.cold", "ns::f"}, Case{"_ZN2ns1fEi.unknown.3", "ns::f"},
        Case{"do_work.part.0", "do_work"}, Case{"do_work.cold.7", "do_work"},
        Case{"work.llvm.1234567890", "work"}, Case{"data.v2", "data.v2"}, Case{"x.1", "x.1"},
        Case{".cold", ".cold"}, Case{"a.", "a."}, Case{".", "."},
        Case{"_Z9 [clone E", " [clone E"}));

// From libjvm: what a JVM's own stacks consist of.
INSTANTIATE_TEST_SUITE_P(
    Hotspot, Demangle,
    testing::Values(
        Case{"_ZN15JavaCallWrapperC2ERK12methodHandle6HandleP9JavaValueP10JavaThread",
             "JavaCallWrapper::JavaCallWrapper"},
        Case{"_ZN9JavaCalls11call_helperEP9JavaValueRK12methodHandleP17JavaCallArgumentsP6Thread",
             "JavaCalls::call_helper"},
        Case{"_ZN16G1ConcurrentMarkD1Ev", "G1ConcurrentMark::~G1ConcurrentMark"}));

TEST(Demangle, TooLongANameStaysAsItIs) {
  const std::string name = "_Z5000" + std::string(5000, 'a') + "v";
  EXPECT_EQ(demangle(name), name);
}

// A<A<..>, A<..>> by back references: 40 levels are 2^40 characters.
TEST(Demangle, RefusesAnExpandingName) {
  std::string name = "_Z1f1AIiiE";
  const std::string digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (std::size_t level = 0; level < 36; ++level) {
    const std::string back = std::string("S") + digits[level] + "_";
    name += "S_I" + back + back + "E";
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(demangle(name), name);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(Demangle, KeepsANameWithManyBackReferences) {
  std::string name = "_Z1f";
  for (int i = 0; i < 100; ++i) name += i == 0 ? "1A" : "RKS_";
  EXPECT_EQ(demangle(name), "f");
}

TEST(ModuleName, IsTheLastComponent) {
  EXPECT_EQ(module_name("/usr/lib/libc.so.6"), "libc.so.6");
  EXPECT_EQ(module_name("libc.so.6"), "libc.so.6");
  EXPECT_EQ(module_name("[vdso]"), "[vdso]");
  EXPECT_EQ(module_name(""), "");
}

}  // namespace
}  // namespace jtrace::symbolize
