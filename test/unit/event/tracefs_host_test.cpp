// SPDX-License-Identifier: Apache-2.0
// The tracefs of the running kernel in every way it can be reached. Each way is set up in a mount
// namespace of a child, so that the host's own mounts neither matter nor change.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "event/format.h"
#include "event/preset.h"
#include "event/tracepoint.h"

namespace jtrace::event {
namespace {

enum Outcome { kOk = 0, kFailed = 1, kNotHere = 2 };

Outcome complain(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return kFailed;
}

// A name, its id and back again; the whole list; a glob.
Outcome check_lookups(const Result<Tracefs>& tracefs, Tracefs::Source source) {
  if (!tracefs) return complain(tracefs.error().message);
  if (tracefs->source() != source) return complain("found elsewhere");
  const TracepointName name{"sched", "sched_switch"};
  const auto by_name = tracefs->resolve(name);
  if (!by_name || by_name->size() != 1) return complain("sched:sched_switch not found");
  const auto by_id = tracefs->resolve(TracepointId{by_name->front().id});
  if (!by_id) return complain(by_id.error().message);
  if (by_id->front().display() != "sched:sched_switch") return complain(by_id->front().display());
  const auto all = tracefs->list();
  if (!all) return complain(all.error().message);
  if (all->size() < 100) return complain("only " + std::to_string(all->size()) + " tracepoints");
  const auto glob = tracefs->resolve(TracepointName{"sched", "sched_w*"});
  if (!glob || glob->size() < 2) return complain("sched:sched_w* does not match");
  return kOk;
}

std::string mounts() {
  std::ifstream file("/proc/self/mountinfo");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void unmount_all(const char* path) {
  while (::umount2(path, MNT_DETACH) == 0) {
  }
}

class TracefsOfHost : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  }

  // Runs `body` in a mount namespace where no tracefs is mounted.
  static void in_bare_namespace(Outcome (*body)()) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (::unshare(CLONE_NEWNS) != 0) ::_exit(kNotHere);
      if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(kNotHere);
      unmount_all("/sys/kernel/debug/tracing");
      unmount_all("/sys/kernel/debug");
      unmount_all("/sys/kernel/tracing");
      ::_exit(body());
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kNotHere) GTEST_SKIP() << "this host does not let it be set up";
    EXPECT_EQ(WEXITSTATUS(status), kOk);
  }
};

TEST_F(TracefsOfHost, detached) {
  in_bare_namespace([] {
    const std::string before = mounts();
    const auto tracefs = Tracefs::open();
    if (mounts() != before) return complain("a mount was left in the namespace");
    return check_lookups(tracefs, Tracefs::Source::Detached);
  });
}

TEST_F(TracefsOfHost, mountedOnTracing) {
  in_bare_namespace([] {
    if (::mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) != 0) return kNotHere;
    return check_lookups(Tracefs::open(), Tracefs::Source::Tracing);
  });
}

TEST_F(TracefsOfHost, automountedBelowDebugfs) {
  in_bare_namespace([] {
    if (::mount("debugfs", "/sys/kernel/debug", "debugfs", 0, nullptr) != 0) return kNotHere;
    // The automount is a kernel option (CONFIG_TRACEFS_AUTOMOUNT_DEPRECATED) since 6.17.
    if (!std::filesystem::exists("/sys/kernel/debug/tracing/events")) return kNotHere;
    return check_lookups(Tracefs::open(), Tracefs::Source::DebugTracing);
  });
}

// Every format of this kernel. Where none of the words is read, the kernel left the names of its
// enums in the text (block:block_rq_issue: IOPRIO_CLASS_RT), and no number to tell them by.
TEST_F(TracefsOfHost, hasWordsThatAreUnderstood) {
  in_bare_namespace([] {
    if (::mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) != 0) return kNotHere;
    const auto tracefs = Tracefs::open();
    if (!tracefs) return complain(tracefs.error().message);
    const auto all = tracefs->list();
    if (!all) return complain(all.error().message);
    std::size_t with_words = 0, read = 0, fields = 0, words = 0, skipped = 0;
    for (const Tracepoint& one : *all) {
      const auto format = read_format(*tracefs, one);
      if (!format) return complain(format.error().message);
      std::ifstream file("/sys/kernel/tracing/events/" + one.category + "/" + one.name + "/format");
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      const bool has = text.find("__print_flags(") != std::string::npos ||
                       text.find("__print_symbolic(") != std::string::npos;
      with_words += has ? 1 : 0;
      read += has && !format->print.dictionaries.empty() ? 1 : 0;
      skipped += format->print.skipped;
      for (const Dictionary& dictionary : format->print.dictionaries) {
        ++fields;
        words += dictionary.words.size();
        if (format->find(dictionary.field) == nullptr) return complain(one.display());
      }
    }
    std::fprintf(stderr,
                 "%zu of %zu tracepoints have words; read of %zu: %zu dictionaries, %zu words; "
                 "%zu not understood\n",
                 with_words, all->size(), read, fields, words, skipped);
    if (with_words < 10 || read * 100 < with_words * 90) return complain("most are not read");
    const auto sched = read_format(*tracefs, {0, "sched", "sched_switch"});
    if (!sched || sched->print.dictionaries.size() != 2) return complain("sched_switch has none");
    return kOk;
  });
}

// A field that this kernel calls otherwise would be left out in silence.
TEST_F(TracefsOfHost, hasTheFieldsOfPresets) {
  in_bare_namespace([] {
    if (::mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) != 0) return kNotHere;
    const auto tracefs = Tracefs::open();
    if (!tracefs) return complain(tracefs.error().message);
    for (const Preset& preset : presets()) {
      for (const PresetRow& row : preset.rows) {
        const Preset alone{preset.name, preset.explanation, preset.weight, {&row, 1}};
        const auto found = expand(alone, *tracefs);
        if (!found) return complain(found.error().message);
        const auto fields = static_cast<std::size_t>(std::ranges::count(row.by, ' '));
        for (const PresetEvent& one : found->events) {
          if (one.by.size() != (row.by.empty() ? 0 : fields + 1)) {
            return complain(one.tracepoint.display() + " lacks fields to show");
          }
          const bool counts = (row.weight.empty() ? preset.weight : row.weight) == "count";
          if ((one.weight == "count") != counts) {
            return complain(one.tracepoint.display() + " lacks the field of its weight");
          }
        }
      }
    }
    return kOk;
  });
}

TEST_F(TracefsOfHost, anOrdinaryUserIsToldThatItIsNotMounted) {
  in_bare_namespace([] {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return kNotHere;
    const auto tracefs = Tracefs::open();
    if (tracefs) return complain("opened without privileges");
    const std::string text =
        "tracefs is not mounted on /sys/kernel/tracing, and a detached one cannot be opened: "
        "fsopen: CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH are missing";
    return tracefs.error().message == text ? kOk : complain(tracefs.error().message);
  });
}

TEST_F(TracefsOfHost, anOrdinaryUserIsToldThatItIsNotReadable) {
  in_bare_namespace([] {
    if (::mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, nullptr) != 0) return kNotHere;
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) return kNotHere;
    const auto tracefs = Tracefs::open();
    if (tracefs) return kNotHere;  // remounted for everybody by the host's administrator
    const std::string text =
        "tracefs on /sys/kernel/tracing is not readable: CAP_DAC_READ_SEARCH is missing";
    return tracefs.error().message == text ? kOk : complain(tracefs.error().message);
  });
}

}  // namespace
}  // namespace jtrace::event
