// What sites say to each other about cluster.toml itself: docs/config-push.md.
//
// One question and one answer on a connection of its own, so that it works whatever sets and links do. Values
// only; config_codec.h turns them into bytes. Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::replicator {

enum class ConfigVerb : std::uint8_t {
  State = 1,    // what is in force, what is on trial, how are the links
  Text = 2,     // cluster.toml as it is in force
  Prepare = 3,  // could this one be taken? If so, remember it
  Apply = 4,    // take what was prepared, on trial
  Confirm = 5,  // keep it
  Undo = 6,     // go back now
  Cancel = 7,   // forget what was prepared
};

struct ConfigQuestion {
  ConfigVerb verb = ConfigVerb::State;
  std::string id = {};
  std::string user = {};
  std::string text = {};
  Duration limit{};
  bool dry_run = false;
  std::vector<std::string> sites = {};
};

struct ConfigTrialFacts {
  std::string id;
  std::string site;
  std::string user;
  Duration left{};
  bool applied = false;
  std::vector<std::string> sites;
};

struct ConfigLinkFacts {
  std::string peer;
  bool up = false;
  bool equal = false;
  std::string reason;
};

struct ConfigAnswer {
  std::optional<Error> error = {};
  std::string site = {};
  std::string digest = {};
  std::string text = {};
  std::vector<std::string> notes = {};
  std::optional<ConfigTrialFacts> trial = {};
  std::vector<ConfigLinkFacts> links = {};
  std::string last = {};
  bool settled = false;  // what stands in cluster.toml is in force
};

inline constexpr std::size_t kConfigTextBytesMax = 1 << 20;
inline constexpr std::size_t kConfigSitesMax = 256;
inline constexpr std::size_t kConfigNotesMax = 64;
inline constexpr std::size_t kConfigWordBytesMax = 256;  // ids and names

}  // namespace ha::replicator
