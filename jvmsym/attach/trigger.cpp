// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/attach/trigger.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace jtrace::jvmsym::attach {
namespace {

constexpr mode_t kMode = 0600;

// 0, or the errno. EPERM: it belongs to somebody else, since the file system decides that.
int make(int directory, const std::string& name, uid_t owner, bool& ours) {
  const UniqueFd file(::openat(directory, name.c_str(),
                               O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, kMode));
  struct stat info = {};
  ours = file.valid();
  if (!ours && errno != EEXIST) return errno;
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
  if (info.st_uid == owner || (!ours && info.st_uid == 0)) return 0;
  // In the way of one in /tmp: the JVM looks here first.
  if (ours) ::unlinkat(directory, name.c_str(), 0);
  ours = false;
  return EPERM;
}

}  // namespace

Result<Trigger> Trigger::put(int working, int tmp, pid_t inner_pid, uid_t owner) {
  const std::string name = ".attach_pid" + std::to_string(inner_pid);
  int error = 0;
  for (const int directory : {working, tmp}) {
    if (directory < 0) continue;
    bool ours = false;
    error = make(directory, name, owner, ours);
    if (error != 0) continue;
    if (!ours) return Trigger(UniqueFd(), name);
    return Trigger(UniqueFd(::fcntl(directory, F_DUPFD_CLOEXEC, 0)), name);
  }
  return fail(Errc::Target, errno_text("make " + name + " in /tmp", error),
              "its JVM looks for that file there and in its working directory");
}

Trigger::~Trigger() {
  if (directory_.valid()) ::unlinkat(directory_.get(), name_.c_str(), 0);
}

}  // namespace jtrace::jvmsym::attach
