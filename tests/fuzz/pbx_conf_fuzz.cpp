// Configuration of a PBX, any bytes of it: the parsers of `hareplicate init` stay within their limits, and no
// text of theirs breaks out of the cluster.toml that is written from it.
#include <cstddef>
#include <cstdint>
#include <sstream>

#include "common/base/bytes.h"
#include "tools/init/addresses.h"
#include "tools/init/asterisk_conf.h"
#include "tools/init/freepbx_conf.h"
#include "tools/init/freeswitch_xml.h"
#include "tools/init/plan.h"
#include "tools/init/text.h"
#include "tools/init/wishes.h"

using namespace ha;
using namespace ha::init;

namespace {

// Every line is a comment, a table that the writer knows, or a key of its own.
void check_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool table = line == "[cluster]" || line == "[[site]]" || line == "[[service]]" ||
                       line == "[set_defaults]" || line == "[[set]]";
    const std::size_t equals = line.find(" = ");
    const std::string key = line.substr(0, line.find(' '));
    const bool is_key = equals != std::string::npos && !key.empty() &&
                        key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
    const bool goes_on = line.starts_with("             \"");  // a long list
    HA_ASSERT(line.empty() || goes_on || line.front() == '#' || table || is_key);
  }
}

Facts facts_of(const std::string& text) {
  Facts facts;
  facts.conf_dir = "/etc/asterisk";
  const ConfText conf = read_with_includes("/etc/asterisk/asterisk.conf", "/etc/asterisk",
                                           [&](const std::string&) { return std::optional(text); });
  HA_ASSERT(conf.items.size() <= kConfItemsMax);
  const Paths paths =
      asterisk_paths(section_values(conf, "directories"), "/usr/share/asterisk", facts.remarks);
  for (Wish& wish : asterisk_wishes(paths, Pbx::FreePbx, {{text, text}})) {
    Seen seen;
    seen.real_path = wish.path;
    seen.wish = std::move(wish);
    seen.there = seen.real_path.size() % 2 == 0;
    seen.items = text.size();
    seen.databases = {text};
    seen.link_out = text;
    seen.links_out = 1;
    facts.trees.push_back(std::move(seen));
  }
  for (const ConfItem& item : conf.items) {
    if (auto line = site_line(item.name, item.value, {"192.0.2.1"}); line && facts.site_lines.size() < 100) {
      line->file = "/etc/asterisk/" + item.name;
      facts.site_lines.push_back(std::move(*line));
    }
  }
  const auto settings = parse_freepbx_conf(text);
  HA_ASSERT(!settings.contains("AMPDBPASS"));
  facts.later = {freepbx_later(settings), astdb_later(text)};
  return facts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const XmlTags parsed = parse_xml_tags(text);
  HA_ASSERT(parsed.tags.size() <= kXmlTagsMax);
  std::map<std::string, std::string> variables;
  for (const XmlTag& tag : parsed.tags) {
    const XmlVariable variable = variable_of(tag);
    variables[variable.name] = fill_in(variable.value, variables);
  }
  const auto plan = make_plan(facts_of(text), {"/etc/hareplicate"});
  if (plan.ok()) {
    Identity identity;
    identity.site = site_name_of(text);
    identity.address = "tcp://" + text;
    identity.key = text;
    check_lines(cluster_toml(*plan, identity));
    check_lines(node_toml(identity));
  }
  return 0;
}
