// SPDX-License-Identifier: Apache-2.0
// A tracer as serve::Server knows it: reads commands, a line each, and answers each with a line of
// JSON.
//
//   serve_driver [NAME=VALUE]...   serve, metrics (addresses), token-file, windows, bytes,
//                                  connections, ask, take (ms)
//     window NAME [LIVE] [BYTES]   one of the sample profiles, padded with as many bytes
//     metrics N                    N events fired
//     watched                      whether somebody looked at the window that goes on
//     kill                         ends the server
//     stop, continue               ... or has it hang
//     counters
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>

#include "export/exporter.h"
#include "serve/server.h"
#include "serve/token.h"
#include "session/confine.h"
#include "session/metrics.h"
#include "support/sample_profiles.h"

namespace jtrace {
namespace {

using std::chrono::milliseconds;
using Json = nlohmann::ordered_json;

profile::Profile sample(const std::string& name) {
  for (auto& named : test::small_profiles()) {
    if (named.name == name) return named.profile;
  }
  if (name == "server") return test::server_profile();
  if (name == "shared") return test::shared_profile();
  if (name == "shared2") return test::shared_profile(2);
  return test::hostile_profile();
}

std::string json_of(const profile::Profile& profile, std::size_t padding) {
  std::string json = (*exporting::exporter_by_name("json"))->write(profile, {});
  return json + std::string(padding, ' ');
}

session::MetricsInput metrics(std::uint64_t fired) {
  session::MetricsInput input{.version = "0.1.0"};
  session::MetricsInput::Event event{.name = "syscalls:sys_enter_openat"};
  event.counters.at(JT_COUNTER_FIRED) = input.counters.at(JT_COUNTER_FIRED) = fired;
  input.events.push_back(event);
  return input;
}

Json text_of(const serve::Counters& c) {
  return {
      {"published", c.published}, {"taken", c.taken},     {"dropped", c.dropped}, {"lost", c.lost},
      {"under_way", c.under_way}, {"windows", c.windows}, {"bytes", c.bytes},     {"gone", c.gone}};
}

serve::Counters settled(serve::Server& server) {
  auto counters = server.counters();
  while (counters.under_way != 0 && !counters.gone) {
    std::this_thread::sleep_for(milliseconds(1));
    counters = server.counters();
  }
  return counters;
}

Json publish_window(serve::Server& server, std::istringstream& words) {
  std::string name;
  int live = 0;
  std::size_t padding = 0;
  words >> name >> live >> padding;
  const profile::Profile profile = sample(name);
  const auto& header = profile.header;
  const std::string json = json_of(profile, padding);
  const auto begin = std::chrono::steady_clock::now();
  const serve::Window window{
      .start_ns = std::chrono::nanoseconds(header.start.time_since_epoch()).count(),
      .duration_ns = header.duration.count(),
      .title = exporting::safe_text(header.title),
      .target = exporting::safe_text(header.target)};
  const bool handed =
      live != 0 ? server.publish_live(window, json) : server.publish_window(window, json);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  return {{"handed", handed}, {"bytes", json.size()}, {"ms", took.count()}};
}

Json obey(serve::Server& server, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "window") return publish_window(server, words);
  if (command == "metrics") {
    std::uint64_t fired = 0;
    words >> fired;
    return {{"handed", server.publish_metrics(session::metrics_text(metrics(fired)))}};
  }
  if (command == "watched")
    return {{"watched", server.watched()}, {"open", server.watch_fd() >= 0}};
  if (command == "stop") ::kill(server.pid(), SIGSTOP);
  if (command == "continue") ::kill(server.pid(), SIGCONT);
  if (command == "kill") {
    ::kill(server.pid(), SIGKILL);
    while (!server.counters().gone) std::this_thread::sleep_for(milliseconds(1));
  }
  if (command == "now") return text_of(server.counters());
  return command == "stop" ? Json::object() : text_of(settled(server));
}

Result<serve::Settings> settings_of(int argc, char** argv) {
  serve::Settings settings;
  std::string token_file;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string name = word.substr(0, word.find('='));
    const std::string value = word.substr(word.find('=') + 1);
    if (name == "serve") {
      JT_TRY(settings.pages, serve::parse_address("--serve", value));
    } else if (name == "metrics") {
      JT_TRY(settings.metrics, serve::parse_address("--metrics", value));
    } else if (name == "token-file") {
      token_file = value;
    }
    if (name == "windows") settings.most_windows = std::stoul(value);
    if (name == "bytes") settings.most_bytes = std::stoul(value);
    if (name == "connections") settings.most_connections = std::stoul(value);
    if (name == "ask") settings.to_ask = milliseconds(std::stol(value));
    if (name == "take") settings.to_take = milliseconds(std::stol(value));
  }
  JT_TRY(settings.token, serve::read_token(token_file));
  return settings;
}

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  auto settings = settings_of(argc, argv);
  auto server = settings ? serve::Server::start(std::move(*settings), session::confine_serving)
                         : Result<serve::Server>(std::unexpected(settings.error()));
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().message);
    return static_cast<int>(server.error().code);
  }
  // What follows is done with what is left to who traces.
  if (!session::confine_tracing(session::kReadTargets)) return 1;
  fmt::print("{}\n", Json{{"pid", server->pid()},
                          {"serve", server->pages_url()},
                          {"metrics", server->metrics_url()}}
                         .dump());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{}\n", obey(*server, line).dump());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace jtrace

int main(int argc, char** argv) { return jtrace::run(argc, argv); }
