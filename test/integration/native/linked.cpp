// SPDX-License-Identifier: Apache-2.0
// Shared library that the native truth program is linked with.
#include <fcntl.h>
#include <unistd.h>

#include "integration/native/chain.h"

extern "C" {

TRUTH_FRAME void linked_open() { close(openat(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC)); }

TRUTH_FRAME void linked_middle() { linked_open(); }

TRUTH_FRAME void linked_path() { linked_middle(); }

}  // extern "C"
