// SPDX-License-Identifier: Apache-2.0
// The kernel's raw tracepoints (`raw_tp:NAME`), by its BTF: those that have a record in tracefs and
// those that have none. Their arguments are the ones that the kernel's own code hands over.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "event/format.h"
#include "event/tracepoint.h"

struct btf;

namespace jtrace::capture {

class RawTracepoints {
 public:
  // Of the kernel that runs; read once. Not for two threads at a time.
  [[nodiscard]] static Result<const RawTracepoints*> of_kernel();
  // `file`: BTF, or an ELF file with it.
  [[nodiscard]] static Result<RawTracepoints> read(const std::string& file);

  // Sorted, those whose name matches the glob.
  [[nodiscard]] std::vector<event::Tracepoint> list(std::string_view glob = "*") const;
  // The one of this name, or all that match the glob. Errors: no such event with near names.
  [[nodiscard]] Result<std::vector<event::Tracepoint>> resolve(const std::string& name) const;
  [[nodiscard]] bool has(std::string_view name) const { return by_name_.contains(name); }

  // Each argument as a field of 8 bytes: the n-th is at 8 * n of what a program gets.
  [[nodiscard]] event::Format format(const event::Tracepoint& tracepoint) const;

 private:
  struct Types {
    std::uint32_t handler = 0;  // typedef btf_trace_NAME: what is handed over
    std::uint32_t caller = 0;   // function __traceiter_NAME: what it is called; 0: not known
  };
  struct Free {
    void operator()(btf* types) const;
  };
  explicit RawTracepoints(btf* types);
  [[nodiscard]] event::Tracepoint tracepoint(const std::string& name, const Types& types) const;
  void add_argument(event::Format& format, std::string name, std::uint32_t type) const;

  std::unique_ptr<btf, Free> types_;
  std::map<std::string, Types, std::less<>> by_name_;
};

// Attaches a program; it is detached with what is returned. `cookie`: 0 before 6.10.
[[nodiscard]] Result<UniqueFd> attach_raw_tracepoint(const std::string& name, int program,
                                                     std::uint64_t cookie);

}  // namespace jtrace::capture
