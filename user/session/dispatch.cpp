// SPDX-License-Identifier: Apache-2.0
#include "session/dispatch.h"

#include <utility>

#include "session/convert.h"
#include "session/doctor.h"
#include "session/list.h"
#include "session/output.h"

namespace jtrace::session {

Result<int> dispatch(const cli::Options& options, Reread reread) {
  using Action = cli::Options::Action;
  switch (options.action) {
    case Action::Trace:
      return run(options, std::move(reread));
    case Action::List:
      return run_list(options);
    case Action::Doctor:
      return run_doctor(options);
    case Action::Help:
    case Action::Version:
    case Action::PrintConfig:
      JT_CHECK_OK(write_standard_output(options.text));
      return 0;
    case Action::Convert:
      return run_convert(options);
    case Action::Diff:
      return run_diff(options);
  }
  return fail(Errc::Internal, "no such action");
}

}  // namespace jtrace::session
