// SPDX-License-Identifier: Apache-2.0
#include "session/agent_file.h"

#include <fcntl.h>

#include <array>
#include <filesystem>

namespace jtrace::session {

namespace fs = std::filesystem;

Result<AgentFile> AgentFile::open() {
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  const std::array<fs::path, 2> paths{here / "libjtrace-agent.so",
                                      here / ".." / JTRACE_LIBDIR / "jtrace/libjtrace-agent.so"};
  for (const fs::path& path : paths) {
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.valid()) return AgentFile(std::move(file), path.lexically_normal());
  }
  return fail(Errc::Environment,
              "there is no " + paths[1].lexically_normal().string() + ", the agent to be loaded",
              "install it with the program, or leave --jvm-symbols agent out (doctor: agent)");
}

}  // namespace jtrace::session
