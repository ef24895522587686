// SPDX-License-Identifier: Apache-2.0
#include "support/io_profiles.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "support/sample_profiles.h"

namespace jtrace::test {

using profile::LocationId;
using enum profile::FrameKind;

namespace {

profile::Header io_header() {
  return {.title = "syscalls:sys_exit_read, syscalls:sys_exit_write",
          .events = {"syscalls:sys_exit_read", "syscalls:sys_exit_write"},
          .target = "java (pid 4242)",
          .host = "build-7.example",
          .command_line =
              "jtrace -t syscalls:sys_exit_read,syscalls:sys_exit_write "
              "--weight latency --by filename -p 4242 -d 30",
          .start = std::chrono::system_clock::time_point{std::chrono::seconds{1'785'000'000}},
          .duration = std::chrono::milliseconds{30'250}};
}

std::int64_t floor_of_two(std::int64_t number) {
  return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(number)));
}

class IoSketch {
 public:
  explicit IoSketch(std::size_t paths) {
    for (const char* name : {"shop/CatalogController.list", "shop/CartController.show",
                             "shop/ImageController.thumbnail", "admin/ReportController.monthly"}) {
      tops_.push_back(s_.frame(JavaC2, std::string("org/example/") + name));
    }
    for (std::size_t i = 0; i < paths; ++i) {
      middles_.push_back(s_.frame(i % 3 == 0 ? JavaC1 : JavaC2,
                                  "org/example/store/Segment" + std::to_string(i) + ".load"));
    }
    for (std::size_t i = 0; i < 60; ++i) {
      files_.push_back("/var/lib/shop/segments/" + std::to_string(100 + i * 7) + ".seg");
    }
    files_[1] = "/var/lib/shop/index.db";
    files_[2] = "/etc/shop/catalog.properties";
  }

  profile::Profile build(std::size_t samples) && {
    for (std::size_t i = 0; i < samples; ++i) add(i);
    return std::move(s_).build({{{"fired", 912'345, 0, true},
                                 {"kept", 912'345, 0, true},
                                 {"complete", 911'002, 1, true},
                                 {"partial: read fault", 1'343, 1, true},
                                 {"lost", 0, 0, true}},
                                true});
  }

 private:
  // Small numbers are the likely ones: a few files and call paths make most events.
  std::size_t some(std::size_t of) {
    const double unit = static_cast<double>(random_() >> 11U) * 0x1p-53;
    return std::min(of - 1, static_cast<std::size_t>(unit * unit * unit * static_cast<double>(of)));
  }

  void add(std::size_t i) {
    const bool reads = random_() % 4 != 0;
    const std::size_t file = some(files_.size());
    const bool slow = random_() % 9 == 0;
    const double spread = static_cast<double>(random_() % 1000) / 1000.0;
    const auto latency = static_cast<std::int64_t>(
        std::exp2((slow ? 19.5 : 10.2) + 5.0 * spread * spread + (reads ? 0.0 : 1.3)));
    const std::int64_t bytes = std::int64_t{1} << (random_() % 5 == 0 ? random_() % 14 : 12);
    const auto events = static_cast<std::int64_t>(1 + some(slow ? 20 : 400));
    const std::string field = "filename=" + files_[file];
    const std::string thread =
        "[http-nio-" + std::to_string(some(12)) + " tid=" + std::to_string(4250 + i % 12) + "]";
    s_.weighed(
        {s_.frame(Native, "start_thread"), s_.frame(JavaInterpreted, "java/lang/Thread.run"),
         tops_[some(tops_.size())], middles_[some(middles_.size())], middles_[i % middles_.size()],
         s_.frame(JavaNative, reads ? "sun/nio/ch/FileDispatcherImpl.pread0"
                                    : "sun/nio/ch/FileDispatcherImpl.write0"),
         s_.frame(Native, reads ? "pread64" : "write"), s_.frame(Event, field)},
        {events, events * latency, events * bytes, slow && i % 17 == 0 ? 1 : 0},
        {s_.label("event", reads ? "syscalls:sys_exit_read" : "syscalls:sys_exit_write"),
         s_.label("filename", files_[file]), s_.label("thread", thread),
         s_.label("latency", floor_of_two(latency), "nanoseconds"),
         s_.label("bytes", bytes, "bytes")});
  }

  ProfileSketch s_{
      io_header(),
      {{"events", "count"}, {"latency", "nanoseconds"}, {"bytes", "bytes"}, {"errors", "count"}},
      1};
  std::mt19937_64 random_{17};
  std::vector<LocationId> tops_, middles_;
  std::vector<std::string> files_;
};

}  // namespace

profile::Profile io_profile(std::size_t samples, std::size_t paths) {
  return IoSketch(paths).build(samples);
}

profile::Profile hostile_weights_profile() {
  const std::string markup = "</script><img src=x onerror=alert(1)>";
  ProfileSketch s(io_header(), {{"events", "count"}, {markup, markup}, {"__proto__", "bytes"}}, 1);
  const std::vector<std::string> values{markup,
                                        "__proto__",
                                        "constructor",
                                        "",
                                        "a=b=c",
                                        "\x1b[31m\xe2\x80\xaetxt",
                                        std::string(5000, 'A'),
                                        "pick=x&range=y#",
                                        "bad \xff utf-8",
                                        "line\nbreak"};
  std::int64_t number = 1;
  for (const std::string& value : values) {
    s.weighed({s.frame(Native, "main"), s.frame(Event, "x=" + value)}, {1, number, number},
              {s.label(markup, value), s.label("__proto__", value), s.label("a=b", value),
               s.label("event", value), s.label(markup, number, markup),
               s.label("latency", number, "nanoseconds")});
    number = static_cast<std::int64_t>(static_cast<std::uint64_t>(number) * 97 + 3);  // wraps
  }
  s.weighed({s.frame(Native, "main")}, {1, INT64_MAX, INT64_MAX},
            {s.label("latency", INT64_MAX, "nanoseconds"), s.label("latency", -5, "nanoseconds")});
  return std::move(s).build();
}

}  // namespace jtrace::test
