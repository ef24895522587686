// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace jtrace::session {

// While one is alive, the first SIGINT, SIGTERM or SIGHUP only asks the run to end, and a second
// one ends the program wherever it is: 130 for SIGINT. SIGHUP stays ignored where it was (nohup).
// At most one at a time.
class StopSignals {
 public:
  // What SIGHUP asks for: the end, or what hung_up() tells of.
  enum class Hangup { Ends, IsTold };
  explicit StopSignals(Hangup hangup = Hangup::Ends);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  [[nodiscard]] static bool requested();
  // Whether SIGHUP came since it was asked last.
  [[nodiscard]] static bool hung_up();
  // Becomes readable with each signal, until it is read; -1 where there is no such file.
  [[nodiscard]] static int wake_fd();
};

// While one is alive, no signal ends the program between two steps that belong together: it ends
// with the holder. Work that takes long asks wanted() meanwhile.
class HeldSignals {
 public:
  HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals();

  // A signal waits that would have ended the program.
  [[nodiscard]] static bool wanted();
};

}  // namespace jtrace::session
