// SPDX-License-Identifier: Apache-2.0
// Profiles that tests of exporters share, built in code.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "profile/profile.h"
#include "profile/profile_builder.h"
#include "profile/symbol_table.h"

namespace jtrace::test {

// A profile under construction: frames are given root first, as a person reads them.
class ProfileSketch {
 public:
  explicit ProfileSketch(profile::Header header,
                         std::vector<profile::ValueType> types = {{"events", "count"}},
                         std::size_t default_type = 0);

  profile::LocationId frame(profile::FrameKind kind, std::string_view name);
  // Innermost line last, as a person reads it: caller first.
  profile::LocationId inlined(
      std::vector<std::pair<profile::FrameKind, std::string_view>> outermost_first);
  profile::LocationId unknown(std::string_view module, std::uint64_t address,
                              profile::UnknownReason reason);
  profile::Label label(std::string_view key, std::string_view value);
  profile::Label label(std::string_view key, std::int64_t number, std::string_view unit);
  void stack(std::vector<profile::LocationId> root_first, std::int64_t value,
             std::vector<profile::Label> labels = {});
  // One value a type.
  void weighed(std::vector<profile::LocationId> root_first, std::vector<std::int64_t> values,
               std::vector<profile::Label> labels = {});
  profile::Profile build(profile::Ledger ledger = {}, std::vector<std::string> comments = {}) &&;

 private:
  profile::SymbolTable symbols_;
  profile::ProfileBuilder builder_;
};

struct NamedProfile {
  std::string name;
  profile::Profile profile;
};

// Small ones, one a concern; the golden files are written from these.
[[nodiscard]] std::vector<NamedProfile> small_profiles();

// Names an attacker would choose: markup, line breaks, escape codes, direction overrides, 1 MB.
[[nodiscard]] profile::Profile hostile_profile();

// Reads and writes of files: weighed by time and by bytes, split by a field, with sizes and times
// in buckets. The default weight is the time.
[[nodiscard]] profile::Profile weighed_profile();

// Two processes, of which one had another's number before it: with `factor` times 10, 20 and 30
// events, and bytes.
[[nodiscard]] profile::Profile shared_profile(std::int64_t factor = 1);

// A Java server's file opens as they look: mixed kernel, native and Java frames, about 60 deep.
[[nodiscard]] profile::Profile server_profile();

// `frames` tree nodes in stacks of up to `depth` frames.
[[nodiscard]] profile::Profile large_profile(std::size_t frames, std::size_t depth);

}  // namespace jtrace::test
