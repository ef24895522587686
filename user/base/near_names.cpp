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
  int kind;  // 0 ends with the word, 1 begins with it, 2 contains it, 3 resembles it
  std::size_t distance;
  friend auto operator<=>(const Rank&, const Rank&) = default;
};

std::optional<Rank> rank_of(std::string_view word, std::string_view name) {
  if (word.size() >= kShortestPart) {
    const std::size_t extra = name.size() - std::min(name.size(), word.size());
    // All that end with the word are equally near, so the alphabet decides between them, which
    // puts sys_enter_ before sys_exit_.
    if (name.ends_with(word)) return Rank{0, 0};
    if (name.starts_with(word)) return Rank{1, extra};
    if (name.find(word) != std::string_view::npos) return Rank{2, extra};
  }
  const std::size_t distance = edit_distance(word, name);
  if (distance > std::max<std::size_t>(1, word.size() / 3)) return std::nullopt;
  return Rank{3, distance};
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
