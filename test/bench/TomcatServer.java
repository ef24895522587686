// SPDX-License-Identifier: Apache-2.0
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.FileInputStream;
import java.io.IOException;
import java.util.concurrent.atomic.LongAdder;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;

/**
 * A Tomcat on a free port of the loopback, with a servlet that opens and sends a file at each request.
 * Prints its port, then for each line of standard input how many files it has opened.
 */
public final class TomcatServer {
  static final LongAdder OPENED = new LongAdder();

  public static void main(String[] words) throws Exception {
    Tomcat tomcat = new Tomcat();
    tomcat.setBaseDir(words[0]);
    tomcat.setPort(0);
    tomcat.getConnector().setProperty("address", "127.0.0.1");
    Context context = tomcat.addContext("", words[0]);
    Tomcat.addServlet(context, "open", new OpenServlet());
    context.addServletMappingDecoded("/", "open");
    tomcat.start();
    System.out.println(tomcat.getConnector().getLocalPort());
    while (System.in.read() >= 0) System.out.println(OPENED.sum());
    System.exit(0);
  }
}

final class OpenServlet extends HttpServlet {
  private static final long serialVersionUID = 1;

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    response.setContentType("text/plain");
    try (FileInputStream in = new FileInputStream("/etc/hostname")) {
      TomcatServer.OPENED.increment();
      in.transferTo(response.getOutputStream());
    }
  }
}
