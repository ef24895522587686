// SPDX-License-Identifier: Apache-2.0
#include "capture/mapping_log.h"

#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "base/privileges.h"
#include "base/rights.h"
#include "base/unique_fd.h"

namespace jtrace::capture {
namespace {

// A process that is started takes about 1 KiB of records; a turn comes every few milliseconds.
constexpr std::size_t kRingPages = 64;
// Stacks of a process that has ended are walked within a turn or two.
constexpr std::uint64_t kKept = 2'000'000'000;
// Bounds for who maps without end.
constexpr std::size_t kMostMappings = 4096, kMostProcesses = 65536;

int open_event(int cpu) {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  attr.mmap = 1;
  attr.mmap2 = 1;
  attr.comm = 1;
  attr.comm_exec = 1;
  attr.task = 1;
  attr.sample_id_all = 1;
  attr.sample_type = PERF_SAMPLE_TIME;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  return static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

template <class T>
std::optional<T> value_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

struct Mmap2 {
  std::uint32_t pid, tid;
  std::uint64_t addr, len, pgoff;
  std::uint32_t major, minor;
  std::uint64_t inode, generation;
  std::uint32_t protection, flags;
};
struct Task {
  std::uint32_t pid, parent, tid, parent_tid;
};
constexpr std::size_t kHead = sizeof(perf_event_header);

std::optional<MappingRecord> parse_mmap(std::span<const std::byte> bytes) {
  const auto fields = value_at<Mmap2>(bytes, kHead);
  constexpr std::size_t kName = kHead + sizeof(Mmap2);
  if (!fields || bytes.size() < kName + sizeof(std::uint64_t)) return std::nullopt;
  const auto name = bytes.subspan(kName, bytes.size() - kName - sizeof(std::uint64_t));
  const auto* text = reinterpret_cast<const char*>(name.data());
  std::string path(text, ::strnlen(text, name.size()));
  if (path == "//anon") path.clear();
  MappingRecord record;
  record.tgid = static_cast<pid_t>(fields->pid);
  record.mapping = {.start = fields->addr,
                    .end = fields->addr + fields->len,
                    .offset = fields->pgoff,
                    .device = makedev(fields->major, fields->minor),
                    .inode = fields->inode,
                    .path = std::move(path)};
  return record;
}

std::optional<MappingRecord> parse_task(std::span<const std::byte> bytes,
                                        MappingRecord::Kind kind) {
  const auto fields = value_at<Task>(bytes, kHead);
  // Threads come and go within their process.
  if (!fields || fields->pid != fields->tid) return std::nullopt;
  if (kind == MappingRecord::Kind::Fork && fields->pid == fields->parent) return std::nullopt;
  MappingRecord record;
  record.kind = kind;
  record.tgid = static_cast<pid_t>(fields->pid);
  record.parent = static_cast<pid_t>(fields->parent);
  return record;
}

std::optional<MappingRecord> parse(std::span<const std::byte> bytes) {
  const auto head = value_at<perf_event_header>(bytes, 0);
  const auto time = value_at<std::uint64_t>(bytes, bytes.size() - sizeof(std::uint64_t));
  std::optional<MappingRecord> record;
  if (!head || !time) return std::nullopt;
  if (head->type == PERF_RECORD_MMAP2) record = parse_mmap(bytes);
  if (head->type == PERF_RECORD_FORK) record = parse_task(bytes, MappingRecord::Kind::Fork);
  if (head->type == PERF_RECORD_EXIT) record = parse_task(bytes, MappingRecord::Kind::Exit);
  if (head->type == PERF_RECORD_COMM && (head->misc & PERF_RECORD_MISC_COMM_EXEC) != 0) {
    record.emplace();
    record->kind = MappingRecord::Kind::Exec;
    record->tgid = static_cast<pid_t>(value_at<std::uint32_t>(bytes, kHead).value_or(0));
  }
  if (record) record->time = *time;
  return record;
}

}  // namespace

void MappedCode::add(Process& process, const LoggedMapping& mapping) {
  if (mapping.end <= mapping.start) return;
  auto& all = process.by_start;
  // What it covers is gone; of what it covers in part the rest stays.
  auto it = all.upper_bound(mapping.start);
  if (it != all.begin()) --it;
  std::vector<LoggedMapping> rests;
  while (it != all.end() && it->second.start < mapping.end) {
    const LoggedMapping old = it->second;
    if (old.end <= mapping.start) {
      ++it;
      continue;
    }
    it = all.erase(it);
    if (old.start < mapping.start) {
      rests.push_back(old);
      rests.back().end = mapping.start;
    }
    if (old.end > mapping.end) {
      rests.push_back(old);
      rests.back().start = mapping.end;
      rests.back().offset += mapping.end - old.start;
    }
  }
  if (all.size() >= kMostMappings) return;
  for (const LoggedMapping& rest : rests) all.insert_or_assign(rest.start, rest);
  all.insert_or_assign(mapping.start, mapping);
}

void MappedCode::apply(const MappingRecord& record) {
  using Kind = MappingRecord::Kind;
  if (record.kind == Kind::Exit) {
    const auto it = processes_.find(record.tgid);
    if (it != processes_.end()) it->second.ended = record.time;
    return;
  }
  if (processes_.size() >= kMostProcesses && !processes_.contains(record.tgid)) return;
  Process& process = processes_[record.tgid];
  if (record.kind == Kind::Exec) process = {.by_start = {}, .whole = true};
  if (record.kind == Kind::Map) add(process, record.mapping);
  if (record.kind == Kind::Fork) {
    const auto parent = processes_.find(record.parent);
    process = parent == processes_.end() ? Process{} : parent->second;
    process.ended = 0;
  }
}

std::vector<LoggedMapping> MappedCode::of(pid_t tgid) const {
  std::vector<LoggedMapping> all;
  const auto it = processes_.find(tgid);
  if (it == processes_.end() || !it->second.whole) return all;
  std::ranges::transform(it->second.by_start, std::back_inserter(all),
                         [](const auto& entry) { return entry.second; });
  return all;
}

void MappedCode::forget(std::uint64_t before) {
  std::erase_if(processes_, [before](const auto& entry) {
    return entry.second.ended != 0 && entry.second.ended < before;
  });
}

// The buffer of one CPU: written by the kernel, which waits for nobody.
class MappingLog::Ring {
 public:
  Ring(UniqueFd fd, void* at, std::size_t page) : fd_(std::move(fd)), at_(at), page_(page) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() { ::munmap(at_, (kRingPages + 1) * page_); }

  void read(std::vector<MappingRecord>& records) {
    auto* head = static_cast<perf_event_mmap_page*>(at_);
    const std::uint64_t end = std::atomic_ref(head->data_head).load(std::memory_order_acquire);
    std::uint64_t at = head->data_tail;
    while (at < end) {
      const auto size = piece(at, kHead);
      perf_event_header header{};
      std::memcpy(&header, size.data(), sizeof(header));
      if (header.size < kHead || header.size > end - at) break;
      if (auto record = parse(piece(at, header.size))) records.push_back(*std::move(record));
      at += header.size;
    }
    std::atomic_ref(head->data_tail).store(end, std::memory_order_release);
  }

 private:
  // Records go round at the buffer's end.
  std::vector<std::byte> piece(std::uint64_t from, std::size_t bytes) const {
    const std::size_t ring = kRingPages * page_;
    const auto* data = static_cast<const std::byte*>(at_) + page_;
    const std::size_t start = from % ring;
    const std::size_t first = std::min(bytes, ring - start);
    std::vector<std::byte> all(data + start, data + start + first);
    all.insert(all.end(), data, data + (bytes - first));
    return all;
  }

  UniqueFd fd_;
  void* at_;
  std::size_t page_;
};

MappingLog::MappingLog(std::vector<std::unique_ptr<Ring>> rings) : rings_(std::move(rings)) {}
MappingLog::MappingLog(MappingLog&&) noexcept = default;
MappingLog& MappingLog::operator=(MappingLog&&) noexcept = default;
MappingLog::~MappingLog() = default;

Result<MappingLog> MappingLog::open() {
  const Raised rights({Capability::Bpf, Capability::Perfmon, Capability::SysResource});
  const auto page = static_cast<std::size_t>(::getpagesize());
  const long cpus = ::sysconf(_SC_NPROCESSORS_CONF);
  std::vector<std::unique_ptr<Ring>> rings;
  for (int cpu = 0; cpu < cpus; ++cpu) {
    UniqueFd fd(open_event(cpu));
    if (!fd.valid() && errno == ENODEV) continue;  // it is offline
    void* at = fd.valid() ? ::mmap(nullptr, (kRingPages + 1) * page, PROT_READ | PROT_WRITE,
                                   MAP_SHARED, fd.get(), 0)
                          : MAP_FAILED;
    if (at == MAP_FAILED) {
      return refused("open the kernel's log of mappings", errno, {Capability::Perfmon},
                     "perf-event-paranoid");
    }
    rings.push_back(std::make_unique<Ring>(std::move(fd), at, page));
  }
  return MappingLog(std::move(rings));
}

void MappingLog::drain() {
  std::vector<MappingRecord> records;
  for (const auto& ring : rings_) ring->read(records);
  // A process may change its CPU between two of them.
  std::ranges::stable_sort(records, {}, &MappingRecord::time);
  for (const MappingRecord& record : records) code_.apply(record);
  if (!records.empty() && records.back().time > kKept) code_.forget(records.back().time - kKept);
}

}  // namespace jtrace::capture
