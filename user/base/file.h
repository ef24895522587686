// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace jtrace {

// Whole text of a small file (procfs, tracefs, maps). Reads at most `limit` bytes and fails beyond:
// what a traced process can write must not fill our memory. Never blocks on a FIFO.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit);

// The rest of an open file, as it is called in errors.
[[nodiscard]] Result<std::string> read_open_file(int fd, const std::string& name,
                                                 std::size_t limit);

}  // namespace jtrace
