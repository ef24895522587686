// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "jvmsym/attach/placement.h"

namespace jtrace::session {

// The agent that comes with this program, as a file to be loaded into JVMs.
class AgentFile {
 public:
  // Beside the program, as it is built, or where it is installed to. Errc::Environment.
  [[nodiscard]] static Result<AgentFile> open();
  [[nodiscard]] jvmsym::attach::Library library() const { return {file_.get(), path_}; }

 private:
  AgentFile(UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  UniqueFd file_;
  std::string path_;
};

}  // namespace jtrace::session
