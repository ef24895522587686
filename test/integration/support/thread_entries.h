// SPDX-License-Identifier: Apache-2.0
// Where a whole stack ends: the code whose caller does not exist. Known by name, and in stripped
// binaries (Debian's libc has no symbol for clone3) by their unwind tables, as libdw reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jtrace::test {

class ThreadEntries {
 public:
  // Frames "<file name>+0x<ELF address> ..." of this binary can be judged from now on.
  [[nodiscard]] Status add(const std::filesystem::path& binary);
  // The libc of this process, which its children have as well.
  [[nodiscard]] Status add_own_libc();

  // `frame`: text of a stack's root frame.
  [[nodiscard]] bool is_entry(std::string_view frame) const;

 private:
  // Does the unwind table say that there is no caller at this ELF address?
  using NoCaller = std::function<bool(std::uint64_t address)>;
  std::map<std::string, NoCaller, std::less<>> binaries_;
};

}  // namespace jtrace::test
