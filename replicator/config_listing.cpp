#include "replicator/config_listing.h"

#include <algorithm>
#include <array>
#include <optional>

namespace ha::replicator {
namespace {

constexpr std::array<std::string_view, 4> kInherited{"check", "walk", "settle", "publish"};

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

// The table that `table` is in, if that one repeats.
std::optional<std::string_view> repeating_outer(const ConfigSchema& schema, std::string_view table) {
  const std::size_t dot = table.rfind('.');
  for (const ConfigTable& outer : schema.tables) {
    if (dot != std::string_view::npos && outer.repeats && outer.name == table.substr(0, dot)) {
      return outer.name;
    }
  }
  return std::nullopt;
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
    if (repeating_outer(schema, inner.name) == table.name) {
      for (std::size_t i = 0; i < cluster.sections(inner.name).size(); ++i) {
        text += cluster.sections(inner.name)[i].outer() == number ? text_of(cluster, inner, i) : "";
      }
    }
  }
  return text;
}

class Lister {
 public:
  explicit Lister(std::vector<Config::Effective>& out) : out_(out) {}

  void add(const ConfigSchema& schema, std::string_view table, const std::string& prefix,
           const ConfigSection& section, std::string_view key) {
    for (const ConfigSection::Named& named : section.values()) {
      if (named.name == key) {
        out_.push_back({prefix.empty() ? named.name : prefix + "." + named.name,
                        write_config_value(describe(schema, table, key), named.value.data),
                        named.value.is_default ? "default" : named.value.place.text()});
      }
    }
  }

  void add_all(const ConfigSchema& schema, std::string_view table, const std::string& prefix,
               const ConfigSection& section) {
    for (const ConfigSection::Named& named : section.values()) {
      add(schema, table, prefix, section, named.name);
    }
  }

 private:
  std::vector<Config::Effective>& out_;
};

}  // namespace

const ConfigSection& set_or_defaults(const ConfigSection& set, const ConfigSection& defaults,
                                     std::string_view key) {
  return set.has(key) ? set : defaults;
}

std::string canonical_text(const ConfigDocument& cluster) {
  const ConfigSchema& schema = cluster_schema();
  std::string out;
  for (const ConfigTable& table : schema.tables) {
    if (repeating_outer(schema, table.name)) {
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
  std::vector<Config::Effective> out;
  Lister lister(out);
  const ConfigSchema& schema = cluster_schema();
  for (const ConfigTable& table : schema.tables) {
    const std::string name(table.name);
    for (const ConfigSection& section : cluster.sections(table.name)) {
      lister.add_all(schema, table.name, table.repeats ? name + "." + label(section, table.name) : name,
                     section);
    }
  }
  return out;
}

std::vector<Config::Effective> effective_values(const ConfigDocument& cluster, const ConfigDocument& node) {
  std::vector<Config::Effective> out;
  Lister lister(out);
  const ConfigSchema& schema = cluster_schema();
  for (const ConfigTable& table : schema.tables) {
    const std::string name(table.name);
    for (const ConfigSection& section : cluster.sections(table.name)) {
      const auto outer = repeating_outer(schema, table.name);
      const std::string prefix = outer ? std::string(*outer) + "." +
                                             label(cluster.sections(*outer)[section.outer()], *outer) +
                                             name.substr(outer->size())
                                 : table.repeats ? name + "." + label(section, table.name)
                                                 : name;
      lister.add_all(schema, table.name, prefix, section);
      if (name == "set") {
        const ConfigSection& defaults = cluster.section("set_defaults");
        for (const std::string_view key : kInherited) {
          if (!section.has(key)) {
            lister.add(schema, "set_defaults", prefix, defaults, key);
          }
        }
      }
    }
  }
  lister.add_all(node_schema(), "", "node", node.section(""));
  return out;
}

}  // namespace ha::replicator
