// What the arbiter keeps for a service, as the coordinator knows it; the same for every kind of arbiter.
//
// Values only. Not here: how an arbiter writes it (failover/lease), what it means for this site (sight.h).
// Thread safety: values. Source: docs/failover.md, "The record as the coordinator sees it".
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"

namespace ha::failover {

// How far a record is. Every change raises it: the epoch, or within an epoch seq.
struct Version {
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;

  auto operator<=>(const Version&) const = default;
};

enum class Hold {
  Own,
  Drain,  // held, no new calls wanted
  Free,
};

// What its owner keeps in it beside itself.
struct Terms {
  std::optional<Digest> config;       // of the configuration from which ranks come
  std::vector<std::string> eligible;  // by name; empty: every site of the service

  bool operator==(const Terms&) const = default;
};

struct Record {
  std::string owner;  // empty exactly if it is free
  Version version;
  Hold hold = Hold::Free;
  Terms terms;

  bool operator==(const Record&) const = default;
};

}  // namespace ha::failover
