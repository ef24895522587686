// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "bpf/jtrace_abi.h"

namespace jtrace::unwind {

// Distinct rules in the order of their first use; at most JT_MAX_RULES.
class RuleSet {
 public:
  // Index of the rule; nullopt where the set is full.
  [[nodiscard]] std::optional<std::uint32_t> intern(const jt_rule& rule) {
    const auto [it, fresh] =
        index_.try_emplace(key_of(rule), static_cast<std::uint32_t>(rules_.size()));
    if (!fresh) return it->second;
    if (rules_.size() >= JT_MAX_RULES) {
      index_.erase(it);
      return std::nullopt;
    }
    rules_.push_back(rule);
    return it->second;
  }

  [[nodiscard]] const std::vector<jt_rule>& rules() const { return rules_; }
  [[nodiscard]] std::vector<jt_rule> take() && { return std::move(rules_); }

 private:
  using Key = std::array<std::uint64_t, 2>;
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      const std::uint64_t h = (key[0] ^ (key[1] * 0x9e3779b97f4a7c15ULL)) * 0xbf58476d1ce4e5b9ULL;
      return h ^ (h >> 31);
    }
  };
  static Key key_of(const jt_rule& rule) { return std::bit_cast<Key>(rule); }

  std::vector<jt_rule> rules_;
  std::unordered_map<Key, std::uint32_t, Hash> index_;
};

}  // namespace jtrace::unwind
