// SPDX-License-Identifier: Apache-2.0
// A library whose call frame information is in .debug_frame alone.

int jt_debug_frame(int (*call)(int), int value) { return call(value) + 1; }
