// SPDX-License-Identifier: Apache-2.0
// A function whose call frame information is in .eh_frame, beside one of debug_frame_fixture.c.

int jt_eh_frame(int (*call)(int), int value) { return call(value) + 1; }
