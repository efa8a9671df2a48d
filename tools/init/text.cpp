#include "tools/init/text.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/base/units.h"

namespace ha::init {
namespace {

constexpr std::size_t kColumns = 108;
constexpr std::size_t kSiteNameBytesMax = 32;
constexpr std::string_view kRule = "# ----------------------------------------------------------------";
// Stands in the example of an overlay until there is another site.
constexpr std::string_view kOtherSite = "OTHER-SITE";

// Sentences as a comment, wrapped at words. Line ends in the text become blanks.
std::string comment(std::string_view text, std::string_view sign = "#", std::string_view indent = " ") {
  std::string out;
  std::string line(sign);
  std::string_view gap = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    if (line.size() > sign.size() && display_width(line) + 1 + display_width(word) > kColumns) {
      out += line + "\n";
      line = std::string(sign);
      gap = indent == " " ? " " : "      ";
    }
    if (!word.empty()) {
      line += std::string(gap) + std::string(word);
      gap = " ";
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + line + "\n";
}

std::string rule(std::string_view title) {
  return "\n" + std::string(kRule) + " " + std::string(title) + "\n";
}

// Over several lines where it is long.
std::string list(const std::vector<std::string>& words) {
  constexpr std::size_t kIndent = 12;
  std::string out = "[";
  std::size_t column = kIndent + 1;
  for (const std::string& word : words) {
    const std::string quoted = toml_quote(word);
    if (out.size() > 1) {
      const bool full = column + 2 + display_width(quoted) > kColumns;
      out += full ? ",\n" + std::string(kIndent + 1, ' ') : ", ";
      column = full ? kIndent + 1 : column + 2;
    }
    out += quoted;
    column += display_width(quoted);
  }
  return out + "]";
}

// `key = value`, and what it is for at the end of the line, or above where it is long.
std::string setting(std::string_view key, const std::string& value, std::string_view why, bool proposed) {
  std::string line = (proposed ? "# " : "") + std::string(key) +
                     std::string(key.size() < 9 ? 9 - key.size() : 0, ' ') + " = " + value;
  if (why.empty()) {
    return line + "\n";
  }
  constexpr std::size_t kWhyColumn = 34;
  if (std::max(line.size() + 3, kWhyColumn) + display_width(why) + 2 > kColumns) {
    return comment(std::string(key) + ": " + std::string(why) + ".") + line + "\n";
  }
  line += std::string(line.size() < kWhyColumn ? kWhyColumn - line.size() : 1, ' ');
  return line + "# " + std::string(why) + "\n";
}

std::string head(const Plan& plan, const Identity& identity) {
  std::string out = comment(
      "/etc/hareplicate/cluster.toml: the same file on every site. Written by hareplicate init " +
      identity.when + " from what " + std::string(pbx_name(plan.pbx)) + " has " +
      (identity.root.empty() ? "on this host" : "below " + escape(identity.root)) + ". Read it once.");
  out +=
      "#   check it:    hareplicate config check\n#   see it:      hareplicate config show --origin\n"
      "#   next:        hareplicate invite OTHER-SITE\n";
  out += comment(
      "Every number has its unit: \"300ms\" \"30s\" \"15m\" \"2h\" \"30d\", \"16MB\" (10^6), "
      "\"20MB/s\". Enable a line such as \"# min_items = 40\" by removing the \"# \" at its "
      "beginning; what begins with \"# later:\" waits for a version to come.");
  out += "version = 1\n\n[cluster]\n";
  out += setting("name", toml_quote(identity.cluster_name), "for people; call it what you like", false);
  out += setting("id", toml_quote(identity.cluster_id),
                 "two clusters with different ids never pair, even with the right keys", false);
  return out;
}

std::string site(const Identity& identity) {
  std::string out = rule("sites: one host, one PBX, its daemons") + "[[site]]\n";
  out += setting("name", toml_quote(identity.site), "a-z 0-9 - _; stands in every command", false);
  out += setting("location", "\"somewhere\"", "optional: where it stands; several sites may share one", true);
  out += comment("Where the other sites reach this one. " + identity.address_from);
  out += setting("address", "[" + toml_quote(identity.address) + "]", "", false);
  out += comment(identity.key_from);
  out += setting("key", toml_quote(identity.key), "", false);
  out += rule("what callers reach") + "[[service]]\n";
  out += setting("name", "\"pbx\"", "", false);
  out += setting("sites", "[" + toml_quote(identity.site) + "]",
                 "eligible, by preference; a site that is not listed only keeps copies", false);
  out += setting("holder", toml_quote(identity.site), "its data flows from here to every other site", false);
  out += setting("epoch", "1", "raise it by one whenever you change the holder", false);
  return out;
}

std::string set_text(const PlannedSet& set) {
  std::string out = "\n";
  for (const std::string& sentence : set.comments) {
    out += comment(sentence);
  }
  out += "[[set]]\n";
  out += setting("name", toml_quote(set.name), "", false) + setting("kind", "\"files\"", "", false) +
         setting("path", toml_quote(set.path), "", false);
  if (!set.exclude.empty()) {
    out += setting("exclude", list(set.exclude), "", false);
  }
  for (const bool proposed : {false, true}) {
    for (const Option& option : set.options) {
      if (option.proposed == proposed) {
        out += setting(option.key, option.value, option.why, proposed);
      }
    }
  }
  return out;
}

std::string sets(const Plan& plan) {
  std::string out = rule("what is replicated") + "[set_defaults]\n";
  out += setting("check", "\"30s\"", "positions compared at least this often", false);
  out += setting("walk", "\"15m\"", "a full walk at every site, even when file events say nothing", false);
  out += setting("settle", "\"300ms\"", "how long a change waits for others that belong to it", false);
  out += setting("max_delete", "\"10%\"", "more deletions at once look like an accident: HELD", true);
  for (const PlannedSet& set : plan.sets) {
    out += set_text(set);
  }
  if (!plan.left_out.empty()) {
    out += rule("looked at, and not a set");
    for (const std::string& sentence : plan.left_out) {
      out += comment(sentence, "#", "   ");
    }
  }
  return out;
}

// The set that a file lies in, and its path there.
const PlannedSet* set_of(const Plan& plan, const std::string& file, std::string& rel) {
  for (const PlannedSet& set : plan.sets) {
    if (file.starts_with(set.path + "/")) {
      rel = file.substr(set.path.size() + 1);
      return &set;
    }
  }
  return nullptr;
}

// What finds the setting, and what to put there; a TOML literal string, so without quotes of that kind.
std::string replacement(Pbx pbx, const std::string& key) {
  const std::string other = "198.51.100.20";
  if (pbx != Pbx::FreeSwitch) {
    return "{ match = '^" + key + "\\s*=.*$', with = '" + key + "=" + other + "' }";
  }
  return key.find('_') != std::string::npos
             ? "{ match = '" + key + "=[^\"]*', with = '" + key + "=" + other + "' }"
             : "{ match = 'name=\"" + key + "\" value=\"[^\"]*\"', with = 'name=\"" + key + "\" value=\"" +
                   other + "\"' }";
}

bool is_plain_key(const std::string& key) {
  return key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
}

std::string site_lines(const Plan& plan) {
  if (plan.site_lines.empty()) {
    return {};
  }
  std::string out = rule("what differs by site");
  for (const SiteLine& line : plan.site_lines) {
    out += "#   " + escape(line.file) + ":" + std::to_string(line.line) + ": " + escape(line.key) + " = " +
           escape(line.value) + " — this differs by site: needs an [[overlay]]\n";
  }
  if (plan.site_lines_cut) {
    out += comment("... and more: only the first " + show_count(plan.site_lines.size()) + " are listed.", "#",
                   "   ");
  }
  for (const SiteLine& line : plan.site_lines) {
    std::string rel;
    const PlannedSet* set = set_of(plan, line.file, rel);
    if (set == nullptr || !is_plain_key(line.key) || escape(rel) != rel) {
      continue;
    }
    out += comment("An example for the first of them; write the other site's name and its address:") + "#\n";
    out += "# [[overlay]]\n# site    = " + toml_quote(kOtherSite) + "\n# set     = " + toml_quote(set->name) +
           "\n# file    = " + toml_quote(rel) + "\n# replace = [ " + replacement(plan.pbx, line.key) + " ]\n";
    break;
  }
  return out;
}

std::string later(const Plan& plan) {
  std::string out;
  for (const LaterSet& one : plan.later) {
    out += (out.empty() ? rule("what later versions replicate") : "\n") + comment(one.sentence + ".");
    for (const std::string& line : one.lines) {
      out += "# later: " + escape(line) + "\n";
    }
  }
  return out;
}

}  // namespace

std::string cluster_toml(const Plan& plan, const Identity& identity) {
  std::string out = head(plan, identity) + site(identity) + sets(plan) + site_lines(plan);
  if (!plan.remarks.empty()) {
    out += rule("worth knowing");
    for (const std::string& remark : plan.remarks) {
      out += comment(remark + ".", "#", "   ");
    }
  }
  return out + later(plan);
}

std::string node_toml(const Identity& identity) {
  std::string out =
      comment("/etc/hareplicate/node.toml: what differs at this site. Written by hareplicate init " +
              identity.when + ".");
  out += "site            = " + toml_quote(identity.site) + "\n";
  out +=
      "secret_key_file = \"secrets/site.curve\"     # mode 0600, relative to this file; never leaves this "
      "host\n";
  out += "# state_dir     = \"/var/lib/hareplicate\"   # indexes and positions; not inside a set\n";
  out += "# run_dir       = \"/run/hareplicate\"       # the control socket\n";
  out += "# listen        = \"*\"                      # address of this host to listen on\n";
  out +=
      "accept_config   = false                    # true: other sites may replace cluster.toml here, which "
      "has paths and commands\n\n";
  out +=
      "# [override]                               # only what cannot split the cluster; the dotted key in "
      "quotes\n";
  out += "# \"link.bwlimit\" = \"8MB/s\"\n";
  return out;
}

std::string site_name_of(std::string_view host) {
  std::string out;
  for (const char c : host.substr(0, host.find('.'))) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    const bool first = out.empty() && (c == '-' || c == '_');
    if ((upper || fits) && !first && out.size() < kSiteNameBytesMax) {
      out += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return out.empty() || out == "localhost" ? "site1" : out;
}

std::string toml_quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += std::string("\\u00") + kHex[byte >> 4U] + kHex[byte & 15U];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace ha::init
