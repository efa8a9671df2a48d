// Every key of cluster.toml and node.toml: type, range, default, and what it is for. All programs read the
// same files, so that all know all keys; what keys mean together is checked by the program that uses them
// (replicator/config.h, dnsupdater/config.h).
//
// Static tables, made at compile time. Reference for people: docs/man/cluster.toml.5, which a test compares.
// Thread safety: constants.
#pragma once

#include "common/base/config.h"

namespace ha {

[[nodiscard]] const ConfigSchema& cluster_schema() noexcept;
[[nodiscard]] const ConfigSchema& node_schema() noexcept;

}  // namespace ha
