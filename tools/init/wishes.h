// Which trees a PBX has, by its configuration: those worth replicating, and those that must not be.
//
// Pure: paths in, wishes out; whether they exist is seen later. Sources: shared defaults of Asterisk 16 and
// 22 (main/options.c), FreeSWITCH 1.10 (Debian's and /usr/local's layout), FreePBX 16 and 17.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/init/asterisk_conf.h"
#include "tools/init/facts.h"

namespace ha::init {

struct Located {
  std::string path;
  std::string from;  // "/etc/asterisk/asterisk.conf:7", or "default"
};
using Paths = std::map<std::string, Located>;  // by "astetcdir", "storage_dir", ...

// asterisk.conf's [directories] over the defaults. `data_default`: where sounds and music are by default.
// What is not an absolute path stays at its default, with a remark.
[[nodiscard]] Paths asterisk_paths(const std::map<std::string, ConfValue>& directories,
                                   const std::string& data_default, std::vector<std::string>& remarks);
// `music`: directories that musiconhold.conf names.
[[nodiscard]] std::vector<Wish> asterisk_wishes(const Paths& paths, Pbx pbx,
                                                const std::vector<Located>& music);
// `settings`: of freepbx.conf. `tables`: names of its two databases come from there.
[[nodiscard]] std::vector<Wish> freepbx_wishes(const Paths& paths,
                                               const std::map<std::string, std::string>& settings);
[[nodiscard]] LaterSet astdb_later(const std::string& path);
[[nodiscard]] LaterSet freepbx_later(const std::map<std::string, std::string>& settings);

// The layout of `conf_dir`, with what vars.xml sets over it.
[[nodiscard]] Paths freeswitch_paths(const std::string& conf_dir, const std::map<std::string, Located>& set);
[[nodiscard]] std::vector<Wish> freeswitch_wishes(const Paths& paths);

}  // namespace ha::init
