// SPDX-License-Identifier: Apache-2.0
// Shared library that the native truth program loads while it is traced.
#include <fcntl.h>
#include <unistd.h>

#include "integration/native/chain.h"

extern "C" {

TRUTH_FRAME void late_open() { close(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC)); }

TRUTH_FRAME void late_middle() { late_open(); }

TRUTH_FRAME void late_path() { late_middle(); }

TRUTH_FRAME void late_back(truth::Callback callback) { callback(); }

TRUTH_FRAME void late_back_path(truth::Callback callback) { late_back(callback); }

}  // extern "C"
