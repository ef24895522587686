// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "helper/wire.h"
#include "jvmsym/perf_map.h"
#include "process/maps.h"
#include "unwind/binary_reader.h"

namespace jtrace::helper {

// jtrace's side: has the files of targets read by processes without rights, one a file, so that a
// file can neither harm jtrace nor say anything of another file. What they answer is checked; one
// that dies, that takes too long or that talks nonsense costs its file's answer, with the reason.
// Not thread-safe.
class FileReader final : public unwind::BinaryReader {
 public:
  struct Limits {
    // For one answer. 5 s were too few on a machine with ten times the work it can do.
    std::chrono::milliseconds patience{20'000};
    // Files of one process that may take longer: a process could serve its files itself, and each
    // such file holds the trace for as long.
    std::size_t late_files = 2;
  };

  // Forks: to be made before there are threads and before what no child shall inherit.
  // `name`: of those processes.
  FileReader() : FileReader(Limits{}) {}
  explicit FileReader(Limits limits, const char* name = "jtrace-files");
  ~FileReader() override;
  // For the first file: a fork takes longer than a small one. What begins now is no child of an
  // excluded process (capture::TargetTable) yet, so not where it may wait until events are counted.
  void get_ready();

  // `fd`: from process::find_mapped_file.
  [[nodiscard]] Result<unwind::BinaryFacts> facts(pid_t owner, int fd) override;
  [[nodiscard]] Result<unwind::UnwindTable> table(pid_t owner, int fd) override;
  // Of libjvm.so, with its own addresses.
  [[nodiscard]] Result<jvmsym::hotspot::VmSymbols> vm_symbols(pid_t owner, int fd);
  // `path` is where the owner sees the file; debug files are looked for below the owner's root.
  // Errc::Lossy where they take more than `room` bytes; 0: all are wanted.
  [[nodiscard]] Result<symbolize::ElfSymbols> symbols(pid_t owner, int fd, const std::string& path,
                                                      const std::string& build_id,
                                                      std::uint64_t room = 0);

  // Of the process itself.
  [[nodiscard]] Result<jvmsym::PerfMap> perf_map(pid_t owner, pid_t inner_tgid);

  // Of the jitdump of `owner`, open at `fd`: what it holds from `offset` on, JitDump::kMaxRead
  // bytes at most.
  [[nodiscard]] Result<std::string> jit_dump(pid_t owner, int fd, std::uint64_t offset);

  // Files that gave no answer, of which not more are kept than a person reads, and how many more.
  struct Trouble {
    std::string path;
    std::string reason;
  };
  [[nodiscard]] const std::vector<Trouble>& troubles() const { return troubles_; }
  [[nodiscard]] std::size_t more_troubles() const { return more_troubles_; }
  // Whose children read; -1: there is none.
  [[nodiscard]] pid_t keeper() const { return keeper_; }

 private:
  struct Worker {
    UniqueFd socket;
    std::optional<process::FileStatus> file;  // none: has not been given one
  };

  [[nodiscard]] Worker start_worker() const;
  void stop_workers();
  [[nodiscard]] Result<std::string> ask(pid_t owner, int fd, const Request& request,
                                        const UniqueFd& root);
  [[nodiscard]] Result<std::string> exchange(int fd, const process::FileStatus& file,
                                             const Request& request, const UniqueFd& root);
  [[nodiscard]] Result<SymbolsReply> ask_symbols(pid_t owner, int fd, const Request& request);
  [[nodiscard]] std::unexpected<Error> trouble(int fd, Error error);
  template <class T>
  [[nodiscard]] Result<T> checked(int fd, Result<T> decoded);

  Limits limits_;
  pid_t keeper_ = -1;
  UniqueFd orders_;
  Worker current_, next_;
  std::map<pid_t, std::size_t> late_;
  std::vector<Trouble> troubles_;
  std::size_t more_troubles_ = 0;
};

}  // namespace jtrace::helper
