// SPDX-License-Identifier: Apache-2.0
// The capabilities of this process: those it was lent, raised only where they are needed, given up
// when they are not needed any more.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>

#include "base/privileges.h"
#include "base/result.h"

namespace jtrace {

// Capabilities as bits, by their numbers.
class CapabilitySet {
 public:
  constexpr CapabilitySet() = default;
  constexpr explicit CapabilitySet(std::uint64_t bits) : bits_(bits) {}
  constexpr CapabilitySet(std::initializer_list<Capability> all) {
    for (const Capability one : all) bits_ |= std::uint64_t{1} << static_cast<unsigned>(one);
  }
  [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
  [[nodiscard]] constexpr bool has(Capability one) const {
    return (bits_ >> static_cast<unsigned>(one) & 1) != 0;
  }
  [[nodiscard]] constexpr CapabilitySet operator&(CapabilitySet other) const {
    return CapabilitySet(bits_ & other.bits_);
  }
  [[nodiscard]] constexpr CapabilitySet operator|(CapabilitySet other) const {
    return CapabilitySet(bits_ | other.bits_);
  }
  [[nodiscard]] constexpr CapabilitySet without(CapabilitySet other) const {
    return CapabilitySet(bits_ & ~other.bits_);
  }
  friend constexpr bool operator==(CapabilitySet, CapabilitySet) = default;

 private:
  std::uint64_t bits_ = 0;
};

// Of an installation with file capabilities for the members of a group, or set-uid: this program
// has rights that its caller has not. Root, however it comes, has its own.
[[nodiscard]] bool rights_are_lent();

// First of all. Where rights are lent, the ids become the caller's, what no group is lent is given
// up for good, and what is left takes effect only where it is raised: all else is done as the
// caller would, so that the kernel itself refuses what it would refuse him.
[[nodiscard]] Status settle_rights();

// While one is alive, these lent rights are in effect; nothing where no rights are lent. Of this
// thread alone.
class Raised {
 public:
  explicit Raised(CapabilitySet rights);
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;
  ~Raised();

 private:
  std::uint64_t before_ = 0;
  bool raised_ = false;
};

// While one is alive, these rights are not in effect: what does one get without them?
class Lowered {
 public:
  explicit Lowered(CapabilitySet rights);
  Lowered(const Lowered&) = delete;
  Lowered& operator=(const Lowered&) = delete;
  ~Lowered();

 private:
  std::uint64_t before_ = 0;
  bool lowered_ = false;
};

// This thread's, as they are.
[[nodiscard]] CapabilitySet permitted_rights();
[[nodiscard]] CapabilitySet effective_rights();

// Who this process is after give_up_rights() with `leave_root`.
[[nodiscard]] uid_t uid_without_root();

// Gives up all but `kept`, in every set and for good: nothing that is executed later gets more. For
// a process with one thread. With `leave_root` root becomes a user that owns nothing, since root's
// files, /proc/sys among them, are root's without any capability; where CAP_SETUID and CAP_SETGID
// are held, that is.
[[nodiscard]] Status give_up_rights(CapabilitySet kept, bool leave_root);

}  // namespace jtrace
