// SPDX-License-Identifier: Apache-2.0
#include "support/sample_profiles.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace jtrace::test {

using profile::FrameKind;
using profile::LocationId;
using profile::UnknownReason;
using enum profile::FrameKind;

namespace {

profile::Header header(std::string title, std::vector<std::string> events) {
  return {.title = std::move(title),
          .events = std::move(events),
          .target = "java (pid 4242)",
          .host = "build-7.example",
          .command_line = "jtrace -t syscalls:sys_enter_openat -p 4242 -d 30",
          .start = std::chrono::system_clock::time_point{std::chrono::seconds{1'785'000'000}},
          .duration = std::chrono::milliseconds{30'250}};
}

profile::Header openat_header() {
  return header("syscalls:sys_enter_openat", {"syscalls:sys_enter_openat"});
}

profile::Ledger small_ledger(bool balanced = true) {
  return {{{"fired", 1310, 0, true},
           {"kept", 1234, 0, true},
           {"complete", 1200, 1, true},
           {"partial: depth", 34, 1, true},
           {"lost", 76, 0, true},
           {"ring buffer full", 76, 1, true},
           {"recursion", 0, 1, false}},
          balanced};
}

profile::Profile java_profile() {
  ProfileSketch s(openat_header());
  const auto run = s.frame(JavaInterpreted, "java/lang/Thread.run");
  const auto loop = s.inlined({{JavaC2, "app/Server.loop"},
                               {JavaInlined, "app/Server.handle"},
                               {JavaInlined, "app/Store.get"}});
  const auto c1 = s.frame(JavaC1, "app/Audit.log");
  const auto open0 = s.frame(JavaNative, "java/io/FileInputStream.open0");
  const auto libjava = s.frame(Native, "Java_java_io_FileInputStream_open0");
  const auto open64 = s.frame(Native, "open64");
  const auto kernel = s.frame(Kernel, "do_sys_openat2");
  s.stack({run, loop, open0, libjava, open64}, 900);
  s.stack({run, loop, c1, open0, libjava, open64}, 300);
  s.stack({run, s.frame(JavaStub, "call_stub"), open64, kernel}, 34);
  return std::move(s).build(small_ledger(), {"events: every event was taken"});
}

profile::Profile unknown_profile() {
  ProfileSketch s(openat_header());
  const auto start = s.frame(Native, "_start");
  const auto add = [&](std::string_view module, std::uint64_t address, UnknownReason reason) {
    s.stack({start, s.unknown(module, address, reason)}, 1);
  };
  add("/usr/lib/libfoo.so.1", 0x1234, UnknownReason::NoSymbols);
  add("/usr/lib/libgone.so", 0x20, UnknownReason::FileGone);
  add("", 0x2f637465, UnknownReason::Unmapped);
  add("", 0x7f0000001000, UnknownReason::ProcessGone);
  add("", 0x7f0000002000, UnknownReason::CodeReplaced);
  add("", 0x7f0000003000, UnknownReason::CodeReplaced);
  add("", 0x7f0000004000, UnknownReason::BadMetadata);
  add("", 0x7f0000005000, UnknownReason::NoJvmSymbols);
  add("", 0, UnknownReason::None);
  s.stack({s.frame(Marker, "[truncated]"), s.frame(Native, ""), start}, 2);
  s.stack({}, 3);
  return std::move(s).build(small_ledger(false));
}

profile::Profile labels_profile() {
  ProfileSketch s(header("2 events", {"syscalls:sys_enter_open", "syscalls:sys_enter_openat"}));
  const auto main = s.frame(Native, "main");
  const auto open = s.frame(Native, "open64");
  const auto path = s.frame(Event, "filename=/etc/hosts");
  for (const std::string_view event : {"syscalls:sys_enter_openat", "syscalls:sys_enter_open"}) {
    const auto label = s.label("event", event);
    s.stack({main, open}, 5, {label, s.label("thread", "[main tid=12]")});
    s.stack({main, open, path}, 7, {label, s.label("thread", "[worker tid=13]")});
    s.stack({main, open}, 2, {label, s.label("comm", "no frame of its own")});
  }
  return std::move(s).build(small_ledger());
}

// Order of insertion is not the order of the output, and weights may be 0 or less.
profile::Profile weights_profile() {
  ProfileSketch s(openat_header(), {{"bytes", "bytes"}, {"events", "count"}});
  const auto z = s.frame(Native, "zebra");
  const auto a = s.frame(Native, "aardvark");
  s.stack({z, a}, 4096);
  s.stack({a, z}, 1);
  s.stack({a}, 0);
  s.stack({z}, -5);
  s.stack({s.frame(Native, "aardvark"), s.frame(JavaStub, "zebra")}, 1);  // same text, other kind
  return std::move(s).build();
}

}  // namespace

ProfileSketch::ProfileSketch(profile::Header header, std::vector<profile::ValueType> types,
                             std::size_t default_type)
    : builder_(std::move(header), std::move(types), default_type) {}

LocationId ProfileSketch::frame(FrameKind kind, std::string_view name) {
  return inlined({{kind, name}});
}

LocationId ProfileSketch::inlined(
    std::vector<std::pair<FrameKind, std::string_view>> outermost_first) {
  profile::Location location;
  for (auto it = outermost_first.rbegin(); it != outermost_first.rend(); ++it) {
    location.lines.push_back({.function = symbols_.function(it->second), .kind = it->first});
  }
  return symbols_.location(location);
}

LocationId ProfileSketch::unknown(std::string_view module, std::uint64_t address,
                                  UnknownReason reason) {
  profile::Location location{.mapping = {}, .address = address, .reason = reason, .lines = {}};
  if (!module.empty()) {
    profile::Mapping mapping;
    mapping.filename = symbols_.string(module);
    location.mapping = symbols_.mapping(mapping);
  }
  return symbols_.location(location);
}

profile::Label ProfileSketch::label(std::string_view key, std::string_view value) {
  return {symbols_.string(key), symbols_.string(value)};
}

profile::Label ProfileSketch::label(std::string_view key, std::int64_t number,
                                    std::string_view unit) {
  return {symbols_.string(key), {}, number, symbols_.string(unit)};
}

void ProfileSketch::stack(std::vector<LocationId> root_first, std::int64_t value,
                          std::vector<profile::Label> labels) {
  weighed(std::move(root_first), {value, 1}, std::move(labels));
}

void ProfileSketch::weighed(std::vector<LocationId> root_first, std::vector<std::int64_t> values,
                            std::vector<profile::Label> labels) {
  std::ranges::reverse(root_first);
  builder_.add({std::move(root_first), std::move(values), std::move(labels)});
}

profile::Profile ProfileSketch::build(profile::Ledger ledger,
                                      std::vector<std::string> comments) && {
  for (std::string& comment : comments) builder_.comment(std::move(comment));
  profile::Profile profile = std::move(builder_).build(symbols_, std::move(ledger));
  // One event each, a millisecond after the other.
  for (std::size_t i = 0; i < profile.samples.size(); ++i) {
    profile.events.push_back({.time = profile.header.start + std::chrono::milliseconds(i),
                              .sample = i,
                              .pid = 4711,
                              .tid = static_cast<std::uint32_t>(4712 + i),
                              .values = profile.samples[i].values});
  }
  return profile;
}

std::vector<NamedProfile> small_profiles() {
  std::vector<NamedProfile> all;
  all.push_back({"empty", ProfileSketch({}).build()});
  all.push_back({"java", java_profile()});
  all.push_back({"unknown", unknown_profile()});
  all.push_back({"labels", labels_profile()});
  all.push_back({"weights", weights_profile()});
  all.push_back({"weighed", weighed_profile()});
  all.push_back({"hostile", hostile_profile()});
  return all;
}

profile::Profile weighed_profile() {
  ProfileSketch s(
      header("2 events", {"syscalls:sys_exit_read", "syscalls:sys_exit_write"}),
      {{"events", "count"}, {"latency", "nanoseconds"}, {"bytes", "bytes"}, {"errors", "count"}},
      1);
  const auto run = s.frame(JavaInterpreted, "java/lang/Thread.run");
  const auto get = s.inlined({{JavaC2, "app/Store.get"}, {JavaInlined, "app/Disk.load"}});
  const auto read = s.frame(Native, "read");
  const auto put = s.frame(JavaC1, "app/Store.put");
  const auto write = s.frame(Native, "write");
  struct Row {
    bool reads;
    std::string_view file, thread;
    std::int64_t latency, bytes;      // the buckets
    std::int64_t events, time, size;  // the sums
    std::int64_t errors;
  };
  const std::vector<Row> rows{
      {true, "/data/hot", "[worker tid=13]", 1024, 4096, 900, 1'300'000, 4'000'000, 0},
      {true, "/data/hot", "[worker tid=13]", 2048, 4096, 80, 230'000, 400'000, 0},
      {true, "/data/cold", "[worker tid=13]", 1'048'576, 65'536, 12, 19'000'000, 1'000'000, 0},
      {true, "/data/cold", "[loader tid=14]", 8'388'608, 65'536, 3, 41'000'000, 250'000, 0},
      {true, "", "[loader tid=14]", 512, 0, 7, 4'200, 0, 7},
      {false, "/var/log/app", "[loader tid=14]", 2048, 128, 60, 170'000, 9'000, 0},
      {false, "/var/log/app", "[worker tid=13]", 0, 1, 5, 0, 5, 0},
  };
  for (const Row& row : rows) {
    const std::string field = "filename=" + std::string(row.file);
    s.weighed(
        {run, row.reads ? get : put, row.reads ? read : write, s.frame(Event, field)},
        {row.events, row.time, row.size, row.errors},
        {s.label("event", row.reads ? "syscalls:sys_exit_read" : "syscalls:sys_exit_write"),
         s.label("filename", row.file), s.label("thread", row.thread),
         s.label("latency", row.latency, "nanoseconds"), s.label("bytes", row.bytes, "bytes")});
  }
  return std::move(s).build(small_ledger());
}

profile::Profile shared_profile(std::int64_t factor) {
  profile::Header its =
      header("2 events", {"syscalls:sys_enter_openat", "syscalls:sys_enter_close"});
  its.target = "every process";
  ProfileSketch s(std::move(its), {{"events", "count"}, {"bytes", "bytes"}});
  const auto main = s.frame(Native, "main");
  const auto process = [&](std::int64_t pid, std::string_view start, std::string_view comm) {
    return std::vector{s.label("pid", pid, ""), s.label("start", start), s.label("comm", comm)};
  };
  const auto add = [&](std::string_view leaf, std::int64_t events, std::string_view event,
                       std::vector<profile::Label> labels) {
    labels.push_back(s.label("event", event));
    s.weighed({main, s.frame(Native, leaf)}, {factor * events, factor * events * 4096},
              std::move(labels));
  };
  constexpr std::string_view kOpen = "syscalls:sys_enter_openat";
  add("open_one", 10, kOpen, process(42, "2026-01-01T00:00:00.000Z", "one"));
  add("open_two", 20, kOpen, process(42, "2026-01-02T00:00:00.000Z", "two<b>"));
  auto three = process(43, "2026-01-02T00:00:00.000Z", "java");
  three.push_back(s.label("main", "app.Main"));
  add("open_three", 25, kOpen, three);
  add("close_three", 5, "syscalls:sys_enter_close", three);
  return std::move(s).build(small_ledger());
}

profile::Profile hostile_profile() {
  profile::Header header = openat_header();
  header.title = "</title><script>alert(1)</script>\u202etxt.exe\x1b[31m";
  header.target = "<img src=x onerror=alert(1)>";
  header.host = "host\nname";
  ProfileSketch s(std::move(header));
  const auto root = s.frame(Native, "</script><img src=x onerror=alert(1)>");
  const std::vector<std::string> names{
      "a;b",
      "line\nbreak\r\n",
      "tab\there",
      "\x1b[2J\x1b]0;title\x07",
      "right\u202eto left\u2066",
      "zero\u200bwidth\ufeff",
      "para\u2029graph\u2028",
      "bad \xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80 utf-8",
      "cut \xe2\x82",
      " blanks ",
      " ",
      std::string("nul\0byte", 8),
      "back\\slash\\x3b",
      "looks_[k]",
      "<!--jtrace:profile-->",
      "__proto__",
      "caf\u00e9 \u65e5\u672c\u8a9e \U0001f600",
      "tag\U000e0041",
      std::string(1 << 20, 'A'),
      std::string(600, ';'),
  };
  std::int64_t value = 1;
  for (const std::string& name : names) s.stack({root, s.frame(Native, name)}, value++);
  s.stack({root, s.unknown("/tmp/evil;\n.so", 0x10, UnknownReason::NoSymbols)}, 1);
  s.stack({root}, 1, {s.label("thread", "[<b>;\n tid=1]")});
  return std::move(s).build({{{"<script>alert(2)</script>\n", 1, 0, true}}, false},
                            {"</script>\u2028comment"});
}

namespace {

// Call paths of a web server over a framework and a pool, in the proportions such profiles have.
class ServerSketch {
 public:
  ServerSketch() : s_(openat_header()) {}

  profile::Profile build() && {
    for (const std::string& endpoint : endpoints_) {
      for (const auto& [path, weight] : paths()) {
        std::vector<LocationId> stack = request(endpoint);
        stack.insert(stack.end(), path.begin(), path.end());
        s_.stack(std::move(stack), 1 + static_cast<std::int64_t>(random_() % weight));
      }
    }
    background();
    return std::move(s_).build({{{"fired", 48'211, 0, true},
                                 {"kept", 46'030, 0, true},
                                 {"complete", 45'871, 1, true},
                                 {"partial: read fault", 159, 1, true},
                                 {"filtered", 2'102, 0, true},
                                 {"sampled out", 0, 0, true},
                                 {"lost", 79, 0, true},
                                 {"ring buffer full", 79, 1, true},
                                 {"recursion", 0, 1, false}},
                                true},
                               {"kernel frames: left out for syscalls:*"});
  }

 private:
  using Path = std::vector<LocationId>;

  Path base() {
    return {s_.frame(Native, "__clone3"),
            s_.frame(Native, "start_thread"),
            s_.frame(Native, "thread_native_entry(Thread*)"),
            s_.frame(Native, "Thread::call_run()"),
            s_.frame(Native, "JavaThread::thread_main_inner()"),
            s_.frame(Native,
                     "JavaCalls::call_helper(JavaValue*, methodHandle const&, "
                     "JavaCallArguments*, JavaThread*)"),
            s_.frame(JavaStub, "call_stub"),
            s_.frame(JavaInterpreted, "java/lang/Thread.run")};
  }

  Path request(const std::string& endpoint) {
    Path path = base();
    path.push_back(
        s_.inlined({{JavaC2, "java/util/concurrent/ThreadPoolExecutor.runWorker"},
                    {JavaInlined, "java/util/concurrent/ThreadPoolExecutor$Worker.run"}}));
    for (int i = 0; i < 9; ++i) {
      path.push_back(s_.inlined(
          {{JavaC2, "org/example/web/filter/FilterChain.doFilter"},
           {JavaInlined, names_.emplace_back("org/example/web/filter/Filter" + std::to_string(i) +
                                             ".doFilterInternal")}}));
    }
    path.push_back(s_.frame(JavaC2, "org/example/web/DispatcherServlet.doDispatch"));
    path.push_back(s_.frame(JavaC1, "jdk/internal/reflect/DirectMethodHandleAccessor.invoke"));
    path.push_back(s_.frame(JavaStub, "LambdaForm$DMH"));
    path.push_back(s_.frame(JavaC2, endpoint));
    return path;
  }

  std::vector<std::pair<Path, std::uint64_t>> paths() {
    const Path open{s_.frame(JavaC2, "java/io/FileInputStream.<init>"),
                    s_.frame(JavaNative, "java/io/FileInputStream.open0"),
                    s_.frame(Native, "Java_java_io_FileInputStream_open0"),
                    s_.frame(Native, "fileOpen"),
                    s_.frame(Native, "handleOpen"),
                    s_.frame(Native, "open64")};
    const Path kernel{s_.frame(Kernel, "entry_SYSCALL_64_after_hwframe"),
                      s_.frame(Kernel, "do_syscall_64"), s_.frame(Kernel, "__x64_sys_openat"),
                      s_.frame(Kernel, "do_sys_openat2")};
    std::vector<std::pair<Path, std::uint64_t>> all;
    const auto add = [&](Path path, bool to_kernel, std::uint64_t weight) {
      path.insert(path.end(), open.begin(), open.end());
      if (to_kernel) path.insert(path.end(), kernel.begin(), kernel.end());
      all.emplace_back(std::move(path), weight);
    };
    const auto template_engine = s_.frame(JavaC2, "org/example/view/TemplateEngine.render");
    for (int depth = 3; depth <= 12; depth += 3) {
      Path path{template_engine};
      for (int i = 0; i < depth; ++i) {
        path.push_back(s_.inlined({{JavaC2, "org/example/view/Node.render"},
                                   {JavaInlined, "org/example/view/Block.renderChildren"}}));
      }
      path.push_back(s_.frame(JavaC1, "org/example/view/Loader.load"));
      add(std::move(path), true, 1800);
    }
    add({s_.frame(JavaC2, "org/example/store/ObjectStore.get"),
         s_.frame(JavaC2, "org/example/store/LruCache.computeIfAbsent"),
         s_.frame(JavaInlined, "org/example/store/Disk.open")},
        true, 4200);
    add({s_.frame(JavaInterpreted, "org/example/config/Reloader.check")}, false, 300);
    add({s_.frame(JavaC1, "ch/example/log/RollingFileAppender.rollover"),
         s_.unknown("/usr/lib/x86_64-linux-gnu/libnative-log.so", 0x1f40,
                    UnknownReason::NoSymbols)},
        true, 500);
    return all;
  }

  void background() {
    Path gc{s_.frame(Native, "__clone3"), s_.frame(Native, "start_thread"),
            s_.frame(Native, "G1ServiceThread::run_service()"),
            s_.frame(Native, "os::Linux::available_memory()"), s_.frame(Native, "fopen64")};
    s_.stack(gc, 640);
    Path cut{s_.frame(Marker, "[truncated]"), s_.frame(JavaC2, "org/example/rules/Rule.apply"),
             s_.frame(JavaC2, "org/example/rules/Engine.reload"), s_.frame(Native, "open64")};
    s_.stack(cut, 420);
  }

  ProfileSketch s_;
  std::mt19937_64 random_{7};
  std::vector<std::string> names_;
  std::vector<std::string> endpoints_{
      "org/example/shop/CatalogController.list", "org/example/shop/CartController.show",
      "org/example/shop/ImageController.thumbnail", "org/example/admin/ReportController.monthly"};
};

}  // namespace

profile::Profile server_profile() { return ServerSketch().build(); }

profile::Profile large_profile(std::size_t frames, std::size_t depth) {
  ProfileSketch s(openat_header());
  std::mt19937_64 random{11};
  std::vector<LocationId> names;
  for (int i = 0; i < 5000; ++i) {
    names.push_back(s.frame(i % 3 == 0 ? Native : JavaC2,
                            "org/example/generated/Class" + std::to_string(i) + ".method"));
  }
  std::vector<LocationId> stack;
  for (std::size_t made = 0; made < frames;) {
    // A walk that goes up a little and then down again: what a sampled call tree looks like.
    stack.resize(stack.size() - std::min<std::size_t>(stack.size(), 1 + random() % 12));
    const std::size_t grow = 1 + random() % 12;
    for (std::size_t i = 0; i < grow && stack.size() < depth; ++i, ++made) {
      stack.push_back(names[random() % names.size()]);
    }
    s.stack(stack, 1 + static_cast<std::int64_t>(random() % 20));
  }
  std::vector<LocationId> deepest;
  for (std::size_t i = 0; i < depth; ++i) deepest.push_back(names[i % 7]);
  s.stack(std::move(deepest), 100);
  return std::move(s).build();
}

}  // namespace jtrace::test
