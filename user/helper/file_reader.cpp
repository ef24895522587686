// SPDX-License-Identifier: Apache-2.0
#include "helper/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <span>
#include <utility>

#include "helper/sockets.h"
#include "helper/worker.h"
#include "symbolize/debug_file.h"

namespace jtrace::helper {
namespace {

constexpr std::size_t kShownTroubles = 8;

Bytes bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

// As the kernel names it, without asking who serves it.
std::string path_of(int fd) {
  std::array<char, PATH_MAX> path{};
  const ssize_t size =
      ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), path.data(), path.size());
  return {path.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

std::unexpected<Error> no_answer(std::string reason) {
  return fail(Errc::Internal, std::move(reason));
}

bool same_file(const process::FileStatus& a, const process::FileStatus& b) {
  return a.device == b.device && a.inode == b.inode && a.modified_ns == b.modified_ns;
}

}  // namespace

FileReader::FileReader(Limits limits, const char* name) : limits_(limits) {
  SocketPair sockets = make_sockets();
  if (!sockets.ours.valid()) return;
  keeper_ = ::fork();
  if (keeper_ == 0) {
    sockets.ours.reset();
    run_keeper(sockets.theirs.get(), name);
  }
  orders_ = std::move(sockets.ours);
}

void FileReader::get_ready() { next_ = start_worker(); }

FileReader::~FileReader() {
  orders_.reset();
  if (keeper_ > 0) ::waitpid(keeper_, nullptr, 0);
}

FileReader::Worker FileReader::start_worker() const {
  SocketPair sockets = make_sockets();
  const char order = static_cast<char>(Order::Start);
  const int socket = sockets.theirs.get();
  if (!sockets.ours.valid() ||
      !send_message(orders_.get(), std::as_bytes(std::span(&order, 1)), std::span(&socket, 1))) {
    return {};
  }
  return {.socket = std::move(sockets.ours), .file = {}};
}

void FileReader::stop_workers() {
  const char order = static_cast<char>(Order::Stop);
  (void)send_message(orders_.get(), std::as_bytes(std::span(&order, 1)), {});
  current_ = {};
  next_ = start_worker();
}

Result<std::string> FileReader::exchange(int fd, const process::FileStatus& file,
                                         const Request& request, const UniqueFd& root) {
  const bool first = !current_.file.has_value();
  std::vector<int> fds;
  if (first) fds.push_back(fd);
  if (first && root.valid()) fds.push_back(root.get());
  current_.file = file;
  const Deadline deadline = std::chrono::steady_clock::now() + limits_.patience;
  ReplyHeader header;
  auto received = Received::Closed;
  if (send_message(current_.socket.get(), bytes_of(encode(request)), fds)) {
    received = receive_exactly(current_.socket.get(), std::as_writable_bytes(std::span(&header, 1)),
                               deadline);
  }
  if (header.bytes > kMaxReply) return no_answer("the answer has no sensible size");
  // It may announce more than it sends: memory is taken as it comes.
  std::string body;
  while (received == Received::All && body.size() < header.bytes) {
    constexpr std::size_t kStep = 1U << 20;
    const std::size_t had = body.size();
    body.resize(std::min<std::size_t>(header.bytes, had + std::max(had, kStep)));
    received = receive_exactly(current_.socket.get(),
                               std::as_writable_bytes(std::span(body)).subspan(had), deadline);
  }
  if (received == Received::Late) {
    return fail(Errc::Lossy, fmt::format("it took longer than {:g} s",
                                         std::chrono::duration<double>(limits_.patience).count()));
  }
  if (received == Received::Closed) return no_answer("the process that read it died");
  if (header.ok == 1) return body;
  return fail(Errc::Target, decode_reason(bytes_of(body)));
}

Result<std::string> FileReader::ask(pid_t owner, int fd, const Request& request,
                                    const UniqueFd& root) {
  const auto file = process::file_status(fd);
  if (!file) return std::unexpected(file.error());
  if (const auto late = late_.find(owner);
      late != late_.end() && late->second >= limits_.late_files) {
    return trouble(fd, no_answer(fmt::format("{} files of process {} took too long before",
                                             limits_.late_files, owner))
                           .error());
  }
  if (!current_.socket.valid() || !current_.file || !same_file(*current_.file, *file) ||
      root.valid() || request.work == Work::PerfMap) {
    if (!next_.socket.valid()) next_ = start_worker();
    current_ = std::exchange(next_, Worker{});
    next_ = start_worker();
  }
  if (!current_.socket.valid()) return trouble(fd, {Errc::Internal, "no process to read it", ""});
  auto body = exchange(fd, *file, request, root);
  if (body || body.error().code == Errc::Target) return body;
  if (body.error().code == Errc::Lossy) {
    ++late_[owner];
    stop_workers();
  }
  current_ = {};
  return trouble(fd, std::move(body).error());
}

std::unexpected<Error> FileReader::trouble(int fd, Error error) {
  const std::string path = path_of(fd);
  const bool known =
      std::ranges::any_of(troubles_, [&](const Trouble& other) { return other.path == path; });
  if (!known && troubles_.size() < kShownTroubles) {
    troubles_.push_back({.path = path, .reason = error.message});
  } else if (!known) {
    ++more_troubles_;
  }
  error.code = Errc::Target;
  return std::unexpected(std::move(error));
}

// An answer that does not hold together is as good as none, and so is who gave it.
template <class T>
Result<T> FileReader::checked(int fd, Result<T> decoded) {
  if (decoded) return decoded;
  current_ = {};
  return trouble(fd, std::move(decoded).error());
}

Result<unwind::BinaryFacts> FileReader::facts(pid_t owner, int fd) {
  JT_TRY(const auto body, ask(owner, fd, {.work = Work::Facts}, {}));
  return checked(fd, decode_facts(bytes_of(body)));
}

Result<unwind::UnwindTable> FileReader::table(pid_t owner, int fd) {
  JT_TRY(const auto body, ask(owner, fd, {.work = Work::Table}, {}));
  return checked(fd, decode_table(bytes_of(body)));
}

Result<jvmsym::hotspot::VmSymbols> FileReader::vm_symbols(pid_t owner, int fd) {
  JT_TRY(const auto body, ask(owner, fd, {.work = Work::VmSymbols}, {}));
  return checked(fd, decode_vm_symbols(bytes_of(body)));
}

Result<SymbolsReply> FileReader::ask_symbols(pid_t owner, int fd, const Request& request) {
  UniqueFd root = request.debug_paths.empty() ? UniqueFd() : process::root_directory(owner);
  // It has ended, and its file would go without the names of its debug file for all who have it
  // mapped later. What is found in ours is of the same build, or has the same checksum.
  if (!request.debug_paths.empty() && !root.valid()) root = process::root_directory(::getpid());
  JT_TRY(const auto body, ask(owner, fd, request, root));
  return checked(fd, decode_symbols(bytes_of(body)));
}

Result<symbolize::ElfSymbols> FileReader::symbols(pid_t owner, int fd, const std::string& path,
                                                  const std::string& build_id, std::uint64_t room) {
  Request request{.work = Work::Symbols, .path = path, .room = room};
  if (std::string by_id = symbolize::debug_path(build_id); !by_id.empty()) {
    request.debug_paths.push_back(std::move(by_id));
  }
  JT_TRY(auto reply, ask_symbols(owner, fd, request));
  if (reply.too_large) return fail(Errc::Lossy, path + ": too many symbols");
  if (!reply.wanted.link) return std::move(reply.symbols);
  // Where its own directory, or the link's name, leads to a debug file.
  request.debug_paths = symbolize::debug_paths(reply.wanted, path);
  if (request.debug_paths.size() > kMaxDebugPaths) return std::move(reply.symbols);
  auto again = ask_symbols(owner, fd, request);
  // The file's own are better than none.
  return std::move(again && !again->too_large ? again->symbols : reply.symbols);
}

Result<jvmsym::PerfMap> FileReader::perf_map(pid_t owner, pid_t inner_tgid) {
  const std::string directory = fmt::format("/proc/{}", owner);
  const UniqueFd process(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!process.valid()) return fail(Errc::Target, errno_text("open " + directory, errno));
  JT_TRY(const auto text,
         ask(owner, process.get(), {.work = Work::PerfMap, .inner_tgid = inner_tgid}, {}));
  return jvmsym::PerfMap::parse(text);
}

Result<std::string> FileReader::jit_dump(pid_t owner, int fd, std::uint64_t offset) {
  return ask(owner, fd, {.work = Work::JitDump, .offset = offset}, {});
}

}  // namespace jtrace::helper
