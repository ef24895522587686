// SPDX-License-Identifier: Apache-2.0
// What has to be known of the kernel's types. There are 5.5 MB of them: reading and searching them
// takes a third of the time to start, so that what came of it is kept on disk, by the kernel's
// build id.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cache_folder.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "capture/call_functions.h"
#include "capture/relevant_types.h"

namespace jtrace::capture {

class KernelTypes {
 public:
  // Of the running kernel, read once. Errc::Environment where it has none.
  [[nodiscard]] static Result<const KernelTypes*> of_kernel();
  // The same, whatever is kept.
  [[nodiscard]] static Result<KernelTypes> read_kernel();
  // Of a file of BTF; `names`: of the types that programs are relocated by.
  [[nodiscard]] static Result<KernelTypes> read(const std::string& file, const TypeNames& names);

  // As a file keeps it. What does not check out is nothing.
  [[nodiscard]] std::vector<std::byte> to_bytes() const;
  [[nodiscard]] static std::optional<KernelTypes> from_bytes(std::span<const std::byte> bytes);

  [[nodiscard]] const CallFunctions& functions() const { return functions_; }
  // A file of the types that programs are relocated by, for libbpf; none: the kernel's own have to
  // do.
  [[nodiscard]] UniqueFd open_relevant() const;

 private:
  [[nodiscard]] static std::optional<KernelTypes> load(const CacheFolder& cache,
                                                       const std::string& key);

  CallFunctions functions_;
  std::vector<std::byte> relevant_;
};

// In the notes of an ELF file or of the kernel (/sys/kernel/notes): the GNU build id, hexadecimal;
// empty where there is none.
[[nodiscard]] std::string build_id_in_notes(std::string_view notes);

}  // namespace jtrace::capture
