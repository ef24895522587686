// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace jtrace::session {

// While one is alive, the first SIGINT, SIGTERM or SIGHUP only asks the run to end, and a second
// one ends the program wherever it is: 130 for SIGINT. SIGHUP stays ignored where it was (nohup).
// At most one at a time.
class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  [[nodiscard]] static bool requested();
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
