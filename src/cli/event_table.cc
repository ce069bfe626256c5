#include "cli/event_table.h"

#include <nlohmann/json.hpp>

#include "cli/text.h"

namespace slipway::cli {

Table EventTable(const Json& items, Clock& clock) {
  Table table({"AGE", "RESOURCE", "REASON", "BY", "MESSAGE"});
  for (const Json& item : items) {
    std::string name = TextAt(item, "/kind") + "/" + TextAt(item, "/name");
    table.Add({FormatAge(TextAt(item, "/time"), clock), name, TextAt(item, "/reason"),
               TextAt(item, "/actor"), TextAt(item, "/message")});
  }
  return table;
}

}  // namespace slipway::cli
