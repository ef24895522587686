// SPDX-License-Identifier: Apache-2.0
// What is answered to whom, without a socket.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/windows.h"

namespace jtrace::serve {

// As it came, headers empty where there is none.
struct Request {
  std::string method = {};
  std::string path = {};
  std::map<std::string, std::string> query = {};
  std::string host = {};
  std::string authorization = {};
  std::string cookie = {};
};

struct Reply {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool watches = false;  // it is of the window that goes on: who traces is to renew that
};

class Site {
 public:
  struct Keys {
    std::string token;   // empty: all may look
    std::string secret;  // of the cookie that stands for it, so that no browser keeps the token
    std::string name;    // of this machine
  };
  Site(const Windows& windows, const std::string& metrics, Keys keys)
      : windows_(windows), metrics_(metrics), keys_(std::move(keys)) {}

  enum class Part { All, Metrics };
  [[nodiscard]] Reply answer(const Request& request, Part part) const;

 private:
  [[nodiscard]] bool may_look(const Request& request) const;
  [[nodiscard]] std::optional<Reply> let_in(const Request& request) const;
  [[nodiscard]] Reply route(const Request& request) const;
  [[nodiscard]] Reply window(const Request& request) const;
  [[nodiscard]] Reply shown(const Request& request, const Span& span) const;
  [[nodiscard]] Reply merged(const Request& request) const;
  [[nodiscard]] Reply difference(const Request& request) const;

  const Windows& windows_;
  const std::string& metrics_;
  Keys keys_;
};

// The page around the flame graphs; made from assets/.
[[nodiscard]] std::string_view windows_page();

}  // namespace jtrace::serve
