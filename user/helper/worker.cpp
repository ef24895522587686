// SPDX-License-Identifier: Apache-2.0
#include "helper/worker.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/rights.h"
#include "base/sanitized.h"
#include "base/unique_fd.h"
#include "helper/jail.h"
#include "helper/sockets.h"
#include "jvmsym/jit_dump.h"
#include "jvmsym/perf_map.h"
#include "process/maps.h"
#include "unwind/table.h"

namespace jtrace::helper {
namespace {

// What a request names, open for reading.
struct Files {
  Result<UniqueFd> file = fail(Errc::Internal, "no file came with the request");
  std::vector<UniqueFd> debug;
};

Files open_files(const Request& request, std::vector<UniqueFd>& fds) {
  Files files;
  if (fds.empty()) return files;
  if (request.work == Work::PerfMap) {
    files.file = jvmsym::PerfMap::open(fds[0].get(), request.inner_tgid);
    return files;
  }
  files.file = process::open_found(fds[0].get());
  if (!files.file->valid()) files.file = fail(Errc::Target, errno_text("open it", errno));
  if (fds.size() < 2) return files;
  const symbolize::DebugRoot root(std::move(fds[1]));
  for (const std::string& path : request.debug_paths) {
    if (UniqueFd fd = root.open(path); fd.valid()) files.debug.push_back(std::move(fd));
  }
  return files;
}

bool answer(int socket, const Result<std::string>& result) {
  const std::string& body = result ? *result : result.error().message;
  if (body.size() > kMaxReply) return answer(socket, fail(Errc::Target, "more than is taken"));
  const ReplyHeader header{.ok = result ? 1U : 0U,
                           .bytes = static_cast<std::uint32_t>(body.size())};
  return send_bytes(socket, std::as_bytes(std::span(&header, 1))) &&
         send_bytes(socket, std::as_bytes(std::span(body)));
}

// One file: whatever its bytes do to this process, they do it to no other file.
[[noreturn]] void read_one_file(int socket) {
  limit_resources();
  auto first = receive_message(socket, kMaxRequest);
  if (!first) ::_exit(0);
  auto request = decode_request(std::as_bytes(std::span(first->bytes)));
  if (!request) ::_exit(1);
  const Files files = open_files(*request, first->fds);
  std::vector<int> debug;
  for (const UniqueFd& fd : files.debug) debug.push_back(fd.get());
  if (!give_up_rights()) {
    (void)answer(socket, fail(Errc::Internal, "the rights to parse it without were refused"));
    ::_exit(1);
  }
  const auto work = [&]() -> Result<std::string> {
    if (!files.file) return std::unexpected(files.file.error());
    return do_work(*request, files.file->get(), debug);
  };
  while (request && answer(socket, work())) {
    const auto next = receive_message(socket, kMaxRequest);
    if (!next) break;
    request = decode_request(std::as_bytes(std::span(next->bytes)));
  }
  ::_exit(0);
}

void keep_only(int fd) {
  (void)::syscall(SYS_close_range, 3, fd - 1, 0);
  (void)::syscall(SYS_close_range, fd + 1, ~0U, 0);
}

class Keeper {
 public:
  explicit Keeper(int orders) : orders_(orders) {}

  void obey() {
    while (auto message = receive_message(orders_, 1)) {
      reap();
      if (message->bytes.size() != 1) continue;
      const auto order = static_cast<Order>(message->bytes[0]);
      if (order == Order::Stop) stop();
      if (order == Order::Start && message->fds.size() == 1) start(message->fds[0].get());
    }
    stop();
    // Not left to others to bury, but for one that hangs even so.
    constexpr int kTurns = 100;
    for (int turn = 0; turn < kTurns && !children_.empty(); ++turn) {
      reap();
      if (!children_.empty()) ::usleep(1000);
    }
  }

 private:
  void start(int socket) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      keep_only(socket);
      read_one_file(socket);
    }
    if (pid > 0) children_.push_back(pid);
  }
  // A number is free for others once its process was waited for, and not before.
  void stop() {
    for (const pid_t child : children_) ::kill(child, SIGKILL);
  }
  void reap() {
    std::erase_if(children_, [](pid_t child) { return ::waitpid(child, nullptr, WNOHANG) != 0; });
  }

  int orders_;
  std::vector<pid_t> children_;
};

}  // namespace

void run_keeper(int orders, const char* name) {
  // Ctrl-C and a closed terminal are for jtrace, which goes on to write its profile.
  ::setsid();
  (void)::prctl(PR_SET_NAME, name);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) ::signal(signal, SIG_DFL);
  // What the terminal shows is not for a child that was taken over.
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {0, 1, 2}) ::dup2(null, fd);
  keep_only(orders);
  // jtrace waits for the answers as hurriedly as it asks (session.cpp).
  constexpr int kNice = -15;
  (void)::setpriority(PRIO_PROCESS, 0, std::min(kNice, ::getpriority(PRIO_PROCESS, 0)));
  // To find and open what it is told, to end its children, and for these to become nobody.
  (void)jtrace::give_up_rights({Capability::DacReadSearch, Capability::SysPtrace, Capability::Kill,
                                Capability::Setuid, Capability::Setgid},
                               false);
  Keeper(orders).obey();
  end_process(0);
}

Result<std::string> do_work(const Request& request, int file, std::span<const int> debug_files) {
  switch (request.work) {
    case Work::Facts: {
      JT_TRY(const auto facts, unwind::read_facts(file));
      return encode(facts);
    }
    case Work::Table: {
      JT_TRY(const auto table, unwind::compile_unwind_table(file));
      return encode(table);
    }
    case Work::Symbols: {
      SymbolsReply reply;
      JT_TRY(reply.symbols,
             symbolize::ElfSymbols::load(file, request.path, debug_files, reply.wanted));
      std::string encoded = encode(reply);
      if (request.room == 0 || encoded.size() <= request.room) return encoded;
      return encode(SymbolsReply{.symbols = {}, .wanted = {}, .too_large = true});
    }
    case Work::VmSymbols: {
      JT_TRY(const auto symbols, jvmsym::hotspot::VmSymbols::load(file, 0));
      return encode(symbols);
    }
    case Work::PerfMap:
      return jvmsym::PerfMap::read(file);
    case Work::JitDump:
      return jvmsym::JitDump::read(file, request.offset);
  }
  return fail(Errc::Internal, "no such work");
}

}  // namespace jtrace::helper
