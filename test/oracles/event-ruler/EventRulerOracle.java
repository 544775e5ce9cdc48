import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import software.amazon.event.ruler.Machine;

/**
 * Answers which rules match which events. Each line of the input is {"rules": {name: pattern}, "events": [...]}; each line of the
 * output {"refused": {name: why}, "matches": [[name, ...] for each event]}. With "rounds", the events are matched that many times
 * as texts, and the line holds {"count": matches, "seconds": time, "rate": events in a second} instead.
 */
public final class EventRulerOracle {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws Exception {
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream output = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      output.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
      output.flush();
    }
  }

  private static Map<String, Object> answer(JsonNode question) throws Exception {
    Machine machine = Machine.builder().build();
    Map<String, String> refused = new java.util.TreeMap<>();
    Iterator<Map.Entry<String, JsonNode>> rules = question.get("rules").fields();
    while (rules.hasNext()) {
      Map.Entry<String, JsonNode> rule = rules.next();
      try {
        machine.addRule(rule.getKey(), rule.getValue().toString());
      } catch (Exception thrown) {
        refused.put(rule.getKey(), String.valueOf(thrown.getMessage()));
      }
    }
    List<String> events = new ArrayList<>();
    for (JsonNode event : question.get("events")) events.add(event.toString());
    if (question.has("rounds")) return measure(machine, events, question.get("rounds").asInt());
    List<List<String>> matches = new ArrayList<>();
    for (String event : events) {
      List<String> names = new ArrayList<>(machine.rulesForJSONEvent(event));
      Collections.sort(names);
      matches.add(names);
    }
    return Map.of("refused", refused, "matches", matches);
  }

  private static Map<String, Object> measure(Machine machine, List<String> events, int rounds) throws Exception {
    long count = 0;
    // The first rounds warm the machine up and are not counted.
    for (int round = 0; round < rounds; round++) for (String event : events) machine.rulesForJSONEvent(event);
    long started = System.nanoTime();
    for (int round = 0; round < rounds; round++) {
      for (String event : events) count += machine.rulesForJSONEvent(event).size();
    }
    double seconds = (System.nanoTime() - started) / 1e9;
    return Map.of("count", count, "seconds", seconds, "rate", rounds * events.size() / seconds);
  }
}
