// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "unwind/table.h"

namespace jtrace::unwind {

struct BinaryFacts {
  std::vector<CodeSegment> code;
  std::string build_id;  // empty: none
};

// Who parses the ELF files of targets: anything may stand in them, and reading them may take for
// ever. `fd` names the file (process::find_mapped_file), `owner` is the process that mapped it.
class BinaryReader {
 public:
  BinaryReader() = default;
  BinaryReader(const BinaryReader&) = delete;
  BinaryReader& operator=(const BinaryReader&) = delete;
  virtual ~BinaryReader() = default;

  [[nodiscard]] virtual Result<BinaryFacts> facts(pid_t owner, int fd) = 0;
  [[nodiscard]] virtual Result<UnwindTable> table(pid_t owner, int fd) = 0;
};

// What both come down to, on a file open for reading.
[[nodiscard]] Result<BinaryFacts> read_facts(int fd);

// In this process: for tests, and for whom nobody hostile is traced.
class DirectReader final : public BinaryReader {
 public:
  [[nodiscard]] Result<BinaryFacts> facts(pid_t owner, int fd) override;
  [[nodiscard]] Result<UnwindTable> table(pid_t owner, int fd) override;
};

}  // namespace jtrace::unwind
