// SPDX-License-Identifier: Apache-2.0
// The process that serves: one thread, which takes what the tracer hands over and lets
// libmicrohttpd read and write as far as nobody has to be waited for.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include "base/messages.h"
#include "serve/library.h"
#include "serve/site.h"
#include "serve/token.h"
#include "serve/wire.h"

namespace jtrace::serve {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostMetrics = 16U << 20;
// Of a request: its first line and headers.
constexpr std::size_t kMostRequest = 16U << 10;

// Connections by their deadlines: libmicrohttpd knows only of the time since the last byte, which
// a visitor can bring one by one.
class Deadlines {
 public:
  void set(int fd, std::chrono::milliseconds time) { ends_[fd] = Clock::now() + time; }
  void forget(int fd) { ends_.erase(fd); }
  // Who is late finds the connection closed.
  void enforce() {
    const auto now = Clock::now();
    std::erase_if(ends_, [&](const auto& one) {
      if (one.second > now) return false;
      ::shutdown(one.first, SHUT_RDWR);
      return true;
    });
  }
  [[nodiscard]] Clock::time_point next() const {
    auto first = Clock::now() + std::chrono::hours(1);
    for (const auto& [fd, end] : ends_) first = std::min(first, end);
    return first;
  }

 private:
  std::map<int, Clock::time_point> ends_;
};

void say(int socket, Answer answer, std::string_view trouble) {
  std::ranges::copy(trouble.substr(0, answer.trouble.size() - 1), answer.trouble.begin());
  (void)!send_message(socket, std::as_bytes(std::span(&answer, 1)));
}

struct Body {
  std::string text;
  std::size_t& bytes_out;
};

class Loop {
 public:
  Loop(int socket, int watch, const Library& library, const Settings& settings, Site::Keys keys)
      : socket_(socket),
        watch_(watch),
        library_(library),
        settings_(settings),
        windows_(settings.most_windows, settings.most_bytes),
        site_(windows_, metrics_, std::move(keys)) {}

  Status open(std::vector<Listener> listeners);
  void run();

 private:
  struct Door {
    Loop& loop;
    Site::Part part;
    MHD_Daemon* daemon = nullptr;
    int epoll = -1;
  };
  static MHD_Result on_request(void* door, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* upload,
                               size_t* upload_size, void** seen);
  static void on_connection(void* door, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);
  static void on_completed(void* door, MHD_Connection* connection, void** seen,
                           MHD_RequestTerminationCode code);
  [[nodiscard]] int socket_of(MHD_Connection* connection) const;
  [[nodiscard]] Request request_of(MHD_Connection* connection, const char* url,
                                   const char* method) const;
  MHD_Result reply(MHD_Connection* connection, Reply reply);
  [[nodiscard]] int patience() const;
  void answer();
  void take_orders();
  void take(const Order& order, std::string bytes);

  int socket_;
  int watch_;
  const Library& library_;
  const Settings& settings_;
  Windows windows_;
  std::string metrics_;
  Site site_;
  std::vector<std::unique_ptr<Door>> doors_;
  Deadlines deadlines_;
  std::size_t bytes_out_ = 0;
  Answer told_;
  bool ended_ = false;  // a connection: only with its next turn the library takes one that waited
  bool closed_ = false;
};

Status Loop::open(std::vector<Listener> listeners) {
  for (Listener& listener : listeners) {
    auto door = std::make_unique<Door>(
        Door{*this, listener.metrics_only ? Site::Part::Metrics : Site::Part::All});
    const int fd = listener.socket.release();
    door->daemon = library_.start_daemon(
        MHD_USE_EPOLL, 0, nullptr, nullptr, &on_request, door.get(), MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, static_cast<unsigned>(settings_.most_connections),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMostRequest, MHD_OPTION_NOTIFY_CONNECTION,
        &on_connection, door.get(), MHD_OPTION_NOTIFY_COMPLETED, &on_completed, door.get(),
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    const MHD_DaemonInfo* info =
        door->daemon == nullptr ? nullptr
                                : library_.get_daemon_info(door->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == nullptr) {
      return fail(Errc::Internal, errno_text("start the server: libmicrohttpd", errno));
    }
    door->epoll = info->epoll_fd;
    doors_.push_back(std::move(door));
  }
  return {};
}

void Loop::answer() {
  told_.dropped = windows_.dropped();
  told_.windows = windows_.size();
  told_.bytes = windows_.bytes();
  say(socket_, told_, {});
}

void Loop::run() {
  answer();  // ready
  while (!closed_) {
    std::vector<pollfd> ready{{.fd = socket_, .events = POLLIN, .revents = 0}};
    for (const auto& door : doors_) {
      ready.push_back({.fd = door->epoll, .events = POLLIN, .revents = 0});
    }
    ::poll(ready.data(), ready.size(), patience());
    // First what is new, so that nobody is shown what is old.
    take_orders();
    ended_ = false;
    for (const auto& door : doors_) library_.run(door->daemon);
    deadlines_.enforce();
  }
}

int Loop::patience() const {
  if (ended_) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadlines_.next() - Clock::now());
  auto wait = static_cast<unsigned long long>(std::max<std::int64_t>(left.count(), 0));
  for (const auto& door : doors_) {
    MHD_UNSIGNED_LONG_LONG own = 0;
    if (library_.get_timeout(door->daemon, &own) == MHD_YES) wait = std::min(wait, own);
  }
  return static_cast<int>(wait);
}

void Loop::take_orders() {
  while (!closed_) {
    Order order;
    const Received got = receive_message(socket_, std::as_writable_bytes(std::span(&order, 1)));
    if (got.size < 0 && errno == EAGAIN) return;
    closed_ = got.size != sizeof order;
    if (closed_) return;
    const std::size_t limit = order.kind == Order::Metrics ? kMostMetrics : settings_.most_bytes;
    auto bytes = read_memory(got.memory, "window", limit);
    if (bytes) {
      take(order, std::move(*bytes));
    } else if (order.kind == Order::Finished) {
      windows_.drop();
    }
    ++told_.answered;
    if (order.kind == Order::Finished) ++told_.taken;
    answer();
  }
}

void Loop::take(const Order& order, std::string bytes) {
  if (order.kind == Order::Metrics) {
    metrics_ = std::move(bytes);
    return;
  }
  Window window{.start_ns = order.start_ns,
                .duration_ns = order.duration_ns,
                .title = order.title.data(),
                .target = order.target.data()};
  if (order.kind == Order::Live) {
    windows_.set_live(std::move(window), std::move(bytes));
  } else {
    (void)windows_.add(std::move(window), std::move(bytes));
  }
}

int Loop::socket_of(MHD_Connection* connection) const {
  const MHD_ConnectionInfo* info =
      library_.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == nullptr ? -1 : info->connect_fd;
}

void Loop::on_connection(void* door, MHD_Connection* connection, void** /*context*/,
                         MHD_ConnectionNotificationCode code) {
  Loop& loop = static_cast<Door*>(door)->loop;
  const int fd = loop.socket_of(connection);
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    loop.deadlines_.set(fd, loop.settings_.to_ask);
  } else {
    loop.deadlines_.forget(fd);
    loop.ended_ = true;
  }
}

void Loop::on_completed(void* door, MHD_Connection* connection, void** /*seen*/,
                        MHD_RequestTerminationCode /*code*/) {
  Loop& loop = static_cast<Door*>(door)->loop;
  loop.deadlines_.set(loop.socket_of(connection), loop.settings_.to_ask);  // for the next one
}

Request Loop::request_of(MHD_Connection* connection, const char* url, const char* method) const {
  const auto header = [&](const char* name) -> std::string {
    const char* value = library_.lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value == nullptr ? std::string() : value;
  };
  Request request{.method = method,
                  .path = url,
                  .query = {},
                  .host = header("Host"),
                  .authorization = header("Authorization"),
                  .cookie = header("Cookie")};
  library_.get_connection_values(
      connection, MHD_GET_ARGUMENT_KIND,
      [](void* query, MHD_ValueKind /*kind*/, const char* key, const char* value) {
        auto& all = *static_cast<std::map<std::string, std::string>*>(query);
        all.emplace(key, value == nullptr ? "" : value);
        return MHD_YES;
      },
      &request.query);
  return request;
}

MHD_Result Loop::on_request(void* door, MHD_Connection* connection, const char* url,
                            const char* method, const char* /*version*/, const char* /*upload*/,
                            size_t* /*upload_size*/, void** /*seen*/) {
  const Door& self = *static_cast<Door*>(door);
  Loop& loop = self.loop;
  loop.deadlines_.set(loop.socket_of(connection), loop.settings_.to_take);
  // With the first call, before a body is read: nobody may send one.
  Reply reply = loop.site_.answer(loop.request_of(connection, url, method), self.part);
  // A full pipe has been asked by others already.
  if (reply.watches) (void)!::write(loop.watch_, "", 1);
  return loop.reply(connection, std::move(reply));
}

MHD_Result Loop::reply(MHD_Connection* connection, Reply reply) {
  if (bytes_out_ + reply.body.size() > settings_.most_reply_bytes) {
    reply = {.status = 503, .body = "too much is on its way to others; try again\n"};
  }
  // The response owns it, and gives it back here.
  Body* const body = std::make_unique<Body>(Body{std::move(reply.body), bytes_out_}).release();
  bytes_out_ += body->text.size();
  const auto free = [](void* owned) {
    const std::unique_ptr<Body> sent(static_cast<Body*>(owned));
    sent->bytes_out -= sent->text.size();
  };
  MHD_Response* response = library_.create_response_from_buffer_with_free_callback_cls(
      body->text.size(), body->text.data(), free, body);
  if (response == nullptr) {
    free(body);
    return MHD_NO;
  }
  library_.add_response_header(response, "Content-Type", reply.type.c_str());
  for (const auto& [name, value] : reply.headers) {
    library_.add_response_header(response, name.c_str(), value.c_str());
  }
  const MHD_Result queued = library_.queue_response(connection, reply.status, response);
  library_.destroy_response(response);
  return queued;
}

std::string own_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

Status serve(int socket, int watch, std::vector<Listener> listeners, const Settings& settings,
             const std::function<Status()>& confine) {
  JT_TRY(const Library library, load_library());
  JT_TRY(std::string secret, make_secret());
  JT_CHECK_OK(confine());
  Loop loop(socket, watch, library, settings,
            {.token = settings.token, .secret = std::move(secret), .name = own_name()});
  JT_CHECK_OK(loop.open(std::move(listeners)));
  loop.run();
  return {};
}

}  // namespace

void run_server(UniqueFd socket, UniqueFd watch, std::vector<Listener> listeners,
                const Settings& settings, const std::function<Status()>& confine) {
  // Ctrl-C and systemd's signals come to all of us; when to end, the tracer says.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
  ::prctl(PR_SET_NAME, "jtrace-server");
  std::vector<int> kept{socket.get(), watch.get()};
  for (const Listener& listener : listeners) kept.push_back(listener.socket.get());
  keep_open(kept);
  const auto ended = serve(socket.get(), watch.get(), std::move(listeners), settings, confine);
  if (!ended) say(socket.get(), {}, ended.error().message);
  ::_exit(ended ? 0 : 1);
}

}  // namespace jtrace::serve
