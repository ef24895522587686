// SPDX-License-Identifier: Apache-2.0
// Lies of a process that claims to be a JVM.
#pragma once

#include <string>

namespace truth {

// Fills in what the libjvm.so beside this program says. `recorded`: the description of a real
// release (test/data/vm_structs), so that the lies lie behind offsets that are right.
//   pointers  every variable of the JVM points nowhere, one to each kind of nowhere
//   cycles    every structure's every word points to the structure itself
//   counts    every word is 2^63
//   names     names of a megabyte, with markup, line breaks and escape codes
//   endless   tables without an end
//   overlap   the code heap is where libc is
//   hops      a code heap in which each frame takes as long to be found as it may
//   broken    the code heap is one of its own, its segment map leads nowhere
void tell_lies(const std::string& lie, const char* recorded);

// Calls `function` from code in the heap that `broken` and others claim, from that many frames of
// it.
void call_from_heap(void (*function)(), int depth = 1);

}  // namespace truth
