// SPDX-License-Identifier: Apache-2.0
#include "base/redacted.h"

#include <algorithm>

namespace jtrace {

std::string redacted_url(std::string_view url) {
  constexpr std::string_view kMark = "://";
  constexpr std::string_view kOfScheme =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
  const std::size_t mark = url.find(kMark);
  const std::size_t at = url.rfind('@');
  std::string shown;
  if (mark != url.npos && (at == url.npos || mark < at) &&
      url.find_first_not_of(kOfScheme) == mark) {
    shown = url.substr(0, mark + kMark.size());
    url.remove_prefix(shown.size());
  }
  if (const std::size_t last = url.rfind('@'); last != url.npos) {
    shown += "***";
    url.remove_prefix(last);
  }
  return shown.append(url.substr(0, std::min(url.find_first_of("?#"), url.size())));
}

}  // namespace jtrace
