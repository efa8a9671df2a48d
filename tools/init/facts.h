// What `hareplicate init` has seen on a machine, as values: for the planner and the writer, which are pure.
//
// A Wish is a tree that this kind of PBX has according to its configuration; a Seen is what became of it on
// this machine. Nothing here holds a password, and nothing may be added that does.
// Thread safety: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ha::init {

enum class Pbx { Asterisk, FreeSwitch, FreePbx };

struct Option {
  std::string key;
  std::string value;      // as TOML
  std::string why;        // one sentence, without its full stop
  bool proposed = false;  // written as a comment, to be enabled by removing the "# "
};

struct Wish {
  std::string name;  // of the set
  std::string path;  // as configured
  std::string from;  // "/etc/asterisk/asterisk.conf:7", or "default"
  std::string what;  // one sentence, without its full stop
  std::vector<std::string> exclude;
  std::vector<Option> options;
  std::string why_not;  // not empty: left out on purpose, and out of every set that it lies in
  bool quiet = false;   // no word about it when it is not there
};

struct Seen {
  Wish wish;
  bool there = false;
  std::string trouble;      // why it could not be looked at; empty if it is only missing
  std::string real_path;    // without symbolic links
  std::uint64_t items = 0;  // files, directories, links and so on below it
  std::uint64_t bytes = 0;
  bool counted = true;                 // else there is more: the walk ended early
  std::vector<std::string> databases;  // SQLite files in it, relative
  bool databases_cut = false;          // there are more than that
  std::uint64_t links_out = 0;         // symbolic links that lead nowhere or out of it
  std::string link_out;                // the first of them, relative
};

// A place in the PBX's configuration that another site must have otherwise.
struct SiteLine {
  std::string file;
  std::size_t line = 0;
  std::string key;
  std::string value;  // an address or host name only, never more of the line
};

// What a later version replicates; only ever a comment.
struct LaterSet {
  std::string sentence;
  std::vector<std::string> lines;  // TOML, without the comment sign
};

struct Facts {
  Pbx pbx = Pbx::Asterisk;
  std::string conf_dir;  // real path of the configuration
  std::vector<Seen> trees;
  std::vector<std::string> databases;  // files that the configuration declares, real paths
  std::vector<SiteLine> site_lines;
  bool site_lines_cut = false;
  std::vector<std::string> remarks;  // sentences for the operator
  std::vector<LaterSet> later;
};

}  // namespace ha::init
