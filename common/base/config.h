// Strict TOML behind a table of keys.
//
// A program describes its file in a ConfigSchema (constexpr: tables, keys with type, range, default and one
// sentence). ConfigDocument::load() checks a text against it and collects every problem, not only the first,
// each with file:line:column. The same table makes the reference pages and `config show --origin`.
//
// Not here: relations between keys and what they mean; the owner of the schema checks those and adds to the
// same ConfigProblems. Not TOML itself: that is toml++, in config.cpp alone. A text that is not TOML at all
// gives one problem, where the parser stopped.
// Thread safety: plain values, no globals. Source: TOML 1.0.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha {

struct ConfigPlace {
  std::string file;
  std::size_t line = 0;    // from 1; 0: the file as a whole, or a default
  std::size_t column = 0;  // from 1

  // "cluster.toml:74:13"; only the file when there is no line.
  [[nodiscard]] std::string text() const;
};

struct ConfigProblem {
  ConfigPlace place;
  bool is_error = true;  // else a warning
  std::string text;      // what, and after a dash or semicolon what to do next

  // "cluster.toml:74:13: error: set \"etc\": …"
  [[nodiscard]] std::string line() const;
};

class ConfigProblems {
 public:
  void error(ConfigPlace place, std::string text);
  void warning(ConfigPlace place, std::string text);
  void add(const ConfigProblems& other);

  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
  [[nodiscard]] std::size_t warnings() const noexcept { return problems_.size() - errors_; }
  // In the order of the files: by file as first seen, then line and column.
  [[nodiscard]] std::vector<ConfigProblem> sorted() const;
  // Every problem on its line, and a last line that counts them; empty when there is none.
  [[nodiscard]] std::string text() const;

 private:
  std::vector<ConfigProblem> problems_;
  std::size_t errors_ = 0;
};

enum class ConfigType { Text, Integer, Boolean, Span, Size, Rate, Percent, TextList, Choice };
// "text", "integer", "duration", …, as the reference page says it.
[[nodiscard]] std::string_view config_type_name(ConfigType type) noexcept;

struct ConfigKey {
  std::string_view table;  // ConfigTable::name
  std::string_view name;
  ConfigType type;
  // "1..16", "1s..24h" (both ends count, written in the key's own unit), "file|set" for a Choice; or empty.
  std::string_view range;
  // As it would be written, without quotes ("16MB", "file"); kRequired: the key must be there; empty:
  // optional and absent. A TextList's default is always the empty list.
  std::string_view fallback;
  std::string_view doc;  // one sentence
};
inline constexpr std::string_view kRequired = "(required)";

struct ConfigTable {
  std::string_view name;  // "" is the top of the file; "site"; "link.peer"
  bool repeats = false;   // [[name]]
  bool open = false;      // any further key, each a single value: see ConfigSection::loose()
  std::string_view doc;   // one sentence
};

// A key or table that a later version reads: refused here with words of its own. A key of "" is the table.
struct ConfigLater {
  std::string_view table;
  std::string_view key;
};

struct ConfigSchema {
  std::span<const ConfigTable> tables;
  std::span<const ConfigKey> keys;
  std::span<const ConfigLater> later;
};

// Size and Rate are std::uint64_t; Percent is double; Choice is std::string.
using ConfigData =
    std::variant<std::string, std::int64_t, bool, Duration, std::uint64_t, double, std::vector<std::string>>;

struct ConfigValue {
  ConfigData data;
  ConfigPlace place;  // of the value; for a default: the schema's file name and line 0
  bool is_default = false;
};

// Checks one value as it is written (a string, integer, boolean, floating or list of strings) against its
// key: type, unit, range. Errors: Invalid, a text such as `interval = "5 minutes" — use "5m"`.
[[nodiscard]] Result<ConfigData> check_config_value(const ConfigKey& key, const ConfigData& written);
// As it would stand in the file: `"16MB"`, `4`, `["a", "b"]`.
[[nodiscard]] std::string write_config_value(const ConfigKey& key, const ConfigData& data);

// One table of the document. Getters take a key of the schema with that type, anything else is our own bug. A
// key that is absent or was wrong gives an empty value, so that the owner's checks can go on after errors.
class ConfigSection {
 public:
  ConfigSection(const ConfigSchema& schema, std::string_view table, ConfigPlace place);

  [[nodiscard]] const ConfigPlace& place() const noexcept { return place_; }
  // Of the value, or of the section when the key is absent.
  [[nodiscard]] const ConfigPlace& place(std::string_view key) const;
  // Given in the file and right, or defaulted.
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  // Of a table within a [[table]]: which of those it is in, from 0.
  [[nodiscard]] std::size_t outer() const noexcept { return outer_; }

  [[nodiscard]] std::string text(std::string_view key) const { return get<std::string>(key); }
  [[nodiscard]] std::int64_t integer(std::string_view key) const { return get<std::int64_t>(key); }
  [[nodiscard]] bool flag(std::string_view key) const { return get<bool>(key); }
  [[nodiscard]] Duration duration(std::string_view key) const { return get<Duration>(key); }
  [[nodiscard]] std::uint64_t bytes(std::string_view key) const { return get<std::uint64_t>(key); }
  [[nodiscard]] double percent(std::string_view key) const { return get<double>(key); }
  [[nodiscard]] std::vector<std::string> list(std::string_view key) const {
    return get<std::vector<std::string>>(key);
  }

  struct Named {
    std::string name;
    ConfigValue value;
  };
  // The keys of an open table that the schema does not have, as they were written, in the order of the file.
  [[nodiscard]] const std::vector<Named>& loose() const noexcept { return loose_; }
  // Every value in force, in the order of the schema.
  [[nodiscard]] const std::vector<Named>& values() const noexcept { return values_; }

  // Replaces a value, e.g. by a node's own; it is checked as if it stood here.
  [[nodiscard]] Status replace(std::string_view key, const ConfigData& written, ConfigPlace place);

 private:
  friend class ConfigLoader;

  [[nodiscard]] const ConfigValue* find(std::string_view key) const;
  [[nodiscard]] const ConfigKey* describe(std::string_view key) const;
  template <typename T>
  [[nodiscard]] T get(std::string_view key) const {
    const ConfigValue* value = find(key);
    HA_ASSERT(value != nullptr || describe(key) != nullptr);
    return value != nullptr ? std::get<T>(value->data) : T{};
  }

  ConfigSchema schema_;
  std::string table_;
  ConfigPlace place_;
  std::size_t outer_ = 0;
  std::vector<Named> values_;
  std::vector<Named> loose_;
};

class ConfigDocument {
 public:
  // Reads `text` as `file`. What is wrong goes to `problems`; the document then holds what was right. The
  // schema's arrays must be static.
  [[nodiscard]] static ConfigDocument load(const std::string& file, std::string_view text,
                                           const ConfigSchema& schema, ConfigProblems& problems);

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  // A table that does not repeat: always there, with its defaults if the file has none.
  [[nodiscard]] ConfigSection& section(std::string_view table);
  [[nodiscard]] const ConfigSection& section(std::string_view table) const;
  // The tables of a [[name]], in the order of the file.
  [[nodiscard]] std::vector<ConfigSection>& sections(std::string_view table);
  [[nodiscard]] const std::vector<ConfigSection>& sections(std::string_view table) const;

 private:
  friend class ConfigLoader;

  struct Tables {
    std::string name;
    std::vector<ConfigSection> sections;
  };
  std::string file_;
  std::vector<Tables> tables_;
};

// The reference of every table and key, as text: for man pages and the test that compares them.
[[nodiscard]] std::string config_reference(const ConfigSchema& schema);

}  // namespace ha
