// SPDX-License-Identifier: Apache-2.0
#include "session/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/unique_fd.h"
#include "session/file_pattern.h"

namespace jtrace::session {
namespace {

namespace fs = std::filesystem;

// comm is the target's text: only what is harmless in a file name.
std::string file_name_part(const std::string& comm) {
  std::string out;
  for (const char c : comm) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
    out += fine ? c : '_';
  }
  return out.empty() ? "process" : out;
}

Result<const exporting::Exporter*> exporter_for(const cli::Options& options,
                                                const std::string& path) {
  if (options.format) return exporting::exporter_by_name(*options.format);
  if (path == "-") return exporting::exporter_by_name("text");
  return exporting::exporter_by_suffix(path);
}

Result<std::vector<std::string>> expand_files(const cli::Options& options,
                                              const process::ProcessInfo& first,
                                              std::chrono::system_clock::time_point now) {
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host.front() = 0;
  const PatternFacts facts{
      .pid = first.key.tgid,
      .time = now,
      .host = *host.data() == 0 ? "host" : host.data(),
      .number = 0,
      .environment = [](const char* name) -> const char* { return std::getenv(name); }};
  std::vector<std::string> paths;
  for (const std::string& pattern : options.files) {
    JT_TRY(std::string path, expand_file_pattern(pattern, facts));
    paths.push_back(std::move(path));
  }
  return paths;
}

bool is_regular_or_new(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return true;
  return S_ISREG(st.st_mode);
}

Status check_writable(const std::string& path) {
  if (path == "-") return {};
  if (fs::is_directory(path)) return fail(Errc::Internal, "write " + path + ": is a directory");
  if (!is_regular_or_new(path)) {
    if (::access(path.c_str(), W_OK) == 0) return {};
    return fail(Errc::Internal, errno_text("write " + path, errno));
  }
  const fs::path parent = fs::path(path).parent_path();
  const std::string dir = parent.empty() ? "." : parent.string();
  if (::access(dir.c_str(), W_OK | X_OK) != 0) {
    return fail(Errc::Internal, errno_text("write " + path, errno),
                "choose another place with -f FILE");
  }
  return {};
}

Status write_all(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) return {};
    if (n < 0) return fail(Errc::Internal, errno_text("write " + path, errno));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Status write_in_place(const std::string& path, std::string_view bytes) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return fail(Errc::Internal, errno_text("open " + path, errno));
  return write_all(fd.get(), path, bytes);
}

// The user who called sudo gets the file; it is ours alone until then, so nobody else's is given.
void give_to_caller(int fd) {
  const auto number = [](const char* name) -> std::optional<unsigned> {
    const char* text = ::geteuid() == 0 ? std::getenv(name) : nullptr;  // NOLINT: one thread
    unsigned value = 0;
    if (text == nullptr || *text == 0) return std::nullopt;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    return error == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
  };
  const auto uid = number("SUDO_UID");
  const auto gid = number("SUDO_GID");
  if (uid && gid) (void)!::fchown(fd, *uid, *gid);
}

Status write_and_rename(const std::string& path, std::string_view bytes) {
  const std::string beside = fmt::format("{}.{}.tmp", path, ::getpid());
  const UniqueFd fd(
      ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd.valid()) return fail(Errc::Internal, errno_text("create " + beside, errno));
  give_to_caller(fd.get());
  auto status = write_all(fd.get(), beside, bytes);
  if (status && std::rename(beside.c_str(), path.c_str()) != 0) {
    status = fail(Errc::Internal, errno_text("rename to " + path, errno));
  }
  if (!status) ::unlink(beside.c_str());
  return status;
}

}  // namespace

Result<std::vector<Output>> plan_outputs(const cli::Options& options,
                                         const process::ProcessInfo& first,
                                         std::chrono::system_clock::time_point now) {
  JT_TRY(std::vector<std::string> paths, expand_files(options, first, now));
  if (paths.empty()) {
    const std::string base =
        fmt::format("jtrace-{}-{}-{}", file_name_part(first.comm), first.key.tgid, file_stamp(now));
    std::string suffix = ".html";
    if (options.format) {
      JT_TRY(const auto* exporter, exporting::exporter_by_name(*options.format));
      suffix = exporter->suffixes.front();
    }
    paths.push_back(base + suffix);
  }
  std::vector<Output> outputs;
  for (const std::string& path : paths) {
    JT_TRY(const auto* exporter, exporter_for(options, path));
    JT_CHECK_OK(check_writable(path));
    outputs.push_back(
        {path,
         exporter,
         {.plain = options.plain, .lines = options.lines, .normalise = options.normalise}});
  }
  return outputs;
}

Status write_output(const Output& output, const profile::Profile& profile) {
  const std::string bytes = output.exporter->write(profile, output.options);
  if (output.path == "-") return write_all(STDOUT_FILENO, "standard output", bytes);
  if (!is_regular_or_new(output.path)) return write_in_place(output.path, bytes);
  return write_and_rename(output.path, bytes);
}

Status write_standard_output(std::string_view text) {
  return write_all(STDOUT_FILENO, "standard output", text);
}

}  // namespace jtrace::session
