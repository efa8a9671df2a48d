// hareplicate support-bundle
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/base/bytes.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "common/sys/process.h"
#include "common/sys/replace.h"
#include "common/sys/secret.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/bundle.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/doctor.h"
#include "tools/hareplicate/show_status.h"
#include "version.h"

namespace ha::tool {
namespace {

namespace fs = std::filesystem;
namespace pb = ha::schemas::control;

constexpr std::size_t kHistoryTailBytes = 256 * 1024;
constexpr std::size_t kEventsBytesMax = 4'000'000;
constexpr std::size_t kJournalLines = 1000;
constexpr std::size_t kSecretBytesMin = 8;  // shorter lines of a secret's file are words
constexpr std::size_t kSecretFilesMax = 1000;

std::string failure(const Error& error) {
  return "not there: " + error.what() + "\n" + (error.hint().empty() ? "" : "next: " + error.hint() + "\n");
}

std::string status_text(Daemon& daemon) {
  pb::Request request = new_request("status");
  (*request.mutable_flags())["problems"] = "";
  pb::Status status;
  const Status asked = daemon.ask(request, [&](const pb::Reply& reply) {
    status = reply.status();
    return true;
  });
  return asked.ok() ? status_json(status) : failure(asked.error());
}

std::string events_text(Daemon& daemon) {
  pb::Request request = new_request("events");
  (*request.mutable_flags())["since_ns"] = "0";
  std::string out;
  const Status asked = daemon.ask(request, [&](const pb::Reply& reply) {
    out += reply.event().json() + "\n";
    return out.size() < kEventsBytesMax;
  });
  return asked.ok() ? out : out + failure(asked.error());
}

// A file of the configuration, or why it cannot be read.
std::string file_text(const fs::path& file) {
  const auto text = sys::read_kept(file.string(), replicator::kConfigBytesMax);
  return text.ok() ? *text : failure(text.error());
}

// The end of a file, from the beginning of a line.
std::string tail_of(const fs::path& file) {
  const auto folder = sys::Directory::open_root(file.parent_path().string());
  const auto opened =
      folder.ok() ? folder->open_regular(file.filename().string()) : Result<sys::FileHandle>(folder.error());
  if (!opened.ok()) {
    return failure(opened.error());
  }
  const auto facts = opened->stat();
  const std::uint64_t size = facts.ok() ? facts->size : 0;
  const std::uint64_t from = size > kHistoryTailBytes ? size - kHistoryTailBytes : 0;
  auto text = opened->read_at(from, kHistoryTailBytes);
  if (!text.ok()) {
    return failure(text.error());
  }
  return from == 0 ? *text : text->substr(std::min(text->find('\n') + 1, text->size()));
}

std::string output_of(std::vector<std::string> argv) {
  sys::Command command;
  command.argv = std::move(argv);
  command.limit = std::chrono::seconds(10);
  command.output_bytes_max = kEventsBytesMax;
  const auto result = sys::run_command(command);
  return result.ok() ? result->output : failure(result.error());
}

std::string doctor_text(const Context& context) {
  std::string out;
  for (const Check& check : all_checks(context)) {
    out += std::string(health_word(check.health)) + "\t" + check.what + "\t" + escape(check.found) +
           (check.fix.empty() ? "" : "\tfix: " + escape(check.fix)) + "\n";
  }
  return out;
}

std::string room_of(const std::string& what, const std::string& path) {
  struct statvfs facts {};
  if (::statvfs(path.c_str(), &facts) != 0) {
    return what + "\t" + escape(path) + "\tnot there\n";
  }
  return what + "\t" + escape(path) + "\t" +
         show_size(std::uint64_t{facts.f_bavail} * std::uint64_t{facts.f_frsize}) + " free\t" +
         show_count(facts.f_favail) + " inodes free\n";
}

std::string host_text(const replicator::Config* config) {
  utsname kernel{};
  ::uname(&kernel);
  std::string out = "hareplicate\t" + std::string(kVersion) + "\nkernel\t" + kernel.sysname + " " +
                    kernel.release + " " + kernel.version + " " + kernel.machine + "\nhost\t" +
                    kernel.nodename + "\ntime\t" + show_utc(read_clocks().wall) + "\n";
  std::ifstream release("/etc/os-release");
  for (std::string line; std::getline(release, line);) {
    if (line.starts_with("PRETTY_NAME=")) {
      out += "system\t" + escape(line.substr(line.find('=') + 1)) + "\n";
    }
  }
  std::ifstream up("/proc/uptime");
  std::string seconds;
  up >> seconds;
  out += "up\t" + escape(seconds) + " s\n\n" + room_of("disk", "/");
  if (config != nullptr) {
    out += room_of("state", config->state_dir().string());
    for (const replicator::SetConfig& set : config->sets()) {
      out += room_of("set " + set.name, set.path);
    }
  }
  return out;
}

std::string show_problems(const ConfigProblems& problems) {
  const std::string text = problems.text();
  return text.empty() ? "configuration is good\n" : text;
}

// Status and events from the daemon; what to say instead when it is down.
void ask_daemon(const Context& context, bool configured, std::vector<BundleFile>& files) {
  auto daemon = configured ? Daemon::open(context)
                           : Result<Daemon>(Error(Code::Invalid, "the configuration cannot be read"));
  files.push_back({"status.json", daemon.ok() ? status_text(*daemon) : failure(daemon.error())});
  auto again = configured ? Daemon::open(context) : Result<Daemon>(daemon.error());
  files.push_back({"events.jsonl", again.ok() ? events_text(*again) : failure(again.error())});
}

// Takes the secrets of a file out of all texts, wherever they should stand against all rules: the whole of
// it, and each of its lines that is long enough to be one. Read whatever its mode and owner are.
void take_out(const std::string& file, std::vector<BundleFile>& files) {
  auto text = sys::read_kept(file, sys::kSecretBytesMax);
  if (!text.ok()) {
    return;
  }
  const auto secret = sys::Secret::copy_of(*text);
  text->assign(text->size(), '\0');
  BytesView rest = secret.ok() ? secret->bytes() : BytesView();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const BytesView line = rest.substr(0, end);
    for (BundleFile& each : files) {
      each.text = without_secret(std::move(each.text), line.size() >= kSecretBytesMin ? line : BytesView());
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

// The site's keys, and what else lies in secrets beside cluster.toml.
std::vector<std::string> secret_files(const fs::path& cluster, const Result<replicator::Config>& config) {
  std::vector<std::string> out;
  if (config.ok()) {
    out.push_back(config->secret_key_file().string());
    out.push_back(out.back() + ".next");  // docs/keys.md
  }
  const fs::path folder = fs::absolute(cluster).parent_path() / "secrets";
  const auto opened = sys::Directory::open_root(folder.string());
  const auto names =
      opened.ok() ? opened->names(kSecretFilesMax) : Result<std::vector<Bytes>>(opened.error());
  if (names.ok()) {
    for (const Bytes& name : *names) {
      out.push_back((folder / name).string());
    }
  }
  return out;
}

std::string ending(const std::string& path, const std::vector<BundleFile>& files) {
  std::string out = "written: " + escape(path) + " (mode 0600), with\n";
  for (const BundleFile& file : files) {
    out += "  " + file.name + std::string(file.name.size() < 18 ? 18 - file.name.size() : 1, ' ') +
           show_size(file.text.size()) + "\n";
  }
  return out +
         "No secret key is in it, nor what overlays look for and put in. Names of sets, paths, hosts and\n"
         "addresses are, and the commands of `after` as they stand: look through it before you give it "
         "away:\n"
         "tar -xzf " +
         escape(path) + "\n";
}

}  // namespace

Outcome run_support_bundle(const Context& context) {
  const std::string path = context.argument(0);
  const fs::path cluster = context.globals.config;
  const fs::path node = cluster.parent_path() / "node.toml";
  ConfigProblems problems;
  const auto config = replicator::Config::load(cluster, node, problems);
  std::vector<BundleFile> files;
  ask_daemon(context, config.ok(), files);
  files.push_back({"cluster.toml", without_overlay_values(file_text(cluster))});
  files.push_back({"node.toml", file_text(node)});
  files.push_back({"config-check.txt", show_problems(problems)});
  const fs::path state = config.ok() ? config->state_dir() : fs::path("/var/lib/hareplicate");
  files.push_back({"history.jsonl", tail_of(state / "history.jsonl")});
  files.push_back({"doctor.txt", doctor_text(context)});
  files.push_back({"host.txt", host_text(config.ok() ? &*config : nullptr)});
  files.push_back(
      {"journal.txt", output_of({"journalctl", "--no-pager", "--lines", std::to_string(kJournalLines),
                                 "--output", "short-iso", "_COMM=replicator"})});
  for (const std::string& file : secret_files(cluster, config)) {
    take_out(file, files);
  }
  std::string stamp = show_utc(read_clocks().wall);
  stamp.erase(std::remove_if(stamp.begin(), stamp.end(), [](char c) { return c == ':' || c == '-'; }),
              stamp.end());
  HA_CHECK(pack_bundle(path, "hareplicate-support-" + stamp, files));
  print(ending(path, files));
  return ExitCode::Good;
}

}  // namespace ha::tool
