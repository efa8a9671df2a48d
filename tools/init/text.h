// The plan as cluster.toml and node.toml, with a comment for everything that an operator has to know.
//
// Pure: values in, text out. What this version does not read stands in comments: `# key = value` can be
// enabled by removing the "# ", `# later:` is for versions to come. No text of ours or of the PBX's can break
// out of a comment or a string. Source: replicator/config_schema.cpp, conf/cluster.toml.
#pragma once

#include <string>
#include <string_view>

#include "tools/init/plan.h"

namespace ha::init {

struct Identity {
  std::string cluster_name;
  std::string cluster_id;
  std::string site;
  std::string address;       // "tcp://host:port"
  std::string address_from;  // a sentence: where it comes from
  std::string key;           // CURVE public key, Z85
  std::string key_from;      // a sentence
  std::string when;          // "2026-11-20 04:04:11 +01:00"
  std::string root;          // of --root; empty for "/"
};

[[nodiscard]] std::string cluster_toml(const Plan& plan, const Identity& identity);
[[nodiscard]] std::string node_toml(const Identity& identity);

// A name for a site from a host's name: a-z 0-9 - _, beginning with a letter or digit; "site1" if nothing of
// it can be used.
[[nodiscard]] std::string site_name_of(std::string_view host);

// As a TOML basic string, with its quotes.
[[nodiscard]] std::string toml_quote(std::string_view text);

}  // namespace ha::init
