#include "replicator/config_diff.h"

#include <map>
#include <set>
#include <utility>

#include "replicator/config.h"
#include "replicator/config_listing.h"
#include "schemas/cluster_schema.h"

namespace ha::replicator {
namespace {

constexpr std::string_view kSet = "set.";

Result<ConfigDocument> read(const NamedConfig& config) {
  ConfigProblems problems;
  ConfigDocument document = ConfigDocument::load(config.name, config.text, cluster_schema(), problems);
  if (problems.errors() > 0) {
    return Error(Code::Invalid, problems.sorted().front().line());
  }
  return document;
}

std::string set_of(const std::string& key) {
  return key.starts_with(kSet) ? key.substr(kSet.size(), key.rfind('.') - kSet.size()) : std::string();
}

void compare_sets(const ConfigDocument& here, const ConfigDocument& there, ConfigComparison& out) {
  const auto first = set_definitions(here);
  const auto second = set_definitions(there);
  std::set<std::string> names;
  for (const auto* side : {&first, &second}) {
    for (const auto& [name, definition] : *side) {
      names.insert(name);
    }
  }
  for (const std::string& name : names) {
    const auto a = first.find(name);
    const auto b = second.find(name);
    if (a == first.end() || b == second.end() || a->second != b->second) {
      out.sets.push_back(name);
    }
  }
}

}  // namespace

Result<ConfigComparison> compare_configs(const NamedConfig& here, const NamedConfig& there) {
  HA_TRY(const ConfigDocument first, read(here));
  HA_TRY(const ConfigDocument second, read(there));
  std::map<std::string, std::string> others;
  for (Config::Effective& value : cluster_values(second)) {
    others[value.key] = std::move(value.value);
  }
  ConfigComparison out;
  for (const Config::Effective& value : cluster_values(first)) {
    const auto found = others.find(value.key);
    if (found == others.end()) {
      out.differences.push_back({set_of(value.key), value.key, value.value, std::nullopt});
    } else {
      if (found->second != value.value) {
        out.differences.push_back({set_of(value.key), value.key, value.value, found->second});
      }
      others.erase(found);
    }
  }
  for (const auto& [key, value] : others) {
    out.differences.push_back({set_of(key), key, std::nullopt, value});
  }
  compare_sets(first, second, out);
  return out;
}

}  // namespace ha::replicator
