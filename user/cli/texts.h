// SPDX-License-Identifier: Apache-2.0
// What is made from the option table for people and shells.
#pragma once

#include <string>
#include <string_view>

namespace jtrace::cli {

// `formats` are the words of -o: "html, collapsed, text". They are the exporters' to name.
[[nodiscard]] std::string help_text(std::string_view formats);
[[nodiscard]] std::string version_text();

// jtrace(8) in man(7) macros.
[[nodiscard]] std::string man_page(std::string_view formats);

// Completion for bash; needs no bash-completion helpers.
[[nodiscard]] std::string bash_completion(std::string_view formats);
[[nodiscard]] std::string zsh_completion(std::string_view formats);
[[nodiscard]] std::string fish_completion(std::string_view formats);

}  // namespace jtrace::cli
