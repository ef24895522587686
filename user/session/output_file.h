// SPDX-License-Identifier: Apache-2.0
// Files that jtrace leaves behind, often as root in a directory of somebody else.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::session {

// Whether write_file would have a place to write to, tried out: what can be known before tracing.
[[nodiscard]] Status check_writable(const std::string& path);

// A regular file appears or is replaced whole, or not at all: nothing is left beside it, whenever
// the program ends. What is not regular is written in place. A link or a special file is taken only
// from us, root or the user who called sudo. A pipe whose reader is gone ends quietly.
// `nameless` false: as on a file system where files without a name cannot be.
[[nodiscard]] Status write_file(const std::string& path, std::string_view bytes,
                                bool nameless = true);

[[nodiscard]] Status write_all(int fd, const std::string& path, std::string_view bytes);

// Whether a file is ours, root's or of the user who called sudo.
[[nodiscard]] bool is_ours(const struct stat& info);

// A user and the primary group, as sudo's variables name them.
struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
};

// May a new file in this directory, in place of `before` (none: null), be the caller's? Only where
// he could have put it there himself: a file of his in /etc/profile.d would be root's undoing.
// Decided by mode bits; what only an ACL or another group allows stays root's.
[[nodiscard]] bool may_own(const Caller& caller, const struct stat& directory,
                           const struct stat* before);

}  // namespace jtrace::session
