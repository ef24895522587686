// SPDX-License-Identifier: Apache-2.0
#include "push/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace jtrace::push {
namespace {

// Of an answer, headers and body together. What is beyond says nothing that is used.
constexpr std::size_t kMostRead = 64 * 1024;
constexpr std::chrono::seconds kLongestWait{3600};

// Those of OTLP's specification; all other failures are of the request, which trying again does not
// mend. The servers of the other two answer 500 for what passes, such as an ingester that restarts.
bool passes(long status, Backend backend) {
  switch (status) {
    case 429:
    case 502:
    case 503:
    case 504:
      return true;
    case 408:
    case 500:
      return backend != Backend::Otlp;
    default:
      return false;
  }
}

using Headers = std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)>;

Headers headers_of(Backend backend, const std::string& authorization) {
  curl_slist* all = nullptr;
  const auto put = [&](const std::string& line) { all = curl().slist_append(all, line.c_str()); };
  put(backend == Backend::Otlp ? "Content-Type: application/x-protobuf"
                               : "Content-Type: application/json");
  // Parca's gateway takes none; the profile in the request is gzipped anyway.
  if (backend != Backend::Parca) put("Content-Encoding: gzip");
  put("Expect:");  // no round trip before the body
  if (!authorization.empty()) put("Authorization: " + authorization);
  return {all, curl().slist_free_all};
}

}  // namespace

Outcome outcome_of(const Reply& reply, Backend backend) {
  if (reply.status >= 200 && reply.status < 300) return Outcome::Delivered;
  if (reply.status == 401 || reply.status == 403) return Outcome::Denied;
  return reply.status == 0 || passes(reply.status, backend) ? Outcome::TryAgain : Outcome::Refused;
}

std::string text_of(const Reply& reply) {
  if (reply.status == 0) return reply.trouble;
  std::string text = fmt::format("answered {}", reply.status);
  if (reply.status / 100 == 3) text += ", a redirect, which is not followed";
  if (reply.status == 401 || reply.status == 403) text += ": the token is missing or not accepted";
  if (reply.retry_after.count() > 0) {
    text += fmt::format(", asks to wait {} s", reply.retry_after.count());
  }
  return text;
}

Post::Post(const Destination& to, const std::string& authorization, std::string body,
           const Limits& limits)
    : body_(std::move(body)),
      headers_(headers_of(to.backend, authorization)),
      handle_(curl().easy_init(), curl().easy_cleanup) {
  const auto set = [this](CURLoption option, auto value) {
    curl().easy_setopt(handle_.get(), option, value);
  };
  set(CURLOPT_URL, to.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "jtrace");
  set(CURLOPT_HTTPHEADER, headers_.get());
  set(CURLOPT_POSTFIELDS, body_.data());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.stall.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits.whole.count()));
  set(CURLOPT_ERRORBUFFER, error_.data());
  set(CURLOPT_WRITEFUNCTION, &Post::discard);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Post::discard);
  set(CURLOPT_HEADERDATA, this);
}

std::size_t Post::discard(const char* /*bytes*/, std::size_t size, std::size_t count, void* post) {
  auto* const self = static_cast<Post*>(post);
  self->read_ += size * count;
  return self->read_ > kMostRead ? 0 : size * count;  // less than it was given: libcurl ends it
}

Reply Post::reply(CURLcode end) const {
  long status = 0;
  curl_off_t wait = 0;
  curl().easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl().easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &wait);
  // A status is an answer, also where the rest of it breaks off or is too long: to send again what
  // was acknowledged would deliver it twice.
  if (end != CURLE_OK && status < 200) {
    return {.status = 0,
            .retry_after = {},
            .trouble = error_.front() != 0 ? error_.data() : curl().easy_strerror(end)};
  }
  return {.status = status,
          .retry_after = std::clamp(std::chrono::seconds(wait), {}, kLongestWait),
          .trouble = {}};
}

Status send_once(const Destination& to, const std::string& authorization, std::string body,
                 const Limits& limits) {
  const Post post(to, authorization, std::move(body), limits);
  if (post.handle() == nullptr) return fail(Errc::Internal, "push: libcurl has no memory");
  const Reply reply = post.reply(curl().easy_perform(post.handle()));
  if (outcome_of(reply, to.backend) == Outcome::Delivered) return {};
  return fail(Errc::Internal, fmt::format("push to {}: {}", to.shown, text_of(reply)));
}

}  // namespace jtrace::push
