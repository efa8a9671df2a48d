#include "replicator/config_listing.h"

#include <algorithm>
#include <utility>

#include "schemas/cluster_schema.h"

namespace ha::replicator {
namespace {

const ConfigKey& describe(const ConfigSchema& schema, std::string_view table, std::string_view key) {
  const auto found = std::find_if(schema.keys.begin(), schema.keys.end(), [&](const ConfigKey& one) {
    return one.table == table && one.name == key;
  });
  HA_ASSERT(found != schema.keys.end());
  return *found;
}

// What distinguishes one [[table]] from the next.
std::string label(const ConfigSection& section, std::string_view table) {
  if (table == "link.peer") {
    std::vector<std::string> ends = section.list("between");
    std::sort(ends.begin(), ends.end());
    std::string out;
    for (const std::string& end : ends) {
      out += (out.empty() ? "" : "-") + end;
    }
    return out;
  }
  if (table == "overlay") {
    return section.text("site") + "." + section.text("set") + "." + section.text("file");
  }
  return section.text("name");
}

// The table that `table` is in, if that one repeats; else null.
const ConfigTable* repeating_outer(const ConfigSchema& schema, std::string_view table) {
  const std::size_t dot = table.rfind('.');
  for (const ConfigTable& outer : schema.tables) {
    if (dot != std::string_view::npos && outer.repeats && outer.name == table.substr(0, dot)) {
      return &outer;
    }
  }
  return nullptr;
}

// A section as text, and after it, in their order, those of the tables within it.
std::string text_of(const ConfigDocument& cluster, const ConfigTable& table, std::size_t number) {
  const ConfigSchema& schema = cluster_schema();
  std::string text = "[" + std::string(table.name) + "]\n";
  for (const ConfigSection::Named& named : cluster.sections(table.name)[number].values()) {
    text += named.name + " = " +
            write_config_value(describe(schema, table.name, named.name), named.value.data) + "\n";
  }
  for (const ConfigTable& inner : schema.tables) {
    if (repeating_outer(schema, inner.name) == &table) {
      for (std::size_t i = 0; i < cluster.sections(inner.name).size(); ++i) {
        text += cluster.sections(inner.name)[i].outer() == number ? text_of(cluster, inner, i) : "";
      }
    }
  }
  return text;
}

// By section of `table`: what its keys begin with, "set.etc" or "overlay.fra1.etc.sip.conf.replace[2]". One
// that is there again has its number.
std::vector<std::string> prefixes_of(const ConfigDocument& cluster, const ConfigTable& table) {
  const ConfigSchema& schema = cluster_schema();
  const std::string name(table.name);
  const ConfigTable* outer = repeating_outer(schema, table.name);
  std::vector<std::string> before;
  if (outer != nullptr) {
    before = prefixes_of(cluster, *outer);
  }
  std::map<std::string, std::size_t> seen;
  std::vector<std::string> out;
  for (const ConfigSection& section : cluster.sections(table.name)) {
    std::string prefix = outer != nullptr ? before[section.outer()] + name.substr(outer->name.size())
                         : table.repeats  ? name + "." + label(section, table.name)
                                          : name;
    const std::size_t number = ++seen[prefix];
    prefix += number == 1 ? "" : "[" + std::to_string(number) + "]";
    out.push_back(std::move(prefix));
  }
  return out;
}

void add_value(const ConfigSchema& schema, std::string_view table, const std::string& prefix,
               const ConfigSection::Named& named, std::vector<Config::Effective>& out) {
  out.push_back({prefix.empty() ? named.name : prefix + "." + named.name,
                 write_config_value(describe(schema, table, named.name), named.value.data),
                 named.value.is_default ? "default" : named.value.place.text()});
}

enum class Inherited { Left, Listed };

std::vector<Config::Effective> list_values(const ConfigDocument& cluster, Inherited inherited) {
  std::vector<Config::Effective> out;
  const ConfigSchema& schema = cluster_schema();
  for (const ConfigTable& table : schema.tables) {
    const std::vector<std::string> prefixes = prefixes_of(cluster, table);
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      const ConfigSection& section = cluster.sections(table.name)[i];
      for (const ConfigSection::Named& named : section.values()) {
        add_value(schema, table.name, prefixes[i], named, out);
      }
      if (inherited == Inherited::Left || table.name != "set") {
        continue;
      }
      for (const ConfigSection::Named& named : cluster.section("set_defaults").values()) {
        if (!section.has(named.name)) {
          add_value(schema, "set_defaults", prefixes[i], named, out);
        }
      }
    }
  }
  return out;
}

}  // namespace

const ConfigSection& set_or_defaults(const ConfigSection& set, const ConfigSection& defaults,
                                     std::string_view key) {
  return set.has(key) ? set : defaults;
}

std::string canonical_text(const ConfigDocument& cluster) {
  const ConfigSchema& schema = cluster_schema();
  std::string out;
  for (const ConfigTable& table : schema.tables) {
    if (repeating_outer(schema, table.name) != nullptr) {
      continue;
    }
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < cluster.sections(table.name).size(); ++i) {
      texts.push_back(text_of(cluster, table, i));
    }
    if (table.name != "overlay") {  // the order of overlays counts
      std::sort(texts.begin(), texts.end());
    }
    for (const std::string& text : texts) {
      out += text;
    }
  }
  return out;
}

std::map<std::string, std::string> set_definitions(const ConfigDocument& cluster) {
  const ConfigSchema& schema = cluster_schema();
  const ConfigSection& defaults = cluster.section("set_defaults");
  std::map<std::string, std::string> out;
  for (const ConfigSection& set : cluster.sections("set")) {
    std::string& text = out[set.text("name")];
    for (const ConfigKey& key : schema.keys) {
      // Who sends it, and at which turn, is not what it is.
      if (key.table != "set" || key.name == "service" || key.name == "author" || key.name == "epoch") {
        continue;
      }
      const bool inherits =
          !set.has(key.name) &&
          std::any_of(defaults.values().begin(), defaults.values().end(),
                      [&](const ConfigSection::Named& each) { return each.name == key.name; });
      for (const ConfigSection::Named& named : (inherits ? defaults : set).values()) {
        if (named.name == key.name) {
          text += named.name + " = " + write_config_value(key, named.value.data) + "\n";
        }
      }
    }
  }
  return out;
}

std::vector<Config::Effective> cluster_values(const ConfigDocument& cluster) {
  return list_values(cluster, Inherited::Left);
}

std::vector<Config::Effective> effective_values(const ConfigDocument& cluster, const ConfigDocument& node) {
  std::vector<Config::Effective> out = list_values(cluster, Inherited::Listed);
  for (const ConfigSection::Named& named : node.section("").values()) {
    add_value(node_schema(), "", "node", named, out);
  }
  return out;
}

}  // namespace ha::replicator
