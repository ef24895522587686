// SPDX-License-Identifier: Apache-2.0
// Windows that wait for the backend: a file each in a folder of our own, oldest first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace jtrace::push {

// The folder PATH/NAME for who will send, made where it is missing: 0700, and nobody's where root
// gives up its rights to him. One that is another user's, a link, or in use by another jtrace is
// refused.
[[nodiscard]] Result<UniqueFd> open_spool(const std::string& path, std::string_view name);

// What open_spool() would find, without a change of it.
struct SpoolFolder {
  std::string folder;
  bool held = false;  // by another jtrace
};
[[nodiscard]] Result<SpoolFolder> look_at_spool(const std::string& path, std::string_view name);

class Spool {
 public:
  // Takes over what an earlier run left there; `limit` in bytes holds for that, too.
  Spool(UniqueFd folder, std::uint64_t limit);

  // Whole under its name or not there at all. What does not fit pushes out the oldest; false where
  // it could not be kept.
  bool add(std::string_view body);

  // The oldest, which stays until pop(): while it is being sent nothing pushes it out. What cannot
  // be read is dropped.
  [[nodiscard]] std::optional<std::string> front();
  void pop();
  void release() { held_ = false; }  // the oldest is not being sent any more
  void lose() { ++dropped_; }        // one that did not get here

  [[nodiscard]] std::size_t windows() const { return entries_.size(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Entry {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
  };

  void take_over();
  bool make_room(std::uint64_t bytes);
  void drop(std::size_t at);
  void remove(std::size_t at);
  [[nodiscard]] bool write(std::string_view body, std::uint64_t number) const;

  UniqueFd folder_;
  std::uint64_t limit_;
  std::deque<Entry> entries_;
  std::uint64_t next_ = 1;
  std::uint64_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool held_ = false;
};

}  // namespace jtrace::push
