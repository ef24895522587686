// SPDX-License-Identifier: Apache-2.0
#include "unwind/binary_reader.h"

#include "process/maps.h"

namespace jtrace::unwind {

Result<BinaryFacts> read_facts(int fd) {
  BinaryFacts facts;
  JT_TRY(facts.code, code_segments(fd));
  facts.build_id = read_build_id(fd);
  return facts;
}

Result<BinaryFacts> DirectReader::facts(pid_t /*owner*/, int fd) {
  return read_facts(process::open_found(fd).get());
}

Result<UnwindTable> DirectReader::table(pid_t /*owner*/, int fd) {
  return compile_unwind_table(process::open_found(fd).get());
}

}  // namespace jtrace::unwind
