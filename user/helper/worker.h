// SPDX-License-Identifier: Apache-2.0
// The side of the processes that read: one waits for orders with all rights of jtrace and reads
// nothing but those; each file is read by a child of it, which opens the file, gives up every
// right, and only then looks into it.
#pragma once

#include <string>

#include "helper/wire.h"

namespace jtrace::helper {

// The orders, one byte each; with Start comes the socket that the child is to answer on.
enum class Order : char { Start = 'S', Stop = 'K' };

// Never returns. Ends when the other side of the socket does.
[[noreturn]] void run_keeper(int orders, const char* name);

// What a child does of one file: the bytes of the reply, or why there are none.
[[nodiscard]] Result<std::string> do_work(const Request& request, int file,
                                          std::span<const int> debug_files);

}  // namespace jtrace::helper
