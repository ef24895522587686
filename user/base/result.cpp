// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <system_error>

namespace jtrace {

std::string errno_text(const std::string& what, int err) {
  return what + ": " + std::generic_category().message(err);
}

}  // namespace jtrace
