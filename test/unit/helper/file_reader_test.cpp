// SPDX-License-Identifier: Apache-2.0
#include "helper/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/sanitized.h"
#include "process/maps.h"
#include "unit/helper/silent_files.h"
#include "unwind/table.h"

namespace jtrace::helper {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kLibc = "/lib/x86_64-linux-gnu/libc.so.6";

UniqueFd found(const char* path) { return UniqueFd(::open(path, O_PATH | O_CLOEXEC)); }

std::string status_of(pid_t pid, const std::string& key) {
  std::ifstream in(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key + ":")) continue;
    const auto value = line.find_first_not_of("\t ", key.size() + 1);
    return value == std::string::npos ? "" : line.substr(value);
  }
  return {};
}

// Of the keeper: those that read. One that has ended waits there until the keeper buries it.
std::vector<pid_t> readers(const FileReader& files) {
  std::vector<pid_t> pids;
  std::ifstream in(fmt::format("/proc/{0}/task/{0}/children", files.keeper()));
  for (pid_t pid = 0; in >> pid;) {
    const std::string state = status_of(pid, "State");
    if (!state.empty() && !state.starts_with("Z")) pids.push_back(pid);
  }
  return pids;
}

// Once both are there, the one that has read and the one that is ready for the next file, which the
// keeper starts in its own time; not those of `gone`, which end in theirs.
std::vector<pid_t> both_readers(const FileReader& files, const std::vector<pid_t>& gone = {}) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(60);
  std::vector<pid_t> pids;
  do {
    std::this_thread::yield();
    pids = readers(files);
    std::erase_if(pids, [&](pid_t pid) { return std::ranges::find(gone, pid) != gone.end(); });
  } while (pids.size() != 2 && steady_clock::now() < deadline);
  return pids;
}

std::vector<pid_t> signal_readers(const FileReader& files, int signal,
                                  const std::vector<pid_t>& gone = {}) {
  const auto pids = both_readers(files, gone);
  for (const pid_t pid : pids) ::kill(pid, signal);
  return pids;
}

// Until none is left that goes on: one that was about to end may have stood for one that was just
// made.
std::vector<pid_t> stop_readers(const FileReader& files, const std::vector<pid_t>& gone) {
  const auto deadline = steady_clock::now() + std::chrono::seconds(60);
  auto stopped = signal_readers(files, SIGSTOP, gone);
  const auto goes_on = [&](pid_t pid) {
    return std::ranges::find(gone, pid) == gone.end() && !status_of(pid, "State").starts_with("T");
  };
  for (auto all = readers(files); std::ranges::any_of(all, goes_on); all = readers(files)) {
    for (const pid_t pid : all) {
      if (goes_on(pid)) ::kill(pid, SIGSTOP);
      if (std::ranges::find(stopped, pid) == stopped.end()) stopped.push_back(pid);
    }
    std::this_thread::yield();
    if (steady_clock::now() > deadline) break;
  }
  return stopped;
}

TEST(FileReader, ReadsWhatThisProcessWouldRead) {
  FileReader files;
  const UniqueFd libc = found(kLibc);
  const UniqueFd open(::open(kLibc, O_RDONLY | O_CLOEXEC));
  const auto facts = files.facts(::getpid(), libc.get());
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->build_id, unwind::read_build_id(open.get()));
  const auto table = files.table(::getpid(), libc.get());
  ASSERT_TRUE(table) << table.error().message;
  const auto expected = unwind::compile_unwind_table(open.get());
  ASSERT_TRUE(expected);
  EXPECT_EQ(table->rows.size(), expected->rows.size());
  const auto none = files.symbols(::getpid(), libc.get(), kLibc, facts->build_id, 1000);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::Lossy);
  EXPECT_TRUE(files.troubles().empty());
  const auto symbols = files.symbols(::getpid(), libc.get(), kLibc, facts->build_id);
  ASSERT_TRUE(symbols) << symbols.error().message;
  EXPECT_GT(symbols->size(), 1000U);
  EXPECT_TRUE(files.troubles().empty());
}

TEST(FileReader, AFileThatIsNoElfIsNoTrouble) {
  FileReader files;
  const auto facts = files.facts(::getpid(), found("/etc/passwd").get());
  ASSERT_FALSE(facts);
  EXPECT_EQ(facts.error().code, Errc::Target);
  EXPECT_THAT(facts.error().message, ::testing::HasSubstr("not ELF"));
  EXPECT_FALSE(files.vm_symbols(::getpid(), found(kLibc).get()));
  EXPECT_TRUE(files.troubles().empty());
}

// Who had it mapped first may have ended before its names are wanted: its debug file is looked for
// below our root then, for all who have it mapped later get the same names.
TEST(FileReader, FindsTheDebugFileOfAProcessThatHasEnded) {
  FileReader files;
  const pid_t ended = ::fork();
  if (ended == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(ended, nullptr, 0), ended);
  const std::string path = FIXTURE_DIR "/linked.so";  // its symbols are in fixture.debug beside it
  const UniqueFd fd = found(path.c_str());
  ASSERT_TRUE(fd.valid());
  const UniqueFd full(::open(FIXTURE_DIR "/full.so", O_RDONLY | O_CLOEXEC));
  const auto all = symbolize::ElfSymbols::load(full.get(), path);
  ASSERT_TRUE(all) << all.error().message;
  const auto address = all->address_of("outer_function");
  ASSERT_TRUE(address);
  for (const pid_t owner : {ended, ::getpid()}) {
    const auto symbols = files.symbols(owner, fd.get(), path, "");
    ASSERT_TRUE(symbols) << symbols.error().message;
    const auto name = symbols->find(*address);
    ASSERT_TRUE(name) << (owner == ended ? "of one that has ended" : "of one that lives");
    EXPECT_EQ(name->name, "outer_function");
  }
}

TEST(FileReader, ReadsThePerfMapOfAProcess) {
  const std::string path = fmt::format("/tmp/perf-{}.map", ::getpid());
  FileReader files;
  EXPECT_FALSE(files.perf_map(::getpid(), ::getpid()));
  std::ofstream(path) << "1000 10 of_a_jit\n";
  const auto map = files.perf_map(::getpid(), ::getpid());
  std::filesystem::remove(path);
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(map->find(0x1008), "of_a_jit");
  EXPECT_TRUE(files.troubles().empty());
}

TEST(FileReader, WhoReadsHasNoRights) {
  FileReader files;
  const UniqueFd libc = found(kLibc);
  ASSERT_TRUE(files.facts(::getpid(), libc.get()));
  int jailed = 0;
  for (const pid_t pid : readers(files)) {
    // The one that waits for the next file has not given all of them up: it has seen none.
    const bool waits = ::geteuid() == 0 ? status_of(pid, "Uid").starts_with("0\t")
                                        : status_of(pid, "Seccomp") == "0";
    if (waits) continue;
    ++jailed;
    EXPECT_EQ(status_of(pid, "NoNewPrivs"), "1");
    EXPECT_EQ(status_of(pid, "CapEff"), "0000000000000000");
    EXPECT_EQ(status_of(pid, "CapPrm"), "0000000000000000");
    EXPECT_EQ(status_of(pid, "CapBnd"), "0000000000000000");
    EXPECT_EQ(status_of(pid, "Seccomp"), kSanitized ? "0" : "2");
    if (::geteuid() == 0) {
      EXPECT_THAT(status_of(pid, "Uid"), ::testing::StartsWith("65534\t65534"));
      EXPECT_EQ(status_of(pid, "Groups"), "");
    }
  }
  EXPECT_EQ(jailed, 1);
}

TEST(FileReader, EachFileHasAProcessOfItsOwn) {
  FileReader files;
  const UniqueFd libc = found(kLibc);
  const UniqueFd self = found("/proc/self/exe");
  ASSERT_TRUE(files.facts(::getpid(), libc.get()));
  const auto before = both_readers(files);
  ASSERT_TRUE(files.table(::getpid(), libc.get()));
  EXPECT_EQ(readers(files), before) << "the same file";
  ASSERT_TRUE(files.facts(::getpid(), self.get()));
  const auto after = both_readers(files, {before[0]});
  EXPECT_NE(after, before) << "another one";
}

TEST(FileReader, AReaderThatDiesCostsItsFileOnly) {
  FileReader files;
  const UniqueFd libc = found(kLibc);
  const UniqueFd self = found("/proc/self/exe");
  ASSERT_TRUE(files.facts(::getpid(), libc.get()));
  (void)signal_readers(files, SIGKILL);
  const auto table = files.table(::getpid(), libc.get());
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, Errc::Target);
  EXPECT_THAT(table.error().message, ::testing::HasSubstr("died"));
  ASSERT_EQ(files.troubles().size(), 1U);
  EXPECT_EQ(files.troubles()[0].path, std::filesystem::canonical(kLibc));
  // The one that was ready for the next file was killed, too.
  (void)files.facts(::getpid(), self.get());
  EXPECT_TRUE(files.facts(::getpid(), libc.get()));
  EXPECT_TRUE(files.table(::getpid(), self.get()));
}

TEST(FileReader, AReaderThatHangsIsNotWaitedForLong) {
  FileReader files({.patience = milliseconds(2000), .late_files = 2});
  const UniqueFd libc = found(kLibc);
  const UniqueFd self = found("/proc/self/exe");
  constexpr pid_t kLiar = 4711;
  std::vector<pid_t> stopped;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(files.facts(::getpid(), self.get()));
    stopped = stop_readers(files, stopped);
    const auto before = steady_clock::now();
    const auto late = files.facts(kLiar, libc.get());
    ASSERT_FALSE(late);
    EXPECT_THAT(late.error().message, ::testing::HasSubstr("took longer than 2 s"));
    EXPECT_LT(steady_clock::now() - before, milliseconds(8000));
  }
  const auto refused = files.facts(kLiar, libc.get());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("of process 4711"));
  EXPECT_TRUE(files.facts(::getpid(), libc.get())) << "of another process";
}

// The traced process may serve the files that it maps: neither finding one, nor asking what it is,
// nor letting go of it waits for the server; reading it is somebody else's.
TEST(FileReader, AFileSystemThatDoesNotAnswerHoldsNobody) {
  test::SilentFiles silent;
  if (!silent.mounted()) GTEST_SKIP() << "cannot mount a FUSE file system here";
  FileReader files({.patience = milliseconds(2000), .late_files = 2});
  UniqueFd own(::open(silent.file().c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(own.valid());
  void* at = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, own.get(), 0);
  ASSERT_NE(at, MAP_FAILED);
  own.reset();
  silent.fall_silent();
  const auto maps = process::read_maps(::getpid());
  ASSERT_TRUE(maps);
  const auto entry =
      std::ranges::find(*maps, reinterpret_cast<std::uint64_t>(at), &process::MapEntry::start);
  ASSERT_NE(entry, maps->end());
  const auto begin = steady_clock::now();
  {
    const auto fd = process::find_mapped_file(::getpid(), *entry);
    ASSERT_TRUE(fd) << fd.error().message;
    const auto status = process::file_status(fd->get());
    ASSERT_TRUE(status);
    EXPECT_EQ(status->size, 8192);
    const auto facts = files.facts(::getpid(), fd->get());
    ASSERT_FALSE(facts);
    EXPECT_THAT(facts.error().message, ::testing::HasSubstr("took longer"));
  }
  EXPECT_LT(steady_clock::now() - begin, milliseconds(8000));
  EXPECT_TRUE(files.facts(::getpid(), found(kLibc).get())) << "the next one";
  ::munmap(at, 4096);
}

TEST(FileReader, WhatItCannotDoWithoutIsSaid) {
  FileReader files;
  ASSERT_GT(files.keeper(), 0);
  ::kill(files.keeper(), SIGKILL);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(files.keeper()), &info, WEXITED | WNOWAIT);
  const UniqueFd libc = found(kLibc);
  (void)files.facts(::getpid(), libc.get());  // by the one that was ready
  const auto facts = files.facts(::getpid(), found("/proc/self/exe").get());
  ASSERT_FALSE(facts);
  // The next reader may have been on its way when its keeper was killed.
  EXPECT_THAT(facts.error().message,
              ::testing::AnyOf(::testing::HasSubstr("no process to read it"),
                               ::testing::HasSubstr("the process that read it died")));
}

// A file of 2^62 bytes of sections takes its reader's memory, not ours.
TEST(FileReader, AFileThatAsksForEverythingGetsItsReaderKilled) {
  const UniqueFd memory(::memfd_create("sparse", MFD_CLOEXEC));
  const UniqueFd libc(::open(kLibc, O_RDONLY | O_CLOEXEC));
  std::string image(4096, '\0');
  ASSERT_EQ(::pread(libc.get(), image.data(), image.size(), 0), 4096);
  ASSERT_EQ(::pwrite(memory.get(), image.data(), image.size(), 0), 4096);
  ASSERT_EQ(::ftruncate(memory.get(), std::int64_t{1} << 40), 0);
  FileReader files;
  const std::string path = fmt::format("/proc/self/fd/{}", memory.get());
  const UniqueFd sparse = found(path.c_str());
  const auto table = files.table(::getpid(), sparse.get());
  EXPECT_FALSE(table);
  (void)files.symbols(::getpid(), sparse.get(), "/x", "");
  EXPECT_TRUE(files.facts(::getpid(), found(kLibc).get()));
}

}  // namespace
}  // namespace jtrace::helper
