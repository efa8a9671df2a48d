// hareplicate init
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/random.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "replicator/config.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/key_file.h"
#include "tools/init/addresses.h"
#include "tools/init/look.h"
#include "tools/init/plan.h"
#include "tools/init/text.h"

namespace ha::tool {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPort = "7400";
// Parses as a key, and is nobody's.
constexpr std::string_view kNoKey = "0000000000000000000000000000000000000000";

struct Kind {
  init::Pbx pbx;
  std::string_view flag;
};
constexpr std::array<Kind, 3> kKinds = {{{init::Pbx::Asterisk, "from-asterisk"},
                                         {init::Pbx::FreeSwitch, "from-freeswitch"},
                                         {init::Pbx::FreePbx, "from-freepbx"}}};

struct Files {
  fs::path folder;
  fs::path cluster;
  fs::path node;
  fs::path key;
};

// The next command of who asked for what is not here, or for nothing.
std::string command_for(const init::Below& below, std::optional<init::Pbx> asked) {
  for (const init::Pbx pbx : init::pbxs_below(below)) {
    if (pbx != asked) {
      const auto* const kind =
          std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& one) { return one.pbx == pbx; });
      return "hareplicate init --" + std::string(kind->flag) + "      (" + std::string(init::pbx_name(pbx)) +
             " seems to be here)";
    }
  }
  return "install the PBX first; or write the sets yourself, from "
         "/usr/share/doc/hareplicate/examples/cluster.toml";
}

Result<init::Pbx> wanted_pbx(const Context& context, const init::Below& below) {
  std::optional<init::Pbx> wanted;
  for (const Kind& kind : kKinds) {
    if (!context.has(kind.flag)) {
      continue;
    }
    if (wanted) {
      return Error(Code::Invalid, "only one of --from-asterisk, --from-freeswitch and --from-freepbx");
    }
    wanted = kind.pbx;
  }
  if (!wanted) {
    return Error(Code::Invalid,
                 "init needs to know what is here: --from-asterisk, --from-freeswitch or "
                 "--from-freepbx",
                 command_for(below, std::nullopt));
  }
  return *wanted;
}

Result<init::Facts> look(init::Pbx pbx, const init::Below& below, const std::vector<std::string>& own) {
  switch (pbx) {
    case init::Pbx::Asterisk:
      return init::look_at_asterisk(below, own);
    case init::Pbx::FreePbx:
      return init::look_at_freepbx(below, own);
    case init::Pbx::FreeSwitch:
      break;
  }
  return init::look_at_freeswitch(below, own);
}

// Of this host's interfaces that are up, without loopback and link-local ones.
std::vector<std::string> own_addresses() {
  ifaddrs* list = nullptr;
  std::vector<std::string> out;
  if (::getifaddrs(&list) != 0) {
    return out;
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    const int family = each->ifa_addr != nullptr ? each->ifa_addr->sa_family : AF_UNSPEC;
    std::array<char, NI_MAXHOST> text{};
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if ((family != AF_INET && family != AF_INET6) ||
        ::getnameinfo(each->ifa_addr, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
      continue;
    }
    for (std::string& address : init::addresses_in(text.data())) {
      if (!address.starts_with("fe80:") && !address.starts_with("169.254.")) {
        out.push_back(std::move(address));
      }
    }
  }
  return out;
}

std::string host_name(const init::Below& below, bool here) {
  std::array<char, 256> name{};
  if (here && ::gethostname(name.data(), name.size() - 1) == 0) {
    return name.data();
  }
  const auto text = below.read("/etc/hostname");
  return text.ok() ? text->substr(0, text->find_first_of(" \t\r\n")) : std::string();
}

Files files_of(const Context& context) {
  const fs::path cluster = fs::absolute(context.invocation.value("output", context.globals.config));
  const fs::path folder = cluster.parent_path();
  return {folder, cluster, folder / "node.toml", folder / "secrets" / "site.curve"};
}

Error already_there(const fs::path& file) {
  const std::string name = escape(file.string());
  return Error(Code::Exists, name + " is there already, and is never overwritten",
               "mv " + name + " " + name + ".old      or write elsewhere: --output FILE");
}

Status check_nothing_is_there(const Files& files) {
  for (const fs::path& file : {files.cluster, files.node}) {
    struct stat facts {};
    if (::lstat(file.c_str(), &facts) == 0) {
      return already_there(file);
    }
  }
  return ok();
}

init::Identity identify(const Context& context, const init::Below& below, const init::Plan& plan,
                        const std::vector<std::string>& own, bool here) {
  init::Identity identity;
  const std::string host = host_name(below, here);
  identity.cluster_name = "voice";
  const std::string id = hex(Digest{random_seed(), 0}).substr(0, 16);
  identity.cluster_id = id.substr(0, 4) + "-" + id.substr(4, 4) + "-" + id.substr(8, 4) + "-" + id.substr(12);
  identity.site = context.invocation.value("site", init::site_name_of(host));
  if (context.has("address")) {
    identity.address = context.invocation.value("address");
    identity.address_from = "Given by --address.";
  } else {
    const std::string name = init::site_name_of(host);
    const init::ChosenHost chosen = init::choose_host(own, plan.site_lines, name);
    identity.address = "tcp://" + chosen.host + ":" + std::string(kPort);
    identity.address_from = chosen.from;
  }
  identity.when = show_local(read_clocks().wall);
  identity.root = here ? "" : fs::absolute(context.invocation.value("root")).lexically_normal().string();
  return identity;
}

// The text as `config check` will read it; what it says about --site and --address is for the operator.
Status check_text(const Files& files, const std::string& cluster, const std::string& node) {
  ConfigProblems problems;
  const auto config = replicator::Config::parse({files.cluster, cluster, files.node, node, {}}, problems);
  if (config.ok()) {
    return ok();
  }
  for (const ConfigProblem& problem : problems.sorted()) {
    if (problem.is_error) {
      return Error(Code::Invalid, "the configuration would not be right: " + problem.text,
                   "give another --site or --address; see: hareplicate init --help");
    }
  }
  return config.error();
}

// As a new file; Exists if somebody was faster.
Status write_new(const sys::Directory& folder, const std::string& name, const std::string& text) {
  HA_TRY(sys::TemporaryFile file, folder.create_temporary(0644));
  HA_CHECK(file.file.write_at(0, text));
  HA_CHECK(file.file.sync());
  HA_CHECK(folder.link_temporary(file, name));
  return folder.sync();
}

Status write_all(const Files& files, const std::string& cluster, const std::string& node) {
  HA_TRY(const sys::Directory folder, sys::Directory::open_root(files.folder.string()));
  HA_CHECK(write_new(folder, files.node.filename().string(), node));
  auto written = write_new(folder, files.cluster.filename().string(), cluster);
  if (!written.ok()) {
    static_cast<void>(folder.unlink(files.node.filename().string()));
  }
  return written;
}

// The key that is there, or a new one.
Result<wire::PublicKey> key_for(const Files& files, std::string& how) {
  auto known = public_key_of(files.key.string());
  if (known.ok() || known.error().code() != Code::NotFound) {
    how = "kept, as it was there";
    return known;
  }
  how = "made, mode 0600; it never leaves this host";
  if (::mkdir(files.folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return sys::path_error("cannot make the directory", files.folder.string(), errno)
        .hinted("mkdir -p " + escape(files.folder.parent_path().string()) + "      or run this as root");
  }
  return make_key_file(files.key.string());
}

std::string next_steps(const init::Plan& plan, const Files& files, const std::string& key_how) {
  const bool usual = files.cluster == "/etc/hareplicate/cluster.toml";
  const std::string with = usual ? "" : " -c " + escape(files.cluster.string());
  std::string out = "written: " + escape(files.cluster.string()) + " (" + show_count(plan.sets.size()) +
                    (plan.sets.size() == 1 ? " set)\n" : " sets)\n");
  out += "         " + escape(files.node.string()) + "\n";
  out += "         " + escape(files.key.string()) + " (" + key_how + ")\n";
  if (!plan.site_lines.empty()) {
    out += show_count(plan.site_lines.size()) +
           (plan.site_lines.size() == 1 ? " place names an address" : " places name addresses") +
           " of this site; they are listed at the end of cluster.toml.\n";
  }
  return out + "Next:\n  read " + escape(files.cluster.string()) + "\n  hareplicate" + with +
         " config check\n  hareplicate" + with + " doctor\n  hareplicate" + with +
         " invite OTHER-SITE      (the name that the second site is to have)\n";
}

}  // namespace

Outcome run_init(const Context& context) {
  const std::string root = context.invocation.value("root", "/");
  HA_TRY(const init::Below below, init::Below::open(root));
  HA_TRY(const init::Pbx pbx, wanted_pbx(context, below));
  const Files files = files_of(context);
  const bool dry = context.has("dry-run");
  if (!dry) {
    HA_CHECK(check_nothing_is_there(files));
  }
  const bool here = fs::absolute(root).lexically_normal() == "/";
  const std::vector<std::string> own = here ? own_addresses() : std::vector<std::string>();
  auto facts = look(pbx, below, own);
  if (!facts.ok()) {
    return std::move(facts).error().hinted(command_for(below, pbx));
  }
  HA_TRY(const init::Plan plan,
         init::make_plan(*facts, {"/var/lib/hareplicate", "/run/hareplicate", files.folder.string()}));
  init::Identity identity = identify(context, below, plan, own, here);
  identity.key = kNoKey;
  identity.key_from = "A dry run makes no key; init puts the public key of this site here.";
  const std::string node = init::node_toml(identity);
  HA_CHECK(check_text(files, init::cluster_toml(plan, identity), node));
  if (dry) {
    print(init::cluster_toml(plan, identity));
    talk(context, "Nothing was written.\n");
    return ExitCode::Good;
  }
  std::string key_how;
  HA_TRY(const wire::PublicKey key, key_for(files, key_how));
  identity.key = key.z85();
  identity.key_from = "The public key of secrets/site.curve.";
  HA_CHECK(write_all(files, init::cluster_toml(plan, identity), node));
  print(next_steps(plan, files, key_how));
  return ExitCode::Good;
}

}  // namespace ha::tool
