// SPDX-License-Identifier: Apache-2.0
#include "serve/metrics_text.h"

#include <gtest/gtest.h>

namespace jtrace::serve {
namespace {

TEST(MetricsText, ValuesAndLabels) {
  EXPECT_EQ(
      metrics_text({{"a_total", "Of a.", Family::Kind::Counter, {{{}, 12345678901234}}},
                    {"b", "Of b.", Family::Kind::Gauge, {{{{"x", "1"}}, 0.25}, {{{"x", "2"}}, -1}}},
                    {"none", "Of none.", Family::Kind::Gauge, {}}}),
      "# HELP a_total Of a.\n# TYPE a_total counter\na_total 12345678901234\n"
      "# HELP b Of b.\n# TYPE b gauge\nb{x=\"1\"} 0.25\nb{x=\"2\"} -1\n");
}

TEST(MetricsText, NoLabelEndsItsLine) {
  EXPECT_EQ(metrics_text({{"a", "A.", Family::Kind::Gauge, {{{{"x", "\"\\\n}"}, {"y", ""}}, 1}}}}),
            "# HELP a A.\n# TYPE a gauge\na{x=\"\\\"\\\\\\n}\",y=\"\"} 1\n");
}

}  // namespace
}  // namespace jtrace::serve
