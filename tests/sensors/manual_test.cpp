// docs/sensors.md against the table of kinds: its last part is exactly what the table says.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "failover/sensors/registry.h"

namespace ha::failover {
namespace {

std::string level(const SensorKind& kind, std::string_view text) {
  return text.empty() ? "" : (kind.worse == Worse::Above ? "≥ " : "≤ ") + std::string(text);
}

std::string row(const SensorKind& kind) {
  std::ostringstream out;
  out << "| `" << kind.name << "` | " << kind.doc << " | " << kind.every << ", " << kind.timeout << " | "
      << kind.weight << " | " << kind.rise << " | " << level(kind, kind.warn) << " | "
      << level(kind, kind.trip) << " | " << (kind.when == CountsWhen::Serving ? "serving" : "always")
      << " |\n";
  return out.str();
}

std::string option_row(const ConfigKey& key) {
  std::ostringstream out;
  out << "`" << key.name << "` | " << config_type_name(key.type) << (key.range.empty() ? "" : " ")
      << key.range << " | " << (key.fallback == kRequired ? "required" : key.fallback) << " | " << key.doc
      << " |\n";
  std::string text = out.str();
  const std::string range(key.range);
  for (std::size_t bar = range.find('|'); bar != range.npos; bar = range.find('|', bar + 1)) {
    text.replace(text.find(range.substr(bar - 2, 5)) + 2, 1, ", ");  // a bar would end the cell
  }
  return text;
}

// Options that several kinds have stand there once.
std::string options() {
  std::vector<std::pair<std::string, std::string>> rows;  // whose, and the rest
  for (const SensorKind& kind : sensor_kinds()) {
    const std::string name = "`" + std::string(kind.name) + "`";
    for (const ConfigKey& key : kind.options) {
      const std::string rest = option_row(key);
      const auto known =
          std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.second == rest; });
      if (known == rows.end()) {
        rows.emplace_back(name, rest);
      } else {
        known->first += ", " + name;
      }
    }
  }
  std::string out;
  for (const auto& [whose, rest] : rows) {
    out += "| " + whose + " | " + rest;
  }
  return out;
}

std::string reference() {
  std::string out =
      "| kind | measures | every, timeout | weight | rise | warn | trip | when "
      "|\n|---|---|---|---|---|---|---|---|\n";
  for (const SensorKind& kind : sensor_kinds()) {
    out += row(kind);
  }
  return out + "\n| kinds | option | type | default | means |\n|---|---|---|---|---|\n" + options();
}

BOOST_AUTO_TEST_SUITE(sensors_manual)

BOOST_AUTO_TEST_CASE(every_kind_and_option_is_in_the_page_as_it_is) {
  std::ifstream file(std::string(HA_DOCS_DIR) + "/sensors.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::size_t at = text.str().find("| kind | measures");
  BOOST_REQUIRE(at != std::string::npos);
  const std::string wanted = reference();
  BOOST_CHECK_MESSAGE(text.str().substr(at) == wanted, "docs/sensors.md should end with:\n" << wanted);
}

BOOST_AUTO_TEST_CASE(keys_of_all_kinds_are_in_the_page) {
  std::ifstream file(std::string(HA_DOCS_DIR) + "/sensors.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const ConfigKey& key : sensor_keys()) {
    BOOST_TEST((text.str().find("`" + std::string(key.name) + "`") != std::string::npos), key.name);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
