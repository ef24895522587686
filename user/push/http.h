// SPDX-License-Identifier: Apache-2.0
// One POST of a profile, by libcurl: TLS verified, no redirect followed, of the answer only the
// status and Retry-After used and a bounded part read.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "push/destination.h"
#include "push/libcurl.h"

namespace jtrace::push {

struct Limits {
  std::chrono::milliseconds connect{10'000};
  std::chrono::seconds stall{30};  // less than a byte a second for so long
  std::chrono::milliseconds whole{120'000};
};

struct Reply {
  long status = 0;  // 0: there was none
  std::chrono::seconds retry_after{0};
  std::string trouble;  // where there was none, why
};

enum class Outcome {
  Delivered,
  TryAgain,
  Denied,   // by its token alone: to be tried again with another one, or when it is taken
  Refused,  // the same request would be refused again
};
[[nodiscard]] Outcome outcome_of(const Reply& reply, Backend backend);

// "answered 429, asks to wait 30 s", or libcurl's words.
[[nodiscard]] std::string text_of(const Reply& reply);

class Post {
 public:
  Post(const Destination& to, const std::string& authorization, std::string body,
       const Limits& limits);
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;
  ~Post() = default;

  [[nodiscard]] CURL* handle() const { return handle_.get(); }
  [[nodiscard]] std::size_t bytes() const { return body_.size(); }
  // After libcurl has ended it so.
  [[nodiscard]] Reply reply(CURLcode end) const;

 private:
  static std::size_t discard(const char* bytes, std::size_t size, std::size_t count, void* post);

  std::string body_;
  std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> headers_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  std::size_t read_ = 0;
  std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> handle_;  // uses all of the above
};

// Sends it once, and waits for that.
[[nodiscard]] Status send_once(const Destination& to, const std::string& authorization,
                               std::string body, const Limits& limits = {});

}  // namespace jtrace::push
