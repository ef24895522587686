// SPDX-License-Identifier: Apache-2.0
// The file of --push-token-file, which Kubernetes and systemd renew while we run.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace jtrace::push {

class TokenFile {
 public:
  TokenFile() = default;
  // Notes what is there; to be made before it is read, so that no change falls between. What is no
  // regular file, such as a pipe, is not there a second time and not looked at.
  explicit TokenFile(std::string path);

  struct Look {
    std::optional<std::string> authorization;  // the file's, where it is another file now
    std::string trouble;                       // why that could not be read; once, until it could
  };
  // Costs a stat() where nothing has changed.
  [[nodiscard]] Look look();
  // What the last look found was of no use: the next one reads it again.
  void forget() { seen_.reset(); }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  // A new file of the same size within a tick of the clock has another inode.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;
    off_t size = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  [[nodiscard]] std::optional<Identity> identity() const;

  std::string path_;  // empty: there is none
  std::optional<Identity> seen_;
  bool troubled_ = false;
};

}  // namespace jtrace::push
