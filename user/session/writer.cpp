// SPDX-License-Identifier: Apache-2.0
#include "session/writer.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "session/confine.h"
#include "session/output_file.h"
#include "session/retention.h"
#include "session/signals.h"

namespace jtrace::session {
namespace {

struct Request {
  std::uint64_t index = 0;
  std::uint64_t window = 0;
  std::int64_t begin_ns = 0;  // since the epoch
  std::int64_t process = 0;
  std::uint64_t last = 1;
  std::uint64_t keep_files = 0;  // cli::Keep, which may change with each window
  std::uint64_t keep_bytes = 0;
  std::uint64_t keep_seconds = 0;
  std::uint64_t bytes = 0;  // that follow
};
struct Reply {
  std::uint32_t code = 0;     // an Errc, 0: written
  std::uint32_t message = 0;  // bytes that follow: the path where it was written
  std::uint32_t hint = 0;     // ... behind those: Written::trouble then
};
// Of a message: a path and the reason.
constexpr std::uint32_t kMostText = 64U << 10;

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool receive_all(int socket, std::span<char> into) {
  while (!into.empty()) {
    const ssize_t n = ::recv(socket, into.data(), into.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(n));
  }
  return true;
}

template <class T>
bool send_struct(int socket, const T& value) {
  return send_all(socket, {reinterpret_cast<const char*>(&value), sizeof(value)});
}

template <class T>
bool receive_struct(int socket, T& value) {
  return receive_all(socket, {reinterpret_cast<char*>(&value), sizeof(value)});
}

// In pieces, so that a size that was only claimed takes no memory.
bool receive_text(int socket, std::uint64_t size, std::string& text) {
  constexpr std::uint64_t kPiece = 1U << 20;
  text.clear();
  while (text.size() < size) {
    const auto before = text.size();
    text.resize(before + static_cast<std::size_t>(std::min(kPiece, size - before)));
    if (!receive_all(socket, std::span(text).subspan(before))) return false;
  }
  return true;
}

// What others gave us stays (`-f /dev/fd/3`); what we opened ourselves closes on exec, and here.
void close_our_own(int but) {
  std::vector<int> fds;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename().string();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    if (fd > STDERR_FILENO && fd != but) fds.push_back(fd);
  }
  for (const int fd : fds) {
    if (const int flags = ::fcntl(fd, F_GETFD); flags >= 0 && (flags & FD_CLOEXEC) != 0) {
      ::close(fd);
    }
  }
}

bool answer(int socket, const Result<Writer::Written>& written) {
  const std::string& first = written ? written->path : written.error().message;
  const std::string& second = written ? written->trouble : written.error().hint;
  const std::string_view message = std::string_view(first).substr(0, kMostText);
  const std::string_view hint = std::string_view(second).substr(0, kMostText);
  const auto code = written ? 0 : static_cast<std::uint32_t>(written.error().code);
  return send_struct(socket, Reply{.code = code,
                                   .message = static_cast<std::uint32_t>(message.size()),
                                   .hint = static_cast<std::uint32_t>(hint.size())}) &&
         send_all(socket, message) && send_all(socket, hint);
}

std::chrono::system_clock::time_point begin_of(const Request& request) {
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::nanoseconds(request.begin_ns)));
}

cli::Keep keep_of(const Request& request) {
  constexpr auto kLongest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const auto seconds = static_cast<std::int64_t>(std::min(request.keep_seconds, kLongest));
  return {.files = request.keep_files,
          .bytes = request.keep_bytes,
          .age = std::chrono::seconds(seconds)};
}

// The files of one output.
class Files {
 public:
  explicit Files(const Output& output)
      : output_(output),
        retention_(output.path, {}),
        first_(output.of_windows ? retention_.next_number() : 0) {}

  [[nodiscard]] Result<Writer::Written> write(const Request& request, std::string_view bytes) {
    JT_TRY(Writer::Written written, place_of(request));
    JT_CHECK_OK(write_file(written.path, bytes));
    if (!output_.of_windows || request.last == 0) return written;
    retention_.keep(keep_of(request));
    const auto removed = retention_.enforce(std::chrono::system_clock::now(), written.path);
    if (!removed) written.trouble = removed.error().message + "; " + removed.error().hint;
    return written;
  }

 private:
  // All files of a window have the same time.
  [[nodiscard]] Result<Writer::Written> place_of(const Request& request) {
    if (!output_.of_windows) {
      files_ = output_.path;
    } else if (window_ != request.window) {
      JT_TRY(files_, files_of_window(output_.path, begin_of(request), first_ + request.window));
      window_ = request.window;
    }
    Writer::Written written{.path = files_, .trouble = {}};
    if (output_.by_process) {
      JT_TRY(written.path, file_of_process(files_, request.process));
    }
    return written;
  }

  const Output& output_;
  Retention retention_;
  std::uint64_t first_;
  std::optional<std::uint64_t> window_;  // whose files `files_` are
  std::string files_;
};

// Until the tracer closes its end, or dies.
void serve(int socket, const std::vector<Output>& outputs) {
  std::vector<Files> files;
  for (const Output& output : outputs) files.emplace_back(output);
  Request request;
  std::string bytes;
  while (receive_struct(socket, request)) {
    if (request.index >= files.size()) return;
    if (!receive_text(socket, request.bytes, bytes)) return;
    if (!answer(socket, files[request.index].write(request, bytes))) return;
  }
}

// For the handler, which knows nothing else.
volatile std::sig_atomic_t tracer_socket = -1;

extern "C" void on_socket(int /*signal*/) {
  char byte = 0;
  if (::recv(tracer_socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) ::_exit(1);
}

// A run that is abandoned leaves no file, also where writing hangs. Not PR_SET_PDEATHSIG: the
// tracer, which is nobody by then, may send us no signal, not even by dying.
void end_with_tracer(int socket) {
  tracer_socket = socket;
  struct sigaction action{};
  action.sa_handler = on_socket;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGIO, &action, nullptr);
  ::fcntl(socket, F_SETOWN, ::getpid());
  ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_ASYNC);
}

[[noreturn]] void be_writer(int socket, const std::vector<Output>& outputs) {
  // Ctrl-C comes to both: the first one only asks for the end, which for us is the tracer's. So
  // does SIGHUP (pkill -HUP jtrace), time and again where it ends windows.
  const StopSignals signals(StopSignals::Hangup::IsTold);
  close_our_own(socket);
  ::prctl(PR_SET_NAME, "jtrace-writer");
  if (const auto confined = confine_writing(); !confined) {
    Request ignored;
    (void)receive_struct(socket, ignored);
    (void)answer(socket, std::unexpected(confined.error()));
    ::_exit(1);
  }
  end_with_tracer(socket);
  serve(socket, outputs);
  ::_exit(0);
}

}  // namespace

Result<Writer> Writer::start(const std::vector<Output>& outputs) {
  const bool files =
      std::ranges::any_of(outputs, [](const Output& output) { return output.path != "-"; });
  if (!files) return Writer();
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(Errc::Internal, errno_text("start the writer of files: socketpair", errno));
  }
  UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::Internal, errno_text("start the writer of files: fork", errno));
  if (pid == 0) {
    ours.reset();
    be_writer(theirs.get(), outputs);
  }
  return Writer(std::move(ours), pid);
}

Writer::Writer(Writer&& other) noexcept
    : socket_(std::move(other.socket_)), pid_(std::exchange(other.pid_, -1)) {}

Writer& Writer::operator=(Writer&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(pid_, other.pid_);
  return *this;
}

Writer::~Writer() {
  if (pid_ < 0) return;
  socket_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Writer::Written> Writer::write(const std::vector<Output>& outputs, std::size_t index,
                                      const Slot& slot, std::string_view bytes) const {
  const Output& output = outputs.at(index);
  if (output.path == "-") {
    JT_CHECK_OK(write_all(STDOUT_FILENO, "standard output", bytes));
    return Written{.path = output.path, .trouble = {}};
  }
  const int socket = socket_.get();
  const Request request{.index = index,
                        .window = slot.number,
                        .begin_ns = std::chrono::nanoseconds(slot.begin.time_since_epoch()).count(),
                        .process = slot.process,
                        .last = slot.last ? 1U : 0U,
                        .keep_files = slot.keep.files,
                        .keep_bytes = slot.keep.bytes,
                        .keep_seconds = static_cast<std::uint64_t>(slot.keep.age.count()),
                        .bytes = bytes.size()};
  Reply reply;
  std::string first;
  std::string second;
  if (!send_struct(socket, request) || !send_all(socket, bytes) || !receive_struct(socket, reply) ||
      !receive_text(socket, std::min(reply.message, kMostText), first) ||
      !receive_text(socket, std::min(reply.hint, kMostText), second)) {
    return fail(Errc::Internal, "write " + output.path + ": the writer of files is gone");
  }
  if (reply.code == 0) return Written{.path = std::move(first), .trouble = std::move(second)};
  return fail(static_cast<Errc>(reply.code), std::move(first), std::move(second));
}

}  // namespace jtrace::session
