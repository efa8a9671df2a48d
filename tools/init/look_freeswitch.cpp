#include "common/base/bytes.h"
#include "tools/init/addresses.h"
#include "tools/init/freeswitch_xml.h"
#include "tools/init/look.h"
#include "tools/init/look_parts.h"
#include "tools/init/wishes.h"

namespace ha::init {
namespace {

constexpr std::size_t kVariablesMax = 1000;

std::string attribute(const XmlTag& tag, const char* name) {
  const auto found = tag.attributes.find(name);
  return found != tag.attributes.end() ? found->second : std::string();
}

class Scan {
 public:
  Scan(Facts& facts, const std::vector<std::string>& own) : facts_(facts), own_(own) {}

  void operator()(const std::string& file, const std::string& text) {
    const XmlTags parsed = parse_xml_tags(text);
    if (parsed.cut) {
      add_remark(facts_,
                 escape(file) + ": a tag of more than 16 kB, or too many tags; they were passed over");
    }
    const std::string name = file.substr(file.rfind('/') + 1);
    for (const XmlTag& tag : parsed.tags) {
      const std::string place = escape(file) + ":" + std::to_string(tag.line);
      const XmlVariable variable = variable_of(tag);
      if (!variable.name.empty() && variables.size() < kVariablesMax) {
        variables[variable.name] = fill_in(variable.value, variables);
        places[variable.name] = {variables[variable.name], place};
        add(file, tag.line, variable.name, variable.value);
      } else if (tag.name == "param" && !tag.in_comment) {
        add(file, tag.line, attribute(tag, "name"), attribute(tag, "value"));
        if (name == "voicemail.conf.xml" && attribute(tag, "name") == "storage-dir") {
          voicemail = {attribute(tag, "value"), place};
        }
        if (name == "switch.conf.xml" && attribute(tag, "name") == "core-db-name") {
          core_database = attribute(tag, "value");
        }
      }
    }
  }

  std::map<std::string, std::string> variables;
  std::map<std::string, Located> places;
  Located voicemail;
  std::string core_database;

 private:
  void add(const std::string& file, std::size_t number, const std::string& key, const std::string& value) {
    if (auto line = site_line(key, value, own_)) {
      line->file = file;
      line->line = number;
      add_site_line(facts_, std::move(*line));
    }
  }

  Facts& facts_;
  const std::vector<std::string>& own_;
};

}  // namespace

Result<Facts> look_at_freeswitch(const Below& below, const std::vector<std::string>& own) {
  Facts facts;
  facts.pbx = Pbx::FreeSwitch;
  std::string folder;
  for (const char* each : {"/etc/freeswitch", "/usr/local/freeswitch/conf"}) {
    const std::string path = each;
    if (folder.empty() && (below.is_file(path + "/vars.xml") || below.is_file(path + "/freeswitch.xml"))) {
      folder = path;
    }
  }
  if (folder.empty()) {
    return Error(
        Code::NotFound,
        "no FreeSWITCH is here: neither /etc/freeswitch nor /usr/local/freeswitch/conf has vars.xml or "
        "freeswitch.xml");
  }
  HA_TRY(facts.conf_dir, below.real(folder));
  Scan scan(facts, own);
  // First, so that the others can use what it sets.
  if (const auto vars = below.read(folder + "/vars.xml"); vars.ok()) {
    Facts none;
    Scan first(none, own);
    first(folder + "/vars.xml", *vars);
    scan.variables = first.variables;
    scan.places = first.places;
  } else {
    add_remark(facts, vars.error().what() + "; FreeSWITCH's defaults were taken for all directories");
  }
  scan_files(below, ".xml", facts, scan);
  const Paths paths = freeswitch_paths(folder, scan.places);
  for (const auto& [key, located] : paths) {
    scan.variables.emplace(key, located.path);
  }
  std::vector<Wish> wishes = freeswitch_wishes(paths);
  const std::string voicemail = fill_in(scan.voicemail.path, scan.variables);
  if (voicemail.size() > 1 && voicemail.starts_with('/')) {
    for (Wish& wish : wishes) {
      if (wish.name == "voicemail") {
        wish.path = voicemail;
        wish.from = scan.voicemail.from;
      }
    }
  }
  facts.trees = see(below, std::move(wishes));
  const std::string core = fill_in(scan.core_database, scan.variables);
  if (core.starts_with('/')) {
    const auto real = below.real(core);
    facts.databases.push_back(real.ok() ? *real : core);
  }
  const std::string database = paths.at("db_dir").path + "/voicemail_default.db";
  if (below.is_file(database)) {
    facts.later.push_back(
        {"Which voicemail messages are new stands in a database of FreeSWITCH; a later version "
         "carries it row by row. Until then a standby has the messages, but not the list",
         {"[[set]]", "name = \"voicemail-list\"", "kind = \"sqlite\"", "path = \"" + database + "\""}});
  }
  return facts;
}

}  // namespace ha::init
