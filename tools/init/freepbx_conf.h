// /etc/freepbx.conf and /etc/amportal.conf: the settings of FreePBX that say where things are.
//
// The first is PHP (`$amp_conf['AMPDBUSER'] = 'freepbxuser';`), the second `NAME=value`. Only names of a
// short list are taken; what could be a password is not in it and is never read into memory of ours beyond
// the line. Not a PHP parser: one setting a line, as FreePBX itself writes it. Untrusted text, bounded. Pure.
// Source: FreePBX 16 and 17, installlib and framework/amp_conf.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace ha::init {

inline constexpr std::size_t kFreePbxLinesMax = 10'000;

// By name: "AMPDBUSER", "AMPDBHOST", "AMPDBNAME", "CDRDBNAME", "AMPWEBROOT", "ASTETCDIR", ...
[[nodiscard]] std::map<std::string, std::string> parse_freepbx_conf(std::string_view text);

}  // namespace ha::init
