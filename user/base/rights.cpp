// SPDX-License-Identifier: Apache-2.0
#include "base/rights.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace jtrace {
namespace {

// What a group may be lent, whatever the file has: reading the caller's own processes takes none of
// it, so that CAP_SYS_PTRACE, which could read everybody's, is not among it.
constexpr CapabilitySet kLent{Capability::Bpf,           Capability::Perfmon,
                              Capability::DacReadSearch, Capability::Syslog,
                              Capability::SysResource,   Capability::SysNice};

// Debian's nobody, which owns no file.
constexpr unsigned kNobody = 65534;

struct Sets {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
};

constexpr unsigned kWord = 32;

Sets read_sets() {
  __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &head, data.data()) != 0) return {};
  return {.effective = data[0].effective | std::uint64_t{data[1].effective} << kWord,
          .permitted = data[0].permitted | std::uint64_t{data[1].permitted} << kWord};
}

// Inheritable ones are none.
bool write_sets(const Sets& sets) {
  __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  data[0].effective = static_cast<std::uint32_t>(sets.effective);
  data[1].effective = static_cast<std::uint32_t>(sets.effective >> kWord);
  data[0].permitted = static_cast<std::uint32_t>(sets.permitted);
  data[1].permitted = static_cast<std::uint32_t>(sets.permitted >> kWord);
  return ::syscall(SYS_capset, &head, data.data()) == 0;
}

std::unexpected<Error> not_given_up(const char* what) {
  return fail(Errc::Internal, errno_text(std::string("give up rights: ") + what, errno));
}

// An argument that prctl(2) wants to be 0.
constexpr unsigned long kNone = 0;

// The ids of the caller, in each place where they are kept.
Status become_caller() {
  const uid_t uid = ::getuid();
  const gid_t gid = ::getgid();
  if (::prctl(PR_SET_KEEPCAPS, 1UL, kNone, kNone, kNone) != 0) return not_given_up("prctl");
  if (::setresgid(gid, gid, gid) != 0) return not_given_up("setresgid");
  if (::setresuid(uid, uid, uid) != 0) return not_given_up("setresuid");
  return {};
}

Status become_nobody() {
  if (::prctl(PR_SET_KEEPCAPS, 1UL, kNone, kNone, kNone) != 0) return not_given_up("prctl");
  if (::setgroups(0, nullptr) != 0) return not_given_up("setgroups");
  if (::setresgid(kNobody, kNobody, kNobody) != 0) return not_given_up("setresgid");
  if (::setresuid(kNobody, kNobody, kNobody) != 0) return not_given_up("setresuid");
  return {};
}

// Only with CAP_SETPCAP; without, no_new_privs has to do.
void empty_bounding_set() {
  constexpr unsigned long kMost = 64;
  for (unsigned long one = 0; one < kMost; ++one) {
    if (::prctl(PR_CAPBSET_READ, one, kNone, kNone, kNone) == 1) {
      ::prctl(PR_CAPBSET_DROP, one, kNone, kNone, kNone);
    }
  }
}

}  // namespace

bool rights_are_lent() { return ::getauxval(AT_SECURE) != 0 && ::getuid() != 0; }

Status settle_rights() {
  if (!rights_are_lent()) return {};
  JT_CHECK_OK(become_caller());
  const std::uint64_t lent = read_sets().permitted & kLent.bits();
  if (!write_sets({.effective = 0, .permitted = lent})) return not_given_up("capset");
  return {};
}

Raised::Raised(CapabilitySet rights) {
  if (!rights_are_lent()) return;
  Sets sets = read_sets();
  before_ = sets.effective;
  sets.effective |= rights.bits() & sets.permitted;
  raised_ = write_sets(sets);
}

Raised::~Raised() {
  if (!raised_) return;
  const int error = errno;  // of what was tried meanwhile
  write_sets({.effective = before_, .permitted = read_sets().permitted});
  errno = error;
}

Lowered::Lowered(CapabilitySet rights) {
  Sets sets = read_sets();
  before_ = sets.effective;
  sets.effective &= ~rights.bits();
  lowered_ = write_sets(sets);
}

Lowered::~Lowered() {
  if (!lowered_) return;
  const int error = errno;
  write_sets({.effective = before_, .permitted = read_sets().permitted});
  errno = error;
}

CapabilitySet permitted_rights() { return CapabilitySet(read_sets().permitted); }

CapabilitySet effective_rights() { return CapabilitySet(read_sets().effective); }

uid_t uid_without_root() {
  constexpr CapabilitySet kToChange{Capability::Setuid, Capability::Setgid};
  const bool leaves = ::geteuid() == 0 && (effective_rights() & kToChange) == kToChange;
  return leaves ? kNobody : ::geteuid();
}

Status give_up_rights(CapabilitySet kept, bool leave_root) {
  empty_bounding_set();
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, kNone, kNone, kNone);
  const CapabilitySet held = permitted_rights();
  if (leave_root && uid_without_root() != ::geteuid()) JT_CHECK_OK(become_nobody());
  const std::uint64_t left = held.bits() & kept.bits();
  if (!write_sets({.effective = left, .permitted = left})) return not_given_up("capset");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1UL, kNone, kNone, kNone) != 0) return not_given_up("prctl");
  return {};
}

}  // namespace jtrace
