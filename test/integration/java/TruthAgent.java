// SPDX-License-Identifier: Apache-2.0
package truth;

import java.lang.instrument.ClassDefinition;
import java.lang.instrument.Instrumentation;
import java.nio.charset.StandardCharsets;

/** A java.lang.instrument agent that gives a class other code: -javaagent:truth-agent.jar. */
public final class TruthAgent {
  private static volatile Instrumentation instrumentation;

  public static void premain(String arguments, Instrumentation given) { instrumentation = given; }

  /** Defines the class again, with `version` in the place of the text "version-A" in it. */
  static void redefine(Class<?> type, String version) throws Exception {
    byte[] code = TruthLoader.bytes(type.getName());
    String text = new String(code, StandardCharsets.ISO_8859_1).replace("version-A", version);
    instrumentation.redefineClasses(
        new ClassDefinition(type, text.getBytes(StandardCharsets.ISO_8859_1)));
  }

  private TruthAgent() {}
}
