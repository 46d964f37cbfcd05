import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import org.apache.flume.Event;
import org.apache.flume.EventDeliveryException;
import org.apache.flume.api.RpcClient;
import org.apache.flume.api.RpcClientConfigurationConstants;
import org.apache.flume.api.RpcClientFactory;
import org.apache.flume.event.EventBuilder;

/**
 * Load for avro or thrift sources by Flume's own clients. Each line "PORT BATCH SECONDS" on stdin is a run, for which each thread
 * opens a client of its own and sends one batch after the other; each run prints one JSON line. All runs are of one process, so
 * that who is measured later has no warmer client. Ends with stdin, or when anything is not delivered.
 */
public class RpcBench {
  public static void main(String[] argv) {
    int status = 1;
    try {
      Args a = new Args(argv);
      String protocol = a.get("protocol", "avro");
      int threads = a.num("threads", 1), size = a.num("size", 512);
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
      for (String line; (line = in.readLine()) != null;) {
        String[] run = line.trim().split(" ");
        run(protocol, threads, size, Integer.parseInt(run[0]), Integer.parseInt(run[1]), Double.parseDouble(run[2]));
      }
      status = 0;
    } catch (Throwable e) {
      e.printStackTrace();
    }
    System.exit(status); // the clients' own threads would keep the process alive
  }

  static void run(String protocol, int threads, int size, int port, int batch, double seconds) throws Exception {
    Properties p = new Properties();
    p.setProperty("client.type", protocol.equals("thrift") ? "thrift" : "default");
    p.setProperty("hosts", "h1");
    p.setProperty("hosts.h1", "127.0.0.1:" + port);
    p.setProperty(RpcClientConfigurationConstants.CONFIG_BATCH_SIZE, Integer.toString(batch));
    byte[] body = new byte[size];
    Arrays.fill(body, (byte) 'x');
    List<Event> events = Collections.nCopies(batch, EventBuilder.withBody(body));

    Sender[] senders = new Sender[threads];
    for (int i = 0; i < threads; i++) {
      senders[i] = new Sender(RpcClientFactory.getInstance(p), events);
    }
    long cpu0 = Args.cpu(), t0 = System.nanoTime();
    for (Sender s : senders) {
      s.until = t0 + (long) (seconds * 1e9);
      s.start();
    }
    long sent = 0;
    for (Sender s : senders) {
      s.join();
      s.client.close();
      sent += s.sent;
      if (s.failure != null) {
        throw s.failure;
      }
    }
    double secs = (System.nanoTime() - t0) / 1e9;
    long[] ns = Arrays.stream(senders).flatMapToLong(s -> Arrays.stream(s.ns, 0, s.sent)).sorted().toArray();
    System.out.printf(Locale.ROOT,
        "{\"protocol\":\"%s\",\"threads\":%d,\"batch\":%d,\"events\":%d,\"seconds\":%.3f,\"batch_ms_p50\":%.3f,"
            + "\"batch_ms_p99\":%.3f,\"client_cpu_s\":%.2f}%n",
        protocol, threads, batch, sent * batch, secs, ns[ns.length / 2] / 1e6, ns[(int) (ns.length * 0.99)] / 1e6,
        (Args.cpu() - cpu0) / 1e9);
    System.out.flush();
  }

  static class Sender extends Thread {
    final RpcClient client;
    final List<Event> events;
    long until;
    int sent;
    /** How long each batch took. */
    long[] ns = new long[1024];
    EventDeliveryException failure;

    Sender(RpcClient client, List<Event> events) {
      this.client = client;
      this.events = events;
    }

    @Override
    public void run() {
      try {
        for (long begun = System.nanoTime(), ended; begun < until; begun = ended) {
          if (events.size() == 1) {
            client.append(events.get(0));
          } else {
            client.appendBatch(events);
          }
          ended = System.nanoTime();
          if (sent == ns.length) {
            ns = Arrays.copyOf(ns, sent * 2);
          }
          ns[sent++] = ended - begun;
        }
      } catch (EventDeliveryException e) {
        failure = e;
      }
    }
  }
}
