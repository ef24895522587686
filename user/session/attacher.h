// SPDX-License-Identifier: Apache-2.0
// Who traces can neither signal a process nor connect to one: a process that was made before those
// rights were given up asks JVMs what they are asked by jcmd.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "jvmsym/attach/client.h"

namespace jtrace::session {

// One request at a time, each by a child of its own, which becomes the target's user. Not
// thread-safe.
class Attacher {
 public:
  // To be called by a process with one thread, before anything is open that must close for good.
  [[nodiscard]] static Result<Attacher> start();
  Attacher() = default;
  Attacher(Attacher&& other) noexcept;
  Attacher& operator=(Attacher&& other) noexcept;
  Attacher(const Attacher&) = delete;
  Attacher& operator=(const Attacher&) = delete;
  ~Attacher();

  // -1: there is none.
  [[nodiscard]] pid_t pid() const { return pid_; }
  // As jvmsym::attach::ask; `pidfd` tells which process has the number.
  [[nodiscard]] Result<jvmsym::attach::Answer> ask(pid_t pid, int pidfd,
                                                   const jvmsym::attach::Operation& operation,
                                                   const jvmsym::attach::Limits& limits = {});
  // As jvmsym::attach::load.
  [[nodiscard]] Status load(pid_t pid, int pidfd, const jvmsym::attach::Library& library,
                            const std::string& options, const jvmsym::attach::Limits& limits = {});

 private:
  // A request as the child takes it: what is asked, and of which process.
  struct Request {
    pid_t pid;
    int pidfd;
    std::vector<std::string> words;
    int library = -1;
  };
  [[nodiscard]] Result<jvmsym::attach::Answer> send(const Request& request,
                                                    const jvmsym::attach::Limits& limits);
  Attacher(UniqueFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

  UniqueFd socket_;
  pid_t pid_ = -1;
};

}  // namespace jtrace::session
