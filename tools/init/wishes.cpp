#include "tools/init/wishes.h"

#include "common/base/bytes.h"

namespace ha::init {
namespace {

Located beside(const Located& base, const std::string& name) {
  return {base.path + "/" + name, base.from};
}

Wish wish(std::string name, const Located& where, std::string what) {
  Wish out;
  out.name = std::move(name);
  out.path = where.path;
  out.from = where.from;
  out.what = std::move(what);
  return out;
}

Wish left_out(const Located& where, std::string what, std::string why_not) {
  Wish out = wish("", where, std::move(what));
  out.why_not = std::move(why_not);
  out.quiet = true;
  return out;
}

Wish quietly(Wish wish) {
  wish.quiet = true;
  return wish;
}

// What grows and is never changed afterwards.
void add_recording_options(Wish& to) {
  to.options.push_back({"check", "\"5m\"", "a set's own word counts before [set_defaults]"});
  to.options.push_back(
      {"stable", "\"20s\"", "a file that still grows waits until it has been still for so long", true});
  to.options.push_back({"delete", "\"never\"", "what is deleted here stays at the other sites", true});
}

Wish etc_wish(const Located& where, std::string what, std::string reload) {
  Wish etc = wish("etc", where, std::move(what));
  etc.exclude = {"*.swp", "*~", ".#*"};
  etc.options = {
      {"publish", "\"set\"", "all files at once: a reload never sees half of a change"},
      {"after", "[\"" + reload + "\"]", "run at the other sites when something has arrived", true},
      {"after_on", "\"holder\"", "only where the service runs: replica, holder or always", true},
  };
  return etc;
}

std::string not_absolute(const std::string& from, const std::string& key, const std::string& value,
                         const std::string& instead) {
  return from + ": " + key + " is \"" + escape(value) + "\", which is no absolute path; " + instead +
         " was looked at instead";
}

}  // namespace

Paths asterisk_paths(const std::map<std::string, ConfValue>& directories, const std::string& data_default,
                     std::vector<std::string>& remarks) {
  Paths paths = {
      {"astetcdir", {"/etc/asterisk", "default"}},
      {"astvarlibdir", {"/var/lib/asterisk", "default"}},
      {"astdbdir", {"/var/lib/asterisk", "default"}},
      {"astkeydir", {"/var/lib/asterisk", "default"}},
      {"astdatadir", {data_default, "default"}},
      {"astagidir", {data_default + "/agi-bin", "default"}},
      {"astspooldir", {"/var/spool/asterisk", "default"}},
      {"astlogdir", {"/var/log/asterisk", "default"}},
      {"astrundir", {"/var/run/asterisk", "default"}},
  };
  for (auto& [key, located] : paths) {
    const auto found = directories.find(key);
    if (found == directories.end()) {
      continue;
    }
    const ConfValue& value = found->second;
    const std::string from = value.file + ":" + std::to_string(value.line);
    std::string path = value.value;
    while (path.size() > 1 && path.ends_with('/')) {
      path.pop_back();
    }
    if (path.starts_with('/') && path.size() > 1) {
      located = {path, from};
    } else {
      remarks.push_back(not_absolute(from, key, value.value, located.path));
    }
  }
  return paths;
}

std::vector<Wish> asterisk_wishes(const Paths& paths, Pbx pbx, const std::vector<Located>& music) {
  const bool freepbx = pbx == Pbx::FreePbx;
  const Located& spool = paths.at("astspooldir");
  const Located& data = paths.at("astdatadir");
  std::vector<Wish> out;
  out.push_back(etc_wish(paths.at("astetcdir"),
                         freepbx
                             ? "Asterisk's configuration; FreePBX generates most of it from its database, "
                               "*_custom.conf is yours"
                             : "Asterisk's configuration",
                         "asterisk -rx 'core reload'"));
  Wish voicemail = wish("voicemail", beside(spool, "voicemail"), "voicemail: messages and greetings");
  voicemail.options.push_back(
      {"unit", "\"*/*/*\"", "context/mailbox/folder arrives whole, under Asterisk's own lock", true});
  voicemail.options.push_back(
      {"exclude", "[\"*/*/tmp/\", \"*/*/*.tmp.*\"]", "messages and greetings while they are recorded", true});
  out.push_back(std::move(voicemail));
  Wish recordings = wish("recordings", beside(spool, "monitor"), "recordings of calls");
  add_recording_options(recordings);
  out.push_back(std::move(recordings));
  Wish stored = quietly(wish("ari-recordings", beside(spool, "recording"), "recordings made over ARI"));
  add_recording_options(stored);
  out.push_back(std::move(stored));
  out.push_back(wish("fax", beside(spool, "fax"), "faxes"));
  out.push_back(freepbx ? wish("sounds", beside(data, "sounds"), "prompts: those of languages and your own")
                        : wish("sounds", beside(data, "sounds/custom"),
                               "your own prompts; those of languages come with packages"));
  out.push_back(wish("moh", beside(data, "moh"), "music on hold"));
  std::size_t number = 2;
  for (const Located& folder : music) {
    out.push_back(wish("moh-" + std::to_string(number++), folder, "music on hold of a class of its own"));
  }
  out.push_back(wish("keys", beside(paths.at("astkeydir"), "keys"), "RSA keys of IAX and DUNDi"));
  out.push_back(wish("firmware", beside(data, "firmware"), "firmware for phones"));
  out.push_back(quietly(wish("phoneprov", beside(data, "phoneprov"), "templates for phones")));
  if (!freepbx) {
    out.push_back(wish("agi-bin", paths.at("astagidir"), "AGI programs"));
  }
  out.push_back(left_out(beside(spool, "outgoing"), "call files", "every site would dial them"));
  out.push_back(left_out(beside(spool, "tmp"), "temporary files", "nobody else can use them"));
  out.push_back(left_out(paths.at("astlogdir"), "logs", "each site writes its own"));
  out.push_back(left_out(paths.at("astrundir"), "run-time files", "each site has its own"));
  return out;
}

std::vector<Wish> freepbx_wishes(const Paths& paths, const std::map<std::string, std::string>& settings) {
  const auto web = settings.find("AMPWEBROOT");
  const Located web_root = web != settings.end() && web->second.starts_with('/')
                               ? Located{web->second, "AMPWEBROOT of FreePBX"}
                               : Located{"/var/www/html", "default"};
  std::vector<Wish> out;
  out.push_back(quietly(wish("provisioning", {"/tftpboot", "default"}, "provisioning of phones")));
  out.push_back(left_out(web_root, "FreePBX's web pages and modules",
                         "install the same version of FreePBX and its modules at each site"));
  out.push_back(left_out(beside(paths.at("astspooldir"), "backup"), "FreePBX's backups",
                         "copies of what is replicated anyway"));
  out.push_back(left_out(paths.at("astagidir"), "AGI programs", "they belong to FreePBX's modules"));
  return out;
}

LaterSet astdb_later(const std::string& path) {
  return {
      "AstDB holds call forwarding, do-not-disturb, devices and contacts. Asterisk loses writes when another "
      "program opens it, so it is never copied as a file; a later version carries it row by row",
      {"[[set]]", "name = \"astdb\"", "kind = \"astdb\"", "path = \"" + path + "\"",
       "exclude_keys = [\"/registrar/*\", \"/dundi/*\"]"}};
}

LaterSet freepbx_later(const std::map<std::string, std::string>& settings) {
  const auto value = [&](const char* name, const char* otherwise) {
    const auto found = settings.find(name);
    const bool plain = found != settings.end() && !found->second.empty() && found->second.size() <= 64 &&
                       found->second.find_first_not_of(
                           "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == std::string::npos;
    return plain ? found->second : std::string(otherwise);
  };
  const std::string database = value("AMPDBNAME", "asterisk");
  const std::string records = value("CDRDBNAME", "asteriskcdrdb");
  return {"FreePBX keeps everything that it shows in MySQL (user " + value("AMPDBUSER", "freepbxuser") +
              " at " + value("AMPDBHOST", "localhost") +
              "): extensions, trunks, routes, call records. Until then, a "
              "standby has the generated configuration, but not what FreePBX would generate next",
          {"[[set]]", "name = \"freepbx\"", "kind = \"mysql\"", "server = \"local\"",
           "tables = [\"" + database + ".*\"]",
           "exclude = [\"" + database + ".admin\", \"" + database + ".notifications\", \"" + database +
               ".cronmanager\"]",
           "[[set]]", "name = \"cdr\"", "kind = \"mysql\"", "server = \"local\"",
           "tables = [\"" + records + ".*\"]", "delete = \"never\""}};
}

Paths freeswitch_paths(const std::string& conf_dir, const std::map<std::string, Located>& set) {
  const bool local = conf_dir.starts_with("/usr/local/");
  const std::string top = "/usr/local/freeswitch";
  const std::string var = local ? top : "/var/lib/freeswitch";
  const std::string share = local ? top : "/usr/share/freeswitch";
  Paths paths = {
      {"conf_dir", {conf_dir, "default"}},
      {"storage_dir", {var + "/storage", "default"}},
      {"recordings_dir", {var + "/recordings", "default"}},
      {"db_dir", {var + "/db", "default"}},
      {"images_dir", {var + "/images", "default"}},
      {"sounds_dir", {share + "/sounds", "default"}},
      {"script_dir", {share + "/scripts", "default"}},
      {"certs_dir", {local ? top + "/certs" : conf_dir + "/tls", "default"}},
      {"log_dir", {local ? top + "/log" : "/var/log/freeswitch", "default"}},
      {"run_dir", {local ? top + "/run" : "/var/run/freeswitch", "default"}},
  };
  for (auto& [key, located] : paths) {
    const auto found = set.find(key);
    if (key != "conf_dir" && found != set.end() && found->second.path.starts_with('/') &&
        found->second.path.size() > 1 && found->second.path.find("$${") == std::string::npos) {
      located = found->second;
      while (located.path.size() > 1 && located.path.ends_with('/')) {
        located.path.pop_back();
      }
    }
  }
  return paths;
}

std::vector<Wish> freeswitch_wishes(const Paths& paths) {
  const Located& storage = paths.at("storage_dir");
  std::vector<Wish> out;
  out.push_back(etc_wish(paths.at("conf_dir"), "FreeSWITCH's configuration", "fs_cli -x reloadxml"));
  out.push_back(wish("voicemail", beside(storage, "voicemail"), "voicemail: messages and greetings"));
  Wish recordings = wish("recordings", paths.at("recordings_dir"), "recordings of calls");
  add_recording_options(recordings);
  out.push_back(std::move(recordings));
  out.push_back(quietly(wish("fax", beside(storage, "fax"), "faxes")));
  const Located& sounds = paths.at("sounds_dir");
  if (sounds.path.starts_with("/usr/share/")) {
    out.push_back(left_out(sounds, "prompts and music",
                           "they come with packages; put your own into a directory with a set of its own"));
  } else {
    out.push_back(wish("sounds", sounds, "prompts and music"));
  }
  out.push_back(wish("scripts", paths.at("script_dir"), "scripts"));
  out.push_back(quietly(wish("tls", paths.at("certs_dir"), "TLS certificates and their keys")));
  out.push_back(quietly(wish("images", paths.at("images_dir"), "images")));
  out.push_back(left_out(paths.at("db_dir"), "FreeSWITCH's own databases",
                         "SQLite without a journal: a copy of a live one is broken"));
  out.push_back(left_out(paths.at("log_dir"), "logs and call records", "each site writes its own"));
  out.push_back(left_out(paths.at("run_dir"), "run-time files", "each site has its own"));
  for (Wish& each : out) {
    for (const char* pattern : {"*.db", "*.db-wal", "*.db-shm", "*.db-journal"}) {
      each.exclude.emplace_back(pattern);
    }
  }
  return out;
}

}  // namespace ha::init
