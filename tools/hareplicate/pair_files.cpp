#include "tools/hareplicate/pair_files.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/bytes.h"
#include "common/sys/process.h"
#include "common/sys/replace.h"
#include "schemas/cluster_schema.h"
#include "tools/hareplicate/key_file.h"
#include "tools/hareplicate/site_edit.h"

namespace ha::tool {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNodeBytesMax = replicator::kConfigBytesMax;
constexpr mode_t kNewMode = 0644;
constexpr std::string_view kNewNode =
    "# What differs on this host; cluster.toml(5) has every key.\n"
    "accept_config = false   # true: other sites may replace cluster.toml here, which has paths and "
    "commands\n";

// Where a path leads; the path itself when that cannot be said.
fs::path followed(const fs::path& file) {
  std::error_code error;
  fs::path out = fs::weakly_canonical(file, error);
  return error ? file : out;
}

std::string directory_of(const fs::path& file) {
  const std::string parent = file.parent_path().string();
  return parent.empty() ? "." : parent;
}

// Nothing when the file is not there.
Result<std::optional<std::string>> read_if_there(const fs::path& file) {
  auto text = sys::read_kept(file.string(), replicator::kConfigBytesMax);
  if (!text.ok() && text.error().code() == Code::NotFound) {
    return std::optional<std::string>();
  }
  HA_TRY(std::string kept, std::move(text));
  return std::optional<std::string>(std::move(kept));
}

Error explained(Error error, const fs::path& file) {
  const std::string name = escape(file.string());
  const bool rights = error.code() == Code::Denied;
  const std::string folder = escape(directory_of(file));
  return Error(rights ? Code::Denied : Code::Refused, name + " cannot be written: " + error.what(),
               !rights            ? "df -h " + folder + "      (make room), then the same command again"
               : ::geteuid() == 0 ? "findmnt -T " + folder + "      (is it mounted read-only?)"
                                  : "the same command as root, with sudo in front");
}

Error unreadable(const fs::path& file, const std::string& why) {
  return Error(
      Code::Refused, escape(file.string()) + " is there, and it is not good: " + why,
      "correct it, or move it away: mv " + escape(file.string()) + " " + escape(file.string()) + ".old");
}

std::string first_error(const ConfigProblems& problems) {
  for (const ConfigProblem& problem : problems.sorted()) {
    if (problem.is_error) {
      return problem.line();
    }
  }
  return "it does not parse";
}

Status look_at_cluster(JoinPlace& place) {
  HA_TRY(place.cluster, read_if_there(place.cluster_file));
  if (!place.cluster) {
    return ok();
  }
  ConfigProblems problems;
  const auto document =
      ConfigDocument::load(place.cluster_file.string(), *place.cluster, cluster_schema(), problems);
  if (problems.errors() > 0) {
    return unreadable(place.cluster_file, first_error(problems));
  }
  place.cluster_id = document.section("cluster").text("id");
  for (const ConfigSection& site : document.sections("site")) {
    if (place.key && (site.text("key") == place.key->z85() || site.text("next_key") == place.key->z85())) {
      place.member_as = site.text("name");
    }
  }
  return ok();
}

Status look_at_node(JoinPlace& place) {
  HA_TRY(place.node, read_if_there(place.node_file));
  ConfigProblems problems;
  const auto document =
      ConfigDocument::load(place.node_file.string(), place.node.value_or(""), node_schema(), problems);
  if (problems.errors() > 0) {
    return unreadable(place.node_file, first_error(problems));
  }
  const ConfigSection& top = document.section("");
  place.node_site = top.text("site");
  place.key_file = (place.directory / top.text("secret_key_file")).lexically_normal();
  return ok();
}

}  // namespace

Result<replicator::ConfigTexts> read_config_texts(const fs::path& cluster_file) {
  replicator::ConfigTexts texts;
  texts.cluster_file = cluster_file;
  texts.node_file = cluster_file.parent_path() / "node.toml";
  texts.host_name = sys::short_host_name();
  HA_TRY(auto cluster, read_if_there(texts.cluster_file));
  if (!cluster) {
    return Error(Code::NotFound, escape(cluster_file.string()) + " does not exist",
                 "hareplicate help first-hour      (how a site gets its configuration)");
  }
  texts.cluster = std::move(*cluster);
  HA_TRY(texts.node, read_if_there(texts.node_file));
  return texts;
}

Result<std::string> read_candidate(const std::string& file, const std::string& hint) {
  auto text = sys::read_kept(file, replicator::kConfigBytesMax);
  if (!text.ok() && text.error().code() != Code::Denied) {
    return Error(Code::Invalid, text.error().what(), hint);
  }
  HA_TRY(std::string kept, std::move(text));
  return kept;
}

Status check_writable(const fs::path& file) {
  const std::string directory = directory_of(followed(file));
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return explained(errno_error("its directory " + escape(directory), errno), file);
  }
  return ok();
}

Status replace_config(const fs::path& file, BytesView text) {
  auto written = sys::replace_kept(file.string(), text, kNewMode);
  return written.ok() ? ok() : Status(explained(std::move(written).error(), file));
}

Status check_no_trial(const replicator::Config& config) {
  std::error_code ignored;
  if (!fs::exists(config.state_dir() / replicator::kTrialFile, ignored)) {
    return ok();
  }
  return Error(Code::Refused,
               "a pushed cluster.toml is on trial here: what is changed now would be lost with it",
               "hareplicate config confirm, or hareplicate config undo; then again");
}

Result<JoinPlace> look_at_place(const fs::path& directory) {
  std::error_code ignored;
  fs::path there = directory;  // what exists of it
  while (!fs::exists(there, ignored) && there.has_relative_path()) {
    there = there.parent_path();
  }
  if (!there.empty() && !fs::is_directory(there, ignored)) {
    return Error(Code::Invalid, escape(there.string()) + " is not a directory",
                 "--config-dir /etc/hareplicate");
  }
  JoinPlace place;
  place.directory = directory;
  place.cluster_file = directory / "cluster.toml";
  place.node_file = directory / "node.toml";
  HA_CHECK(look_at_node(place));
  auto key = public_key_of(place.key_file.string());
  if (key.ok()) {
    place.key = *key;
  } else if (key.error().code() != Code::NotFound) {
    const bool rights = key.error().code() == Code::Denied;
    return rights ? std::move(key).error().hinted("the same command as root, with sudo in front")
                  : std::move(key).error();
  }
  HA_CHECK(look_at_cluster(place));
  return place;
}

Status check_place(const JoinPlace& place, const std::string& site) {
  const std::string there = "join runs on the new machine; is this the right one?";
  if (!place.member_as.empty() && place.member_as != site) {
    return Error(
        Code::Refused,
        "this machine is site " + place.member_as + " already, with this key; the invitation is for " + site,
        there + " If so, a copied disk: mv " + escape(place.directory.string()) + " " +
            escape(place.directory.string()) + ".old, and join again");
  }
  if (!place.node_site.empty() && place.node_site != site) {
    return Error(Code::Refused,
                 escape(place.node_file.string()) + " says that this machine is site " +
                     escape(place.node_site) + "; the invitation is for " + site,
                 there + " If so, take site = out of that file");
  }
  return ok();
}

Result<PlaceKey> key_of_place(const JoinPlace& place) {
  std::error_code error;
  fs::create_directories(place.directory, error);
  if (error) {
    return explained(errno_error("cannot make " + escape(place.directory.string()), error.value()),
                     place.cluster_file);
  }
  HA_CHECK(check_writable(place.cluster_file));
  if (!place.key) {
    auto made = make_key_file(place.key_file.string());
    if (!made.ok()) {
      return explained(std::move(made).error(), place.key_file);
    }
  }
  HA_TRY(wire::KeyPair pair, key_pair_of(place.key_file.string()));
  return PlaceKey{std::move(pair), !place.key};
}

Result<JoinFiles> files_for(const JoinPlace& place, const PairWelcome& welcome, const wire::PublicKey& key) {
  const std::string node = !place.node_site.empty()
                               ? *place.node
                               : set_node_site(place.node.value_or(std::string(kNewNode)), welcome.site);
  ConfigProblems problems;
  auto config = replicator::Config::parse(
      {place.cluster_file, welcome.cluster_toml, place.node_file, node, sys::short_host_name()}, problems);
  if (!config.ok()) {
    return Error(Code::Invalid,
                 "the configuration that came does not fit this machine: " + first_error(problems),
                 "nothing was written; at " + escape(welcome.inviter) + ": hareplicate config check");
  }
  if (config->self().name != welcome.site || !config->self().has_key(key.z85()) ||
      config->cluster_id() != welcome.cluster_id || node.size() > kNodeBytesMax) {
    return Error(Code::Corrupt,
                 "the configuration that came is not for this machine: it has no site \"" +
                     escape(welcome.site) + "\" with this key",
                 "nothing was written; at " + escape(welcome.inviter) + ": hareplicate config show");
  }
  if (place.cluster && place.cluster_id != welcome.cluster_id) {
    return Error(
        Code::Refused, escape(place.cluster_file.string()) + " is that of another cluster",
        "mv " + escape(place.cluster_file.string()) + " " + escape(place.cluster_file.string()) + ".old");
  }
  return JoinFiles{welcome.cluster_toml, node, std::move(config).value()};
}

Result<bool> store_files(const JoinPlace& place, const JoinFiles& files) {
  bool changed = false;
  if (place.cluster != files.cluster) {
    if (place.cluster) {
      HA_CHECK(replace_config(place.cluster_file.string() + ".old", *place.cluster));
    }
    HA_CHECK(replace_config(place.cluster_file, files.cluster));
    changed = true;
  }
  if (place.node != files.node) {
    HA_CHECK(replace_config(place.node_file, files.node));
    changed = true;
  }
  return changed;
}

}  // namespace ha::tool
