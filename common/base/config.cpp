#include "common/base/config.h"

#include <algorithm>
#include <tuple>

namespace ha {
namespace {

std::string plural(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

}  // namespace

std::string ConfigPlace::text() const {
  return line == 0 ? file : file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

std::string ConfigProblem::line() const {
  return place.text() + (is_error ? ": error: " : ": warning: ") + text;
}

void ConfigProblems::error(ConfigPlace place, std::string text) {
  problems_.push_back({std::move(place), true, std::move(text)});
  ++errors_;
}

void ConfigProblems::warning(ConfigPlace place, std::string text) {
  problems_.push_back({std::move(place), false, std::move(text)});
}

void ConfigProblems::add(const ConfigProblems& other) {
  problems_.insert(problems_.end(), other.problems_.begin(), other.problems_.end());
  errors_ += other.errors_;
}

std::vector<ConfigProblem> ConfigProblems::sorted() const {
  std::vector<std::string> files;
  const auto rank = [&files](const std::string& file) {
    return std::find(files.begin(), files.end(), file) - files.begin();
  };
  for (const ConfigProblem& problem : problems_) {
    if (rank(problem.place.file) == static_cast<std::ptrdiff_t>(files.size())) {
      files.push_back(problem.place.file);
    }
  }
  std::vector<ConfigProblem> out = problems_;
  std::stable_sort(out.begin(), out.end(), [&](const ConfigProblem& a, const ConfigProblem& b) {
    return std::tuple(rank(a.place.file), a.place.line, a.place.column) <
           std::tuple(rank(b.place.file), b.place.line, b.place.column);
  });
  return out;
}

std::string ConfigProblems::text() const {
  std::string out;
  for (const ConfigProblem& problem : sorted()) {
    out += problem.line() + "\n";
  }
  if (!problems_.empty()) {
    out += plural(errors(), "error") + ", " + plural(warnings(), "warning") + ".\n";
  }
  return out;
}

ConfigSection::ConfigSection(const ConfigSchema& schema, std::string_view table, ConfigPlace place)
    : schema_(schema), table_(table), place_(std::move(place)) {}

const ConfigPlace& ConfigSection::place(std::string_view key) const {
  const ConfigValue* value = find(key);
  return value != nullptr && !value->is_default ? value->place : place_;
}

const ConfigValue* ConfigSection::find(std::string_view key) const {
  const auto found =
      std::find_if(values_.begin(), values_.end(), [&](const Named& named) { return named.name == key; });
  return found != values_.end() ? &found->value : nullptr;
}

const ConfigKey* ConfigSection::describe(std::string_view key) const {
  const auto found = std::find_if(schema_.keys.begin(), schema_.keys.end(), [&](const ConfigKey& known) {
    return known.table == table_ && known.name == key;
  });
  return found != schema_.keys.end() ? &*found : nullptr;
}

Status ConfigSection::replace(std::string_view key, const ConfigData& written, ConfigPlace place) {
  const ConfigKey* known = describe(key);
  HA_ASSERT(known != nullptr);
  HA_TRY(ConfigData data, check_config_value(*known, written));
  ConfigValue value{std::move(data), std::move(place), false};
  const auto found =
      std::find_if(values_.begin(), values_.end(), [&](const Named& named) { return named.name == key; });
  if (found != values_.end()) {
    found->value = std::move(value);
  } else {
    values_.push_back({std::string(key), std::move(value)});
  }
  return ok();
}

std::vector<ConfigSection>& ConfigDocument::sections(std::string_view table) {
  const auto found = std::find_if(tables_.begin(), tables_.end(),
                                  [&](const Tables& tables) { return tables.name == table; });
  HA_ASSERT(found != tables_.end());  // a table that the schema does not have
  return found->sections;
}

const std::vector<ConfigSection>& ConfigDocument::sections(std::string_view table) const {
  return const_cast<ConfigDocument*>(this)->sections(table);
}

ConfigSection& ConfigDocument::section(std::string_view table) {
  std::vector<ConfigSection>& all = sections(table);
  HA_ASSERT(all.size() == 1);  // only for tables that do not repeat
  return all.front();
}

const ConfigSection& ConfigDocument::section(std::string_view table) const {
  return const_cast<ConfigDocument*>(this)->section(table);
}

std::string config_reference(const ConfigSchema& schema) {
  std::string out;
  for (const ConfigTable& table : schema.tables) {
    if (!table.name.empty()) {
      const std::string name(table.name);
      out += (out.empty() ? "" : "\n") + (table.repeats ? "[[" + name + "]]" : "[" + name + "]") + "\n    " +
             std::string(table.doc) + "\n";
    }
    for (const ConfigKey& key : schema.keys) {
      if (key.table != table.name) {
        continue;
      }
      out += std::string(key.name) + "  (" + std::string(config_type_name(key.type));
      out += key.range.empty() ? "" : ", " + std::string(key.range);
      out += key.fallback == kRequired ? ", required"
             : key.fallback.empty()    ? ", optional"
                                       : ", default " + std::string(key.fallback);
      out += ")\n    " + std::string(key.doc) + "\n";
    }
  }
  return out;
}

}  // namespace ha
