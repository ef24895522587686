// SPDX-License-Identifier: Apache-2.0
#include "jvmsym/agent/agent_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

namespace jtrace::jvmsym::agent {
namespace {

// A record, whatever its place in the buffer, must fit.
constexpr std::size_t kBuffer = 2 * JT_AGENT_RECORD_MAX;
constexpr int kMaxDescriptors = 65536;
constexpr const char* kLinkText = "/memfd:" JT_AGENT_LOG_NAME " (deleted)";

// In which mount a descriptor's file is, by the kernel's word: no file system is asked, which may
// be the target's own and never answer.
std::optional<std::uint64_t> mount_of(int fd) {
  const std::string path = "/proc/self/fdinfo/" + std::to_string(fd);
  const UniqueFd info(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(512, '\0');
  const ssize_t n = info.valid() ? ::read(info.get(), text.data(), text.size()) : -1;
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  const std::size_t key = text.find("mnt_id:\t");
  if (key == std::string::npos) return std::nullopt;
  std::uint64_t mount = 0;
  const char* begin = text.data() + key + std::strlen("mnt_id:\t");
  const auto [stop, error] = std::from_chars(begin, text.data() + text.size(), mount);
  return error == std::errc{} ? std::optional(mount) : std::nullopt;
}

bool is_named_so(const std::string& link) {
  std::string text(std::strlen(kLinkText) + 1, '\0');
  const ssize_t n = ::readlink(link.c_str(), text.data(), text.size());
  return n >= 0 && text.substr(0, static_cast<std::size_t>(n)) == kLinkText;
}

// A file of any file system may have such a name: memfds share one mount that holds nothing else
// but anonymous memory.
UniqueFd open_memfd(const std::string& link, std::uint64_t memfds) {
  const UniqueFd place(::open(link.c_str(), O_PATH | O_CLOEXEC));
  if (!place.valid() || mount_of(place.get()) != memfds) return {};
  const std::string own = "/proc/self/fd/" + std::to_string(place.get());
  return UniqueFd(::open(own.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
}

}  // namespace

std::size_t LogParser::take(std::span<const std::byte> bytes, std::uint64_t log_start,
                            CodeMap& code) {
  std::size_t at = 0;
  while (!broken && bytes.size() - at >= sizeof(jt_agent_record)) {
    jt_agent_record head;
    std::memcpy(&head, bytes.data() + at, sizeof(head));
    if (head.bytes < sizeof(head) || head.bytes % 8 != 0 || head.bytes > JT_AGENT_RECORD_MAX) {
      broken = true;
      break;
    }
    if (head.bytes > bytes.size() - at) break;
    const auto record = bytes.subspan(at, head.bytes);
    at += head.bytes;
    ++records;
    const bool replayed = (head.flags & JT_AGENT_REPLAYED) != 0;
    const std::uint64_t time = replayed ? log_start : head.time_ns;
    if (head.type == JT_AGENT_UNLOAD && record.size() >= sizeof(jt_agent_unload)) {
      jt_agent_unload unload;
      std::memcpy(&unload, record.data(), sizeof(unload));
      code.unload(unload.code, time);
    } else if (auto compiled = CompiledCode::parse(record)) {
      code.load(std::move(*compiled), time);
    } else {
      ++malformed;
    }
  }
  return at;
}

Result<AgentLog> AgentLog::open(pid_t tgid) {
  const std::string what = "follow the agent's log of process " + std::to_string(tgid);
  const UniqueFd own(::memfd_create(JT_AGENT_LOG_NAME, MFD_CLOEXEC));
  const auto memfds = own.valid() ? mount_of(own.get()) : std::nullopt;
  if (!memfds) return fail(Errc::Environment, errno_text(what, errno));
  std::error_code error;
  std::filesystem::directory_iterator it("/proc/" + std::to_string(tgid) + "/fd", error);
  std::optional<AgentLog> best;
  const auto rank = [](const AgentLog& log) { return std::pair(log.ended() == 0, log.start_ns()); };
  for (int n = 0; !error && it != std::filesystem::directory_iterator() && n < kMaxDescriptors;
       it.increment(error), ++n) {
    const std::string link = it->path().string();
    if (!is_named_so(link)) continue;
    auto log = over(open_memfd(link, *memfds));
    if (log && (!best || rank(*best) < rank(*log))) best.emplace(std::move(*log));
  }
  if (best) return std::move(*best);
  return fail(Errc::Target, what + ": no agent is loaded",
              "start the JVM with -agentpath:libjtrace-agent.so, or load it with jcmd PID "
              "JVMTI.agent_load");
}

Result<AgentLog> AgentLog::over(UniqueFd fd) {
  AgentLog log(std::move(fd));
  if (!log.fd_.valid() || !log.read_head()) {
    return fail(Errc::Target, "follow the agent's log: it has no head of this version");
  }
  // By this the agent knows that somebody reads; it goes with the descriptor.
  (void)::flock(log.fd_.get(), LOCK_SH | LOCK_NB);
  return log;
}

bool AgentLog::read_head() {
  jt_agent_head head;
  const ssize_t n = ::pread(fd_.get(), &head, sizeof(head), 0);
  if (n != static_cast<ssize_t>(sizeof(head)) || head.magic != JT_AGENT_LOG_MAGIC) return false;
  head_ = head;
  return true;
}

std::uint64_t AgentLog::ended() const {
  if (head_.full_ns == 0 || head_.stopped_ns == 0) return head_.full_ns | head_.stopped_ns;
  return std::min(head_.full_ns, head_.stopped_ns);
}

bool AgentLog::poll(CodeMap& code) {
  bool news = false;
  // Once: what is reserved for a record that lies about its size stays small.
  if (buffer_.empty()) buffer_.resize(kBuffer);
  while (!parser_.broken && at_ < JT_AGENT_CAP) {
    const ssize_t n = ::pread(fd_.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(at_));
    if (n <= 0) break;
    const auto bytes = std::span(buffer_).first(static_cast<std::size_t>(n));
    const std::size_t taken = parser_.take(bytes, head_.start_ns, code);
    if (taken == 0) break;
    at_ += taken;
    news = true;
  }
  const std::uint64_t before = ended();
  if (read_head() && before == 0 && ended() != 0) code.end(ended());
  return news;
}

std::string class_name(std::string_view class_text) {
  if (class_text.starts_with('L') && class_text.ends_with(';')) {
    class_text = class_text.substr(1, class_text.size() - 2);
  }
  // VM-anonymous classes (8 to 14): a hash that is no part of the class's own name.
  const std::size_t slash = class_text.rfind('/');
  if (slash != std::string_view::npos && slash + 1 < class_text.size() &&
      class_text.find_first_not_of("0123456789", slash + 1) == std::string_view::npos) {
    class_text = class_text.substr(0, slash);
  }
  std::string name(class_text);
  // A dot is in no other class's internal name (JDK 15 on).
  if (const std::size_t dot = name.rfind(".0x"); dot != std::string::npos) name[dot] = '+';
  return name;
}

}  // namespace jtrace::jvmsym::agent
