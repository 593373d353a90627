// Starts a Neo4j community server inside this program, on a free loopback port and in a temporary directory, and either stays until it is
// stopped or carries out what it is told. Nothing of Cubelog is Java; this is here for tests and demos.

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.driver.AuthTokens;
import org.neo4j.driver.Driver;
import org.neo4j.driver.GraphDatabase;
import org.neo4j.driver.Record;
import org.neo4j.driver.Result;
import org.neo4j.driver.Session;
import org.neo4j.driver.Value;
import org.neo4j.harness.Neo4j;
import org.neo4j.harness.Neo4jBuilders;

public class Server {
  /** Arguments: the working directory, the folder that LOAD CSV reads from, and what to do (see {@link #carryOut}). */
  public static void main(String[] arguments) throws Exception {
    var builder = Neo4jBuilders.newInProcessBuilder(Path.of(arguments[0])).withDisabledServer()
        .withConfig(GraphDatabaseSettings.load_csv_file_url_root, Path.of(arguments[1]).toAbsolutePath());
    try (Neo4j neo4j = builder.build()) {
      if (arguments.length == 2) {
        System.out.println("CUBELOG_NEO4J_BOLT=" + neo4j.boltURI());
        System.out.flush();
        Thread.sleep(Long.MAX_VALUE);
      }
      try (Driver driver = GraphDatabase.driver(neo4j.boltURI(), AuthTokens.none()); Session session = driver.session()) {
        for (int at = 2; at < arguments.length; at++) {
          carryOut(session, arguments[at]);
        }
      }
    }
  }

  /** `=QUERY` prints the answer, `>FILE QUERY` writes it to a file, both as CSV; anything else is a file of statements to run. */
  private static void carryOut(Session session, String told) throws Exception {
    if (told.startsWith("=")) {
      System.out.print(csv(session.run(told.substring(1))));
    } else if (told.startsWith(">")) {
      int space = told.indexOf(' ');
      Files.writeString(Path.of(told.substring(1, space)), csv(session.run(told.substring(space + 1))));
    } else {
      runFile(session, Path.of(told));
    }
  }

  /** Statements end with a semicolon at the end of a line. */
  private static void runFile(Session session, Path file) throws Exception {
    StringBuilder statement = new StringBuilder();
    for (String line : Files.readString(file).split("\n")) {
      if (statement.length() == 0 && (line.isBlank() || line.startsWith("//"))) {
        continue;
      }
      statement.append(line).append('\n');
      if (line.endsWith(";")) {
        session.run(statement.substring(0, statement.lastIndexOf(";"))).consume();
        statement.setLength(0);
      }
    }
    if (!statement.isEmpty()) {
      throw new IllegalStateException(file + " ends within a statement");
    }
  }

  private static String csv(Result result) {
    StringBuilder text = new StringBuilder(String.join(",", result.keys())).append('\n');
    for (Record row : result.list()) {
      List<String> fields = new ArrayList<>();
      for (Value value : row.values()) {
        fields.add(field(value));
      }
      text.append(String.join(",", fields)).append('\n');
    }
    return text.toString();
  }

  private static String field(Value value) {
    if (value.isNull()) {
      return "";
    }
    String text = value.hasType(org.neo4j.driver.types.TypeSystem.getDefault().LIST())
        ? String.join(";", value.asList(Value::asString))
        : value.asObject().toString();
    return '"' + text.replace("\\", "\\\\").replace("\"", "\"\"") + '"';
  }
}
