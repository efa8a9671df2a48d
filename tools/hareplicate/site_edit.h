// Edits of configuration files as text: adds a site to cluster.toml, changes its keys, names it
// in node.toml.
//
// Nothing else changes: comments, order and spacing stay. Whether the result is right is for the caller to
// find out (Config::parse). Thread safety: plain functions. Pure. Source: docs/pairing.md, "The edit".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace ha::tool {

struct NewSite {
  std::string name;
  std::vector<std::string> addresses;
  std::string key;                    // Z85
  std::vector<std::string> services;  // whose `sites` get the name at their end
  std::string comment;                // beside the block's header, one line
};

// Invalid when the file has no [[site]], a service is not there, or its sites are written in a way that this
// cannot extend; the hint says what to add by hand.
[[nodiscard]] Result<std::string> add_site(const std::string& cluster_file, std::string_view text,
                                           const NewSite& site);

// Gives the site of that name this key and, unless that is empty, this next_key. Invalid when there is no
// such site, or its key is written in a way that this cannot replace.
[[nodiscard]] Result<std::string> change_site_keys(const std::string& cluster_file, std::string_view text,
                                                   std::string_view site, std::string_view key,
                                                   std::string_view next_key);

// node.toml with `site = "NAME"` in its first line, after the comments it begins with. The text has no such
// key yet.
[[nodiscard]] std::string set_node_site(std::string_view node, std::string_view name);

}  // namespace ha::tool
