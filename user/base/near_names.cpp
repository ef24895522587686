// SPDX-License-Identifier: Apache-2.0
#include "base/near_names.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <tuple>

namespace jtrace {
namespace {

// A word of one or two letters is contained in half of all names: no help.
constexpr std::size_t kShortestPart = 3;

struct Rank {
  int kind;  // 0 one edit away, 1 ends with the word, 2 begins with it, 3 contains it, 4 resembles
  std::size_t distance;
  friend auto operator<=>(const Rank&, const Rank&) = default;
};

std::optional<Rank> rank_of(std::string_view word, std::string_view name) {
  const std::size_t distance = edit_distance(word, name);
  if (distance <= 1 && word.size() > 1) return Rank{0, distance};
  if (word.size() >= kShortestPart && name.find(word) != std::string_view::npos) {
    // Counted in words and not in letters, sys_enter_open and sys_exit_open are equally near to
    // "open", and sys_enter_mq_open is not.
    const auto words = [](std::string_view text) { return std::ranges::count(text, '_'); };
    const auto extra = static_cast<std::size_t>(words(name) - words(word));
    // At least one longer, or the distance would be 0. "fsopen" is no "open".
    if (name.ends_with(word) && name[name.size() - word.size() - 1] == '_') return Rank{1, extra};
    return Rank{name.starts_with(word) ? 2 : 3, extra};
  }
  if (distance > std::clamp<std::size_t>(word.size() / 4, 1, 3)) return std::nullopt;
  return Rank{4, distance};
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(above.begin(), above.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, substitute});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::vector<std::string> near_names(std::string_view word, std::span<const std::string> names,
                                    std::size_t count) {
  std::vector<std::tuple<Rank, std::string_view>> ranked;
  for (const std::string& name : names) {
    if (const auto rank = rank_of(word, name)) ranked.emplace_back(*rank, name);
  }
  std::sort(ranked.begin(), ranked.end());
  ranked.erase(std::unique(ranked.begin(), ranked.end()), ranked.end());
  ranked.resize(std::min(ranked.size(), count));
  std::vector<std::string> best;
  for (const auto& [rank, name] : ranked) best.emplace_back(name);
  return best;
}

std::string did_you_mean(std::span<const std::string> names) {
  if (names.empty()) return {};
  std::string text = "did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text + "?";
}

}  // namespace jtrace
