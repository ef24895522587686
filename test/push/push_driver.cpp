// SPDX-License-Identifier: Apache-2.0
// A tracer as push::Sender knows it: reads commands, a line each, and answers each with a line of
// JSON, {"handed":...} or the report.
//
//   push_driver SPOOL URL [NAME=NUMBER]...   limit, connect, stall, whole, first, longest (ms, s,
//   bytes)
//     window I [BYTES]   a window whose only sample has the value I, padded with as much noise
//     token TEXT         another token from now on
//     report             what is known now
//     until NAME N       the report once its counter NAME is N
//     finish MS          the last report; ends
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "push/body.h"
#include "push/sender.h"
#include "session/confine.h"
#include "support/sample_profiles.h"

namespace jtrace {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Json = nlohmann::ordered_json;

profile::Profile window(std::int64_t value, std::size_t noise) {
  profile::Header header;
  header.title = "syscalls:sys_enter_openat";
  header.target = "java (pid 4242)";
  header.host = "host";
  header.start = std::chrono::system_clock::time_point(seconds(1'785'000'000 + value));
  header.duration = seconds(60);
  test::ProfileSketch sketch(header);
  std::vector<profile::LocationId> stack{sketch.frame(profile::FrameKind::Native, "main")};
  std::minstd_rand chance(static_cast<unsigned>(value));
  constexpr std::size_t kOfName = 900;
  for (std::size_t left = noise; left > 0; left -= std::min(left, kOfName)) {
    std::string name;  // letters by chance: gzip finds little in them
    while (name.size() < std::min(left, kOfName)) name += static_cast<char>('A' + chance() % 26);
    stack.push_back(sketch.frame(profile::FrameKind::Native, name));
  }
  sketch.weighed(stack, {value});
  return std::move(sketch).build();
}

Json text_of(const push::Report& report) {
  const push::Counters& c = report.counters;
  return {{"taken", c.taken},
          {"left", c.left},
          {"sent", c.sent},
          {"refused", c.refused},
          {"dropped", c.dropped},
          {"retried", c.retried},
          {"sent_bytes", c.sent_bytes},
          {"waiting", c.waiting},
          {"spool_bytes", c.spool_bytes},
          {"under_way", c.under_way},
          {"trouble", report.trouble},
          {"refusal", report.refusal},
          {"waits", report.waits},
          {"denied", report.denied ? 1 : 0},
          {"gone", report.gone}};
}

push::Settings settings_of(int argc, char** argv, const push::Destination& to) {
  push::Settings settings;
  settings.to = to;
  settings.spool = argv[1];
  for (int i = 3; i < argc; ++i) {
    const std::string word = argv[i];
    const std::string name = word.substr(0, word.find('='));
    const long value = std::stol(word.substr(word.find('=') + 1));
    if (name == "limit") settings.spool_limit = static_cast<std::uint64_t>(value);
    if (name == "connect") settings.limits.connect = milliseconds(value);
    if (name == "stall") settings.limits.stall = seconds(value);
    if (name == "whole") settings.limits.whole = milliseconds(value);
    if (name == "first") settings.first_pause = milliseconds(value);
    if (name == "longest") settings.longest_pause = milliseconds(value);
  }
  return settings;
}

Json obey(push::Sender& sender, const push::Settings& settings, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "window") {
    std::int64_t value = 0;
    std::size_t noise = 0;
    words >> value >> noise;
    const std::string body = push::make_body(settings.to.backend, window(value, noise));
    const auto begin = std::chrono::steady_clock::now();
    const bool handed = sender.send(body);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    return {{"handed", handed}, {"bytes", body.size()}, {"ms", took.count()}};
  }
  if (command == "token") {
    std::string token;
    words >> token;
    return {{"handed", sender.authorize("Bearer " + token)}};
  }
  if (command == "finish") {
    long patience = 0;
    words >> patience;
    return text_of(sender.finish(milliseconds(patience)));
  }
  if (command == "until") {
    std::string name;
    std::uint64_t count = 0;
    words >> name >> count;
    while (text_of(sender.report()).at(name) < count) std::this_thread::sleep_for(milliseconds(2));
  }
  return text_of(sender.report());
}

int run(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto to = push::parse_destination(argv[2]);
  auto authorization = push::read_authorization("");
  if (!to || !authorization) return 2;
  push::Settings settings = settings_of(argc, argv, *to);
  settings.authorization = *authorization;
  auto sender = push::Sender::start(settings, session::confine_sending);
  if (!sender) {
    fmt::print(stderr, "{}\n", sender.error().message);
    return 1;
  }
  // What follows is done with what is left to who traces.
  if (!session::confine_tracing(session::kReadTargets)) return 1;
  fmt::print("{}\n", Json{{"pid", sender->pid()}}.dump());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{}\n", obey(*sender, settings, line).dump());
    std::fflush(stdout);
    if (line.starts_with("finish")) return 0;
  }
  return 0;
}

}  // namespace
}  // namespace jtrace

int main(int argc, char** argv) { return argc < 3 ? 2 : jtrace::run(argc, argv); }
