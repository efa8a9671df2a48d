// The files of a site as pairing reads and writes them: cluster.toml, node.toml and the key file.
//
// What is there is never lost: a key is never overwritten, a configuration is replaced as a whole or not at
// all, and a cluster.toml that differs is kept beside as cluster.toml.old. Thread safety: plain functions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/wire/curve.h"
#include "replicator/config.h"
#include "tools/hareplicate/pair_codec.h"

namespace ha::tool {

// cluster.toml and the node.toml beside it, as Config::parse wants them; NotFound when there is no
// cluster.toml.
[[nodiscard]] Result<replicator::ConfigTexts> read_config_texts(const std::filesystem::path& cluster_file);
// A cluster.toml that somebody has named, which need not be right. Invalid with `hint` when there is none.
[[nodiscard]] Result<std::string> read_candidate(const std::string& file, const std::string& hint);

// Replaces or makes a file in a directory that exists; an old one's owner and mode stay, a new one has 0644.
// A symbolic link is followed. Denied with the file's name when it cannot be written.
[[nodiscard]] Status replace_config(const std::filesystem::path& file, BytesView text);
// Whether replace_config() has a chance; the same error.
[[nodiscard]] Status check_writable(const std::filesystem::path& file);

// Refused while a pushed cluster.toml is on trial here: what is written into it now would be lost when it
// goes back.
[[nodiscard]] Status check_no_trial(const replicator::Config& config);

// What a machine has before it joins.
struct JoinPlace {
  std::filesystem::path directory;
  std::filesystem::path cluster_file;
  std::filesystem::path node_file;
  std::filesystem::path key_file;
  std::optional<std::string> cluster;
  std::string cluster_id;  // of `cluster`
  std::string member_as;   // the site in `cluster` that has this machine's key; empty: none
  std::optional<std::string> node;
  std::string node_site;  // what node.toml says; may be empty
  std::optional<wire::PublicKey> key;
};
// Reads only. Refused when a file is there that cannot be understood.
[[nodiscard]] Result<JoinPlace> look_at_place(const std::filesystem::path& directory);
// Refused when this place is that of another site than `site`.
[[nodiscard]] Status check_place(const JoinPlace& place, const std::string& site);
// The key pair, made now when there is none; `made` says so. Makes the directory, too.
struct PlaceKey {
  wire::KeyPair pair;
  bool made = false;
};
[[nodiscard]] Result<PlaceKey> key_of_place(const JoinPlace& place);

// The configuration that `welcome` gives this machine, checked as if it were loaded: Invalid or Corrupt when
// it is not good for it.
struct JoinFiles {
  std::string cluster;
  std::string node;
  replicator::Config config;
};
[[nodiscard]] Result<JoinFiles> files_for(const JoinPlace& place, const PairWelcome& welcome,
                                          const wire::PublicKey& key);
// Writes what differs; cluster.toml first, so that a node.toml never names a site that is not there. True:
// something was different.
[[nodiscard]] Result<bool> store_files(const JoinPlace& place, const JoinFiles& files);

}  // namespace ha::tool
