// SPDX-License-Identifier: Apache-2.0
// A file system that answers until it is told not to, as a process can serve one to itself.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace jtrace::test {

// One regular file, `file`, of 8 KiB that nobody has read.
class SilentFiles {
 public:
  SilentFiles() : device_(::open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    if (!device_.valid() || ::mkdtemp(directory_.data()) == nullptr) return;
    const std::string options =
        fmt::format("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device_.get());
    mounted_ =
        ::mount("silent", directory_.c_str(), "fuse", MS_NODEV | MS_NOSUID, options.c_str()) == 0;
    if (mounted_) server_ = std::thread([this] { serve(); });
  }
  SilentFiles(const SilentFiles&) = delete;
  SilentFiles& operator=(const SilentFiles&) = delete;
  ~SilentFiles() {
    if (mounted_) ::umount2(directory_.c_str(), MNT_FORCE | MNT_DETACH);
    if (server_.joinable()) server_.join();
    ::rmdir(directory_.c_str());
  }

  // Without the rights or the module it is not.
  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string file() const { return directory_ + "/file"; }
  // From now on nobody gets an answer.
  void fall_silent() { silent_ = true; }

 private:
  static constexpr std::uint64_t kFile = 2;

  void serve() {
    alignas(fuse_in_header) std::array<char, 128 * 1024> request{};
    for (;;) {
      const ssize_t size = ::read(device_.get(), request.data(), request.size());
      if (size < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
      if (size < static_cast<ssize_t>(sizeof(fuse_in_header))) return;
      fuse_in_header head{};
      std::memcpy(&head, request.data(), sizeof head);
      if (!silent_ && head.opcode != FUSE_FORGET && head.opcode != FUSE_BATCH_FORGET) answer(head);
    }
  }

  static fuse_attr attributes(std::uint64_t node) {
    fuse_attr attr{};
    attr.ino = node;
    attr.size = node == kFile ? 8192 : 0;
    attr.mode = node == kFile ? S_IFREG | 0755 : S_IFDIR | 0755;
    attr.nlink = 1;
    return attr;
  }

  void answer(const fuse_in_header& head) {
    constexpr std::uint64_t kLong = 1000;
    if (head.opcode == FUSE_INIT) {
      fuse_init_out out{};
      out.major = FUSE_KERNEL_VERSION;
      out.minor = 31;
      out.max_write = 4096;
      return send(head, 0, &out, sizeof out);
    }
    if (head.opcode == FUSE_LOOKUP) {
      fuse_entry_out out{};
      out.nodeid = kFile;
      out.entry_valid = out.attr_valid = kLong;
      out.attr = attributes(kFile);
      return send(head, 0, &out, sizeof out);
    }
    if (head.opcode == FUSE_GETATTR) {
      fuse_attr_out out{};
      out.attr_valid = kLong;
      out.attr = attributes(head.nodeid);
      return send(head, 0, &out, sizeof out);
    }
    if (head.opcode == FUSE_OPEN) {
      const fuse_open_out out{};
      return send(head, 0, &out, sizeof out);
    }
    send(head, -ENOSYS, nullptr, 0);
  }

  void send(const fuse_in_header& head, int error, const void* body, std::size_t size) {
    const fuse_out_header out{.len = static_cast<std::uint32_t>(sizeof(fuse_out_header) + size),
                              .error = error,
                              .unique = head.unique};
    std::string all(reinterpret_cast<const char*>(&out), sizeof out);
    if (size != 0) all.append(static_cast<const char*>(body), size);
    (void)!::write(device_.get(), all.data(), all.size());
  }

  std::string directory_ = "/tmp/jtrace-silent-XXXXXX";
  UniqueFd device_;
  bool mounted_ = false;
  std::atomic<bool> silent_ = false;
  std::thread server_;
};

}  // namespace jtrace::test
