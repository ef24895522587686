// SPDX-License-Identifier: Apache-2.0
// What a process gives up before it parses what a target wrote.
#pragma once

namespace jtrace::helper {

// Of the memory and time of this process, for ever: 1.5 GiB of addresses, 5 s of CPU, no file to
// write, no process to start, no core dump.
void limit_resources();

// Every capability, the user (nobody, where it was root), and every system call but those that read
// open files, take memory and answer. False where some of it was refused and could matter: then
// nothing hostile is to be parsed.
[[nodiscard]] bool give_up_rights();

}  // namespace jtrace::helper
