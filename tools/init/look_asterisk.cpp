#include "common/base/bytes.h"
#include "tools/init/addresses.h"
#include "tools/init/asterisk_conf.h"
#include "tools/init/freepbx_conf.h"
#include "tools/init/look.h"
#include "tools/init/look_parts.h"
#include "tools/init/wishes.h"

namespace ha::init {
namespace {

constexpr std::size_t kMusicMax = 8;
using Settings = std::map<std::string, std::string>;
using Directories = std::map<std::string, ConfValue>;

std::optional<std::string> text_of(const Below& below, const std::string& file) {
  auto text = below.read(file);
  return text.ok() ? std::optional(std::move(text).value()) : std::nullopt;
}

// Includes that lead out of the configuration's directory, and programs that write a part of it.
void remark_includes(Facts& facts, const ConfText& conf) {
  for (const ConfItem& item : conf.items) {
    const std::string place = escape(item.file) + ":" + std::to_string(item.line);
    const bool outside = item.name.starts_with('/') && !item.name.starts_with(facts.conf_dir + "/") &&
                         !item.name.starts_with("/etc/asterisk/");
    if (item.kind == ConfItem::Kind::Include && outside) {
      add_remark(facts, place + " includes " + escape(item.name) +
                            ", which is in no set: move it, or give its directory a set");
    } else if (item.kind == ConfItem::Kind::Exec) {
      add_remark(facts, place + " runs " + escape(item.name.substr(0, item.name.find(' '))) +
                            ": what it needs must be at every site");
    }
  }
}

// What the files say beside paths: addresses, includes, directories of music, databases.
class Scan {
 public:
  Scan(Facts& facts, const Paths& paths, const std::vector<std::string>& own)
      : facts_(facts), paths_(paths), own_(own) {}

  void operator()(const std::string& file, const std::string& text) {
    const ConfText conf = parse_asterisk_conf(text, file);
    if (conf.cut) {
      add_remark(facts_,
                 escape(file) + ": a line of more than 8 kB, or too many lines; they were passed over");
    }
    remark_includes(facts_, conf);
    const std::string name = file.substr(file.rfind('/') + 1);
    for (const ConfItem& item : conf.items) {
      if (item.kind != ConfItem::Kind::Entry) {
        continue;
      }
      if (auto line = site_line(item.name, item.value, own_)) {
        line->file = file;
        line->line = item.line;
        add_site_line(facts_, std::move(*line));
      }
      if (name == "musiconhold.conf" && item.name == "directory" && music.size() < kMusicMax) {
        const std::string path =
            item.value.starts_with('/') ? item.value : paths_.at("astdatadir").path + "/" + item.value;
        if (path != paths_.at("astdatadir").path + "/moh") {
          music.push_back({path, escape(file) + ":" + std::to_string(item.line)});
        }
      }
      if (name == "extconfig.conf" && !realtime_) {
        realtime_ = true;
        add_remark(facts_,
                   "extconfig.conf reads configuration from a database; that database is not in a set");
      }
    }
  }

  std::vector<Located> music;

 private:
  Facts& facts_;
  const Paths& paths_;
  const std::vector<std::string>& own_;
  bool realtime_ = false;
};

Result<Facts> look(const Below& below, Pbx pbx, const Settings& settings,
                   const std::vector<std::string>& own) {
  Facts facts;
  facts.pbx = pbx;
  const auto etc = settings.find("ASTETCDIR");
  const std::string folder =
      etc != settings.end() && etc->second.starts_with('/') ? etc->second : "/etc/asterisk";
  HA_TRY(facts.conf_dir, below.real(folder));
  const std::string file = folder + "/asterisk.conf";
  const ConfText conf =
      read_with_includes(file, folder, [&](const std::string& path) { return text_of(below, path); });
  if (!below.is_file(file)) {
    add_remark(facts, file + " does not exist; Asterisk's defaults were taken for all directories");
  } else if (const auto text = below.read(file); !text.ok()) {
    add_remark(facts, text.error().what() + "; Asterisk's defaults were taken for all directories");
  }
  const ConfItem* missing = missing_include(conf);
  if (missing != nullptr) {
    add_remark(facts,
               escape(missing->file) + ":" + std::to_string(missing->line) + " includes " +
                   escape(missing->name) +
                   ", which cannot be read; Asterisk then ignores the whole file and takes its defaults for "
                   "all directories, and so did init");
  }
  const std::string share = "/usr/share/asterisk";
  const bool shared = pbx == Pbx::Asterisk && below.is_directory(share);
  Paths paths = asterisk_paths(missing == nullptr ? section_values(conf, "directories") : Directories(),
                               shared ? share : "/var/lib/asterisk", facts.remarks);
  if (const auto real = below.real(paths.at("astetcdir").path); real.ok()) {
    facts.conf_dir = *real;
  }
  if (below.is_directory(facts.conf_dir + "/keys")) {
    add_remark(facts,
               facts.conf_dir +
                   "/keys holds certificates and their private keys; they go to every site, encrypted on "
                   "the way. If each site has its own: exclude \"keys/\" in the set");
  }
  Scan scan(facts, paths, own);
  scan_files(below, ".conf", facts, scan);
  std::vector<Wish> wishes = asterisk_wishes(paths, pbx, scan.music);
  if (pbx == Pbx::FreePbx) {
    for (Wish& wish : freepbx_wishes(paths, settings)) {
      wishes.push_back(std::move(wish));
    }
  }
  facts.trees = see(below, std::move(wishes));
  const std::string astdb = paths.at("astdbdir").path + "/astdb.sqlite3";
  const auto real = below.real(astdb);
  facts.databases.push_back(real.ok() ? *real : astdb);
  facts.later.push_back(astdb_later(facts.databases.front()));
  if (pbx == Pbx::FreePbx) {
    facts.later.push_back(freepbx_later(settings));
  }
  return facts;
}

}  // namespace

Result<Facts> look_at_asterisk(const Below& below, const std::vector<std::string>& own) {
  if (!below.is_directory("/etc/asterisk")) {
    return Error(Code::NotFound, "no Asterisk is here: /etc/asterisk does not exist");
  }
  auto facts = look(below, Pbx::Asterisk, {}, own);
  if (facts.ok() && below.is_file("/etc/freepbx.conf")) {
    add_remark(*facts, "FreePBX is here too: init --from-freepbx knows more about it");
  }
  return facts;
}

Result<Facts> look_at_freepbx(const Below& below, const std::vector<std::string>& own) {
  Settings settings;
  bool found = false;
  for (const char* file : {"/etc/amportal.conf", "/etc/freepbx.conf"}) {
    if (const auto text = below.read(file); text.ok()) {
      found = true;
      for (const auto& [name, value] : parse_freepbx_conf(*text)) {
        settings[name] = value;
      }
    } else if (text.error().code() != Code::NotFound) {
      return text.error();
    }
  }
  if (!found) {
    return Error(Code::NotFound, "no FreePBX is here: /etc/freepbx.conf does not exist");
  }
  auto facts = look(below, Pbx::FreePbx, settings, own);
  if (!facts.ok() && facts.error().code() == Code::NotFound) {
    return std::move(facts).error().in("FreePBX is here, but its Asterisk is not");
  }
  return facts;
}

}  // namespace ha::init
