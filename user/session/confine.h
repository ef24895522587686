// SPDX-License-Identifier: Apache-2.0
// While it traces jtrace reads what hostile processes write. What it could be made to do then is
// what this leaves it.
#pragma once

#include "base/result.h"
#include "base/rights.h"

namespace jtrace::session {

// Reads of targets: memory and files of other users' processes, files in directories of theirs,
// files that were deleted or replaced since they were mapped.
inline constexpr CapabilitySet kReadTargets{Capability::SysPtrace, Capability::DacReadSearch,
                                            Capability::CheckpointRestore};
// Files in a directory of the user who called sudo, that become his.
inline constexpr CapabilitySet kWriteOutputs{Capability::Chown, Capability::DacOverride,
                                             Capability::DacReadSearch, Capability::Fowner};

// Of who asks JVMs: their /proc entries, and to become their users.
inline constexpr CapabilitySet kAttach{Capability::SysPtrace, Capability::DacReadSearch,
                                       Capability::Setgid, Capability::Setuid};

// For good, for a process with one thread: root becomes nobody, all capabilities but `kept` go,
// nothing gets more by exec, and system calls that have no part in tracing fail with EPERM.
[[nodiscard]] Status confine_tracing(CapabilitySet kept);

// The same for who only writes files: root stays root, whose directories they may be in.
[[nodiscard]] Status confine_writing();

// The same for who asks JVMs (session/attacher.h): may fork, connect, signal, become their users.
[[nodiscard]] Status confine_attaching();

// The same for who sends profiles (push/sender.h): nobody without any right, but sockets.
[[nodiscard]] Status confine_sending();

// The same for who answers visitors (serve/server.h): nobody without any right, on sockets that it
// has already, and no files.
[[nodiscard]] Status confine_serving();

}  // namespace jtrace::session
