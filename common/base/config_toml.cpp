#include <algorithm>

#include <toml++/toml.h>

#include "common/base/bytes.h"
#include "common/base/config_raw.h"

namespace ha {
namespace {

ConfigPlace place_of(const std::string& file, const toml::source_region& region) {
  return {file, region.begin.line, region.begin.column};
}

RawTable convert_table(const std::string& file, const toml::table& table);

std::string type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::date:
      return "a date";
    case toml::node_type::time:
      return "a time";
    case toml::node_type::date_time:
      return "a date and time";
    case toml::node_type::array:
      return "a list that is not of strings";
    case toml::node_type::none:
    case toml::node_type::table:
    case toml::node_type::string:
    case toml::node_type::integer:
    case toml::node_type::floating_point:
    case toml::node_type::boolean:
      break;
  }
  return "a value";
}

decltype(RawNode::value) convert_array(const std::string& file, const toml::array& array) {
  if (!array.empty() && array.is_homogeneous<toml::table>()) {
    std::vector<RawTable> tables;
    for (const toml::node& element : array) {
      tables.push_back(convert_table(file, *element.as_table()));
    }
    return tables;
  }
  std::vector<std::string> texts;
  for (const toml::node& element : array) {
    if (!element.is_string()) {
      return RawOther{type_name(array)};
    }
    texts.push_back(element.as_string()->get());
  }
  return ConfigData(std::move(texts));
}

decltype(RawNode::value) convert(const std::string& file, const toml::node& node) {
  if (const toml::table* table = node.as_table()) {
    return convert_table(file, *table);
  }
  if (const toml::array* array = node.as_array()) {
    return convert_array(file, *array);
  }
  if (const auto* text = node.as_string()) {
    return ConfigData(text->get());
  }
  if (const auto* number = node.as_integer()) {
    return ConfigData(number->get());
  }
  if (const auto* number = node.as_floating_point()) {
    return ConfigData(number->get());
  }
  if (const auto* flag = node.as_boolean()) {
    return ConfigData(flag->get());
  }
  return RawOther{type_name(node)};
}

bool earlier(const RawNode& a, const RawNode& b) {
  return std::pair(a.key_place.line, a.key_place.column) < std::pair(b.key_place.line, b.key_place.column);
}

RawTable convert_table(const std::string& file, const toml::table& table) {
  RawTable out;
  out.place = place_of(file, table.source());
  for (const auto& [key, node] : table) {
    out.nodes.push_back(RawNode{std::string(key.str()), place_of(file, key.source()),
                                place_of(file, node.source()), convert(file, node)});
  }
  // toml++ keeps keys by name; problems are easier to follow in the order of the file.
  std::sort(out.nodes.begin(), out.nodes.end(), earlier);
  return out;
}

}  // namespace

std::optional<RawTable> parse_toml(const std::string& file, std::string_view text, ConfigProblems& problems) {
  try {
    return convert_table(file, toml::parse(text, std::string_view(file)));
  } catch (const toml::parse_error& error) {
    problems.error(place_of(file, error.source()), "not TOML: " + escape(error.description()));
  } catch (const std::exception& error) {
    problems.error({file, 0, 0}, std::string("cannot be read: ") + error.what());
  }
  return std::nullopt;
}

}  // namespace ha
