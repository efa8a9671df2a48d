// The walk of a document along its schema.
#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/config_raw.h"
#include "common/base/suggest.h"

namespace ha {

const RawNode* RawTable::find(std::string_view key) const {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [&](const RawNode& node) { return node.key == key; });
  return found != nodes.end() ? &*found : nullptr;
}

class ConfigLoader {
 public:
  ConfigLoader(ConfigDocument& document, const ConfigSchema& schema, ConfigProblems& problems)
      : document_(document), schema_(schema), problems_(problems) {}

  void load_document(const RawTable& raw) {
    const ConfigTable* top = nullptr;
    for (const ConfigTable& table : schema_.tables) {
      document_.tables_.push_back({std::string(table.name), {}});
      top = table.name.empty() ? &table : top;
    }
    HA_ASSERT(top != nullptr);  // every schema describes the top of its file
    load(raw, *top);
    add_missing_tables();
  }

 private:
  void load(const RawTable& raw, const ConfigTable& table) {
    ConfigSection section(schema_, table.name, raw.place);
    // What a table is in is added after it.
    if (const ConfigTable* outer = find_table(table.name.substr(0, table.name.rfind('.'))); outer != &table) {
      section.outer_ = outer != nullptr ? document_.sections(outer->name).size() : 0;
    }
    const std::string about = describe(raw, table);
    for (const RawNode& node : raw.nodes) {
      load_node(node, table, about, section);
    }
    add_defaults(raw, about, section);
    document_.sections(table.name).push_back(std::move(section));
  }

  // Tables that do not repeat exist even if the file does not have them.
  void add_missing_tables() {
    for (const ConfigTable& table : schema_.tables) {
      if (!table.repeats && document_.sections(table.name).empty()) {
        load(RawTable{ConfigPlace{document_.file_, 0, 0}, {}}, table);
      }
    }
  }

  // `set "etc": `, `link: `, or nothing at the top.
  static std::string describe(const RawTable& raw, const ConfigTable& table) {
    const std::string name(table.name);
    const RawNode* named = raw.find("name");
    const auto* data = named != nullptr ? std::get_if<ConfigData>(&named->value) : nullptr;
    const auto* text = data != nullptr ? std::get_if<std::string>(data) : nullptr;
    if (table.repeats && text != nullptr) {
      return name + " \"" + escape(*text) + "\": ";
    }
    return name.empty() ? name : name + ": ";
  }

  void load_node(const RawNode& node, const ConfigTable& table, const std::string& about,
                 ConfigSection& section) {
    const std::string full = table.name.empty() ? node.key : std::string(table.name) + "." + node.key;
    if (const ConfigTable* inner = find_table(full)) {
      load_table(node, *inner);
      return;
    }
    const ConfigKey* key = section.describe(node.key);
    if (key == nullptr && table.open) {
      load_loose(node, about, section);
      return;
    }
    if (key == nullptr) {
      report_unknown(node, table, full, about);
      return;
    }
    const auto* written = std::get_if<ConfigData>(&node.value);
    if (written == nullptr) {
      problems_.error(node.value_place,
                      about + node.key + " must be " + with_article(key->type) + ", not " + kind_of(node));
      return;
    }
    auto data = check_config_value(*key, *written);
    if (!data) {
      problems_.error(node.value_place, about + data.error().what());
      return;
    }
    section.values_.push_back({node.key, {std::move(data).value(), node.value_place, false}});
  }

  void load_table(const RawNode& node, const ConfigTable& table) {
    const std::string name(table.name);
    if (const auto* one = std::get_if<RawTable>(&node.value)) {
      if (table.repeats) {
        problems_.error(node.key_place,
                        "[" + name + "] may be there more than once — write [[" + name + "]]");
        return;
      }
      load(*one, table);
      return;
    }
    if (const auto* many = std::get_if<std::vector<RawTable>>(&node.value)) {
      if (!table.repeats) {
        problems_.error(node.key_place, "[[" + name + "]] is there only once — write [" + name + "]");
        return;
      }
      for (const RawTable& each : *many) {
        load(each, table);
      }
      return;
    }
    problems_.error(node.key_place, name + " is a table — write " +
                                        (table.repeats ? "[[" + name + "]]" : "[" + name + "]") +
                                        " on a line of its own");
  }

  void load_loose(const RawNode& node, const std::string& about, ConfigSection& section) {
    if (const auto* written = std::get_if<ConfigData>(&node.value)) {
      section.loose_.push_back({node.key, {*written, node.value_place, false}});
      return;
    }
    problems_.error(node.key_place, about + in_quotes(node.key) + " must have one value, not " +
                                        kind_of(node) + " — put the dotted key in quotes");
  }

  void report_unknown(const RawNode& node, const ConfigTable& table, const std::string& full,
                      const std::string& about) {
    const bool is_table = !std::holds_alternative<ConfigData>(node.value);
    for (const ConfigLater& later : schema_.later) {
      if ((later.table == table.name && later.key == node.key) ||
          (later.table == full && later.key.empty())) {
        problems_.error(node.key_place,
                        about + in_quotes(node.key) + " is not supported by this version — remove it");
        return;
      }
    }
    std::vector<std::string> known;
    for (const ConfigKey& key : schema_.keys) {
      if (key.table == table.name) {
        known.emplace_back(key.name);
      }
    }
    const std::string prefix = table.name.empty() ? "" : std::string(table.name) + ".";
    for (const ConfigTable& inner : schema_.tables) {
      if (inner.name.size() > prefix.size() && inner.name.starts_with(prefix)) {
        known.emplace_back(inner.name.substr(prefix.size()));
      }
    }
    std::string advice = did_you_mean(node.key, known);
    if (advice.empty()) {
      for (const std::string& word : known) {
        advice += (advice.empty() ? " — known: " : ", ") + word;
      }
    }
    problems_.error(node.key_place, about + (is_table ? "unknown table \"" : "unknown key \"") +
                                        escape(node.key) + "\"" + advice);
  }

  void add_defaults(const RawTable& raw, const std::string& about, ConfigSection& section) {
    std::vector<ConfigSection::Named> ordered;
    for (const ConfigKey& key : schema_.keys) {
      if (key.table != section.table_) {
        continue;
      }
      if (const ConfigValue* given = section.find(key.name)) {
        ordered.push_back({std::string(key.name), *given});
      } else if (raw.find(key.name) == nullptr && key.fallback == kRequired) {
        problems_.error(section.place_,
                        about + "\"" + std::string(key.name) + "\" is missing — " + std::string(key.doc));
      } else if (key.fallback != kRequired) {
        add_default(key, ordered);
      }
    }
    section.values_ = std::move(ordered);
  }

  void add_default(const ConfigKey& key, std::vector<ConfigSection::Named>& values) {
    ConfigData written = std::string(key.fallback);
    if (key.type == ConfigType::TextList) {
      written = std::vector<std::string>();
    } else if (key.fallback.empty()) {
      return;
    } else if (key.type == ConfigType::Boolean) {
      written = key.fallback == "true";
    } else if (key.type == ConfigType::Integer) {
      written = static_cast<std::int64_t>(std::stoll(std::string(key.fallback)));
    }
    auto data = check_config_value(key, written);
    HA_ASSERT(data.ok());  // a schema's default is ours
    values.push_back({std::string(key.name), {std::move(data).value(), {document_.file_, 0, 0}, true}});
  }

  const ConfigTable* find_table(std::string_view name) const {
    const auto found =
        std::find_if(schema_.tables.begin(), schema_.tables.end(),
                     [&](const ConfigTable& table) { return !table.name.empty() && table.name == name; });
    return found != schema_.tables.end() ? &*found : nullptr;
  }

  static std::string with_article(ConfigType type) {
    const std::string name(config_type_name(type));
    return (type == ConfigType::Integer ? "an " : type == ConfigType::Boolean ? "" : "a ") + name;
  }

  static std::string kind_of(const RawNode& node) {
    const auto* other = std::get_if<RawOther>(&node.value);
    return other != nullptr ? other->type : "a table";
  }

  ConfigDocument& document_;
  const ConfigSchema& schema_;
  ConfigProblems& problems_;
};

ConfigDocument ConfigDocument::load(const std::string& file, std::string_view text,
                                    const ConfigSchema& schema, ConfigProblems& problems) {
  ConfigDocument document;
  document.file_ = file;
  if (const std::optional<RawTable> raw = parse_toml(file, text, problems)) {
    ConfigLoader(document, schema, problems).load_document(*raw);
    return document;
  }
  // Nothing was read: the sections are there, and what they lack is not worth a message each.
  ConfigProblems ignored;
  ConfigLoader(document, schema, ignored).load_document(RawTable{ConfigPlace{file, 0, 0}, {}});
  return document;
}

}  // namespace ha
