// SPDX-License-Identifier: Apache-2.0
// What the native truth program and its two libraries share.
#pragma once

// A frame that is certain to be on the stack under its own name: not inlined, not cloned into
// name.constprop.0. (Calls in tail position stay calls by -fno-optimize-sibling-calls.)
#if __has_attribute(noipa)
#define TRUTH_FRAME __attribute__((noinline, noipa, visibility("default")))
#else
#define TRUTH_FRAME __attribute__((noinline, visibility("default")))
#endif

namespace truth {

using Callback = void (*)();

// One openat through libc; leaf of most chains.
void open_once();

}  // namespace truth

extern "C" {
// Of the linked library: linked_path -> linked_middle -> linked_open.
void linked_path();
// Of the library that is loaded while it is traced: late_path -> late_middle -> late_open, and
// late_back_path -> late_back -> callback().
void late_path();
void late_back_path(truth::Callback callback);
}
