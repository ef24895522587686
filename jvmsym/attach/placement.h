// SPDX-License-Identifier: Apache-2.0
// A library put where another process can load it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::jvmsym::attach {

// As its caller sees it. `fd` is open for reading.
struct Library {
  int fd = -1;
  std::string path;
};

// Ours, where the process sees the very file; else a copy in a directory of its own that takes one
// and lets it be executed, gone with this object: a library stays loaded without its file. To be
// made as the user of the process.
class Placement {
 public:
  // `root` is /proc/PID/root, `maps` its mappings: a copy that is still loaded serves again, by its
  // name, else each tracer would leave one more library in the process.
  [[nodiscard]] static Result<Placement> put(int root, std::string_view maps,
                                             const Library& library);
  Placement(Placement&& other) noexcept = default;
  Placement& operator=(Placement&&) = delete;
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;
  ~Placement();

  // In the process's own root.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit Placement(std::string path) : path_(std::move(path)) {}

  std::string path_;
  UniqueFd directory_;  // invalid: the file is not ours to remove
  std::string name_;
};

}  // namespace jtrace::jvmsym::attach
