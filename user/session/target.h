// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "bpf/jtrace_abi.h"
#include "capture/capture.h"
#include "capture/mapping_log.h"
#include "cli/options.h"
#include "helper/file_reader.h"
#include "jvmsym/hotspot/hotspot.h"
#include "process/identity.h"
#include "process/memory.h"
#include "profile/symbol_table.h"
#include "session/agent_file.h"
#include "session/attacher.h"
#include "session/java_names.h"
#include "session/late_names.h"
#include "session/native_symbols.h"
#include "session/pace.h"
#include "unwind/address_space.h"
#include "unwind/cfi_step.h"
#include "unwind/walker.h"

namespace jtrace::session {

// Frames that a walk may take: with -j N/M the root is needed too.
[[nodiscard]] inline std::uint32_t walk_depth(const cli::Options& options) {
  return options.keep_root == 0 ? options.max_depth : JT_MAX_FRAMES;
}

// What all targets of a run share.
struct SharedTables {
  // `max_symbols`: bytes of the symbols of files.
  explicit SharedTables(std::size_t max_rows, std::size_t max_symbols = NativeSymbols::kMaxBytes);
  helper::FileReader files;          // first: it forks, as the next one
  helper::FileReader symbol_files;   // of `native`
  std::optional<Attacher> attacher;  // --jvm-symbols perfmap, agent
  std::optional<AgentFile> agent;    // --jvm-symbols agent
  LateNames late_names;
  unwind::TableCache cache;
  unwind::TableStore store;
  unwind::BinaryTables binaries;
  NativeSymbols native;
  std::map<const unwind::Binary*, Result<jvmsym::hotspot::VmSymbols>> libjvms;
  std::vector<jt_hotspot> jvms;          // index is jt_range::jvm
  std::vector<std::uint16_t> free_jvms;  // of JVMs that have ended
  std::size_t starting = 0;              // JVMs that cannot be read yet
  std::uint32_t uploaded_rules = 0;

  // Symbols of a libjvm.so, read once.
  [[nodiscard]] const Result<jvmsym::hotspot::VmSymbols>& libjvm(pid_t tgid,
                                                                 const unwind::MappedImage& image);

  // A place for one more JVM; nullopt where there is none.
  [[nodiscard]] std::optional<std::uint16_t> take_jvm();
  // A window has ended: forgets binaries that no process has any more, where room is wanted.
  // Whether there were any.
  bool note_window(capture::Capture& capture);
  // Sends the kernel what the store has got since the last time.
  [[nodiscard]] Status upload(capture::Capture& capture);
};

// One traced process: its mappings, its JVM, the names of its frames. Not thread-safe.
class Target {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Target>> open(pid_t pid, SharedTables& shared,
                                                            const cli::Options& options);
  // One that came while tracing; its mappings are read by the first refresh.
  [[nodiscard]] static Result<std::unique_ptr<Target>> adopt(capture::Life life,
                                                             SharedTables& shared,
                                                             const cli::Options& options);
  // One that has ended already: what the kernel's log tells of its code.
  [[nodiscard]] static std::unique_ptr<Target> remains(
      capture::Life life, std::span<const capture::LoggedMapping> mappings, SharedTables& shared,
      const cli::Options& options);
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target();

  [[nodiscard]] const process::ProcessInfo& info() const { return info_; }
  [[nodiscard]] capture::Life life() const { return {info_.key.tgid, birth_}; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] bool is_jvm() const { return vm_ != nullptr; }
  // It may become a target at its first event; meet(): that has come.
  void stand_by() { stands_by_ = true; }
  void meet() { stands_by_ = false; }
  [[nodiscard]] bool stands_by() const { return stands_by_; }
  // A libjvm is mapped whose code cache is not there yet: refresh again soon. Until then the kernel
  // defers what it cannot walk, and a walk here would fail too. Ends by itself after a while.
  [[nodiscard]] bool jvm_pending() const { return jvm_pending_; }
  // Of one that is pending: not all the time, the less the more of them there are.
  [[nodiscard]] bool is_due() const { return std::chrono::steady_clock::now() >= next_probe_; }
  // Executable mappings beyond what the kernel's table takes for one process.
  [[nodiscard]] std::size_t ranges_left_out() const { return space_.left_out(); }
  // A refresh would find room for rows that found none.
  [[nodiscard]] bool has_room_now() const { return space_.has_room_now(); }
  [[nodiscard]] const std::string& jvm_note() const { return jvm_note_; }
  [[nodiscard]] const JavaNames& names() const { return names_; }
  [[nodiscard]] const std::string& jvm_version() const { return jvm_version_; }

  // Reads the mappings and the JVM's layout anew. Before there is a capture, tables are only
  // collected; with one they are uploaded and the kernel told.
  [[nodiscard]] Status refresh(capture::Capture* capture);
  // As refresh(), where the process is gone: by the kernel's log.
  void use(std::span<const capture::LoggedMapping> mappings);
  // The process has replaced its image: what was known of its JVM is void.
  void forget_image();

  // Where our rights are lent: it executed what the caller may not trace, a set-uid program. Looked
  // at with each refresh, before which no event after an exec is walked.
  [[nodiscard]] bool revoked() const { return revoked_; }

  // Finishes a walk that the kernel deferred.
  [[nodiscard]] unwind::WalkResult walk(const jt_deferred_record& record,
                                        std::uint32_t max_frames) const;
  // For walks done anew. Valid until the next refresh.
  [[nodiscard]] unwind::WalkTables walk_tables() const;
  [[nodiscard]] const process::MemoryReader& memory() const { return memory_; }
  // A code address as a frame, for stacks that the kernel walked by frame pointers.
  [[nodiscard]] jt_frame frame_at(std::uint64_t pc, bool exact) const;
  // --check-walks. `java`: in the code cache; else `image` says what is mapped there, if anything.
  struct Place {
    bool java = false;
    const unwind::MappedImage* image = nullptr;
  };
  [[nodiscard]] Place place_at(std::uint64_t pc) const;
  [[nodiscard]] std::optional<jvmsym::hotspot::JavaStep> java_step(
      const jvmsym::hotspot::JavaRegisters& at, const unwind::WordReader& stack) {
    return vm_ ? vm_->stepper().step(at, stack) : std::nullopt;
  }
  void forget_java_code() {
    if (vm_) vm_->stepper().forget();
  }
  [[nodiscard]] profile::LocationId locate(const jt_frame& frame, const Moment& moment,
                                           profile::SymbolTable& symbols);
  // Before there are events, of a JVM: what it is to do for its names.
  void prepare_names() {
    if (vm_) names_.prepare(*vm_);
  }
  // At the end, as long as it lives: what was asked of it for this trace ends, too.
  void release_names() { names_.release(); }
  // Its name is in a file, which stays; else whoever has it may be gone, or say another, any time.
  [[nodiscard]] bool lasts(const jt_frame& frame) const;
  // Has the symbols of its file read, where that has not begun. Whether locate() would not wait.
  [[nodiscard]] bool is_ready(const jt_frame& frame);
  [[nodiscard]] bool has_waiting() const { return names_.has_waiting(); }
  // JavaNames::name_waiting
  void name_waiting(profile::SymbolTable& symbols, bool last) {
    names_.name_waiting(vm_.get(), symbols, last);
  }
  void forget_waiting() { names_.forget_waiting(); }
  // A walk needs the JavaThread of thread `tid`.
  void ask_java_thread(std::uint32_t tid);
  // Tells the kernel where the JavaThreads that were asked for lie. A thread that is none may
  // become one: looked for again from time to time.
  void tell_java_threads(capture::Capture& capture);
  // Threads are asked for that were not found yet.
  [[nodiscard]] bool asks_for_threads() const { return !asked_threads_.empty(); }
  // What its runtime calls a thread; nullopt where only the kernel's name is known.
  [[nodiscard]] std::optional<std::string> thread_name(std::uint32_t tid);

 private:
  Target(process::ProcessInfo info, UniqueFd pidfd, SharedTables& shared,
         const cli::Options& options);
  void probe_jvm();
  [[nodiscard]] bool libjvm_mapped() const;
  void learn_names();
  void tell_all_java_threads(capture::Capture& capture);
  [[nodiscard]] std::vector<unwind::CodeCacheRange> code_ranges() const;
  [[nodiscard]] profile::LocationId locate_native(const jt_frame& frame, const Moment& moment,
                                                  profile::SymbolTable& symbols);

  process::ProcessInfo info_;
  std::uint64_t birth_ = 0;
  UniqueFd pidfd_;
  SharedTables& shared_;
  bool raw_names_;
  process::ProcessMemory memory_;
  unwind::AddressSpace space_;
  std::vector<jt_range> ranges_;
  std::unique_ptr<jvmsym::hotspot::HotspotVm> vm_;
  Pace pace_;  // of reading vm_
  std::optional<std::uint16_t> jvm_index_;
  std::uint64_t libjvm_start_ = 0;
  std::chrono::steady_clock::time_point names_looked_up_{};
  std::set<std::uint32_t> asked_threads_;
  bool asked_lately_ = false;
  bool threads_told_ = false;
  std::chrono::steady_clock::time_point threads_looked_up_{};
  bool jvm_pending_ = false;
  std::chrono::steady_clock::time_point next_probe_{};
  bool revoked_ = false;
  bool stands_by_ = false;
  std::optional<std::chrono::steady_clock::time_point> jvm_first_seen_;
  std::string jvm_note_;
  std::string jvm_version_;
  JavaNames names_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, profile::LocationId> native_cache_;  // by frame
  std::uint64_t cached_in_ = 0;  // serial of its table
};

}  // namespace jtrace::session
