// dnsupdater doctor
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "common/base/cli_table.h"
#include "common/base/json_out.h"
#include "common/sys/digest.h"
#include "common/sys/process.h"
#include "dnsupdater/desk.h"
#include "dnsupdater/doctor_run.h"
#include "dnsupdater/key_file.h"
#include "dnsupdater/policy.h"

namespace ha::dns {
namespace {

constexpr Duration kPatienceMax = std::chrono::seconds(3);  // for one answer
constexpr Duration kRestartWait = std::chrono::minutes(10);
constexpr std::size_t kTagBytes = 4;
constexpr const char* kFolder = "dns";
constexpr const char* kFile = "doctor";
constexpr std::size_t kFileBytesMax = 64 * 1024;
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

// Scratch names that may be in a zone: "zone tag", a line each, in state_dir/dns/doctor. What a kill has left
// is deleted by the next run.
class TagBook {
 public:
  static Result<TagBook> open(const std::string& state_dir) {
    HA_TRY(const sys::Directory state, sys::Directory::open_root(state_dir));
    if (const Status made = state.make_directory(kFolder, kFolderMode);
        !made.ok() && made.error().code() != Code::Exists) {
      return made.error();
    }
    HA_TRY(sys::Directory directory, state.open_beneath(kFolder));
    HA_TRY(sys::LockFile lock, sys::LockFile::acquire(directory, "doctor.lock"));
    TagBook book(std::move(directory), std::move(lock));
    const auto text = sys::read_file(book.directory_, kFile, kFileBytesMax);
    if (!text.ok()) {
      return text.error().code() == Code::NotFound ? Result<TagBook>(std::move(book)) : text.error();
    }
    std::istringstream lines(*text);
    std::string zone;
    std::string tag;
    while (lines >> zone >> tag) {
      auto name = Name::parse(zone);
      if (name.ok() && name->below(tag).ok()) {
        book.tags_.emplace_back(std::move(name).value(), tag);
      }
    }
    return book;
  }

  [[nodiscard]] std::vector<std::string> of(const Name& zone) const {
    std::vector<std::string> out;
    for (const auto& [each, tag] : tags_) {
      if (each == zone) {
        out.push_back(tag);
      }
    }
    return out;
  }
  Status add(const Name& zone, const std::string& tag) {
    tags_.emplace_back(zone, tag);
    return save();
  }
  Status remove(const Name& zone, const std::string& tag) {
    tags_.erase(std::remove(tags_.begin(), tags_.end(), std::pair(zone, tag)), tags_.end());
    return save();
  }

 private:
  TagBook(sys::Directory directory, sys::LockFile lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}
  Status save() {
    std::string text;
    for (const auto& [zone, tag] : tags_) {
      text += zone.text() + " " + tag + "\n";
    }
    return sys::replace_file(directory_, kFile, text, kFileMode);
  }

  sys::Directory directory_;
  sys::LockFile lock_;
  std::vector<std::pair<Name, std::string>> tags_;
};

Result<std::vector<ZoneConfig>> wanted_zones(const Context& context, const DnsConfig& config) {
  if (context.argument(0).empty()) {
    return config.zones();
  }
  HA_TRY(const Name name, Name::parse(context.argument(0)));
  for (const ZoneConfig& zone : config.zones()) {
    if (zone.name == name) {
      return std::vector<ZoneConfig>{zone};
    }
  }
  return Error(Code::NotFound, name.text() + " is no [[dns.zone]] of this configuration",
               "hareplicate config show dns.zone");
}

Outcome show_policy(const Context& context, const DnsConfig& config, const std::vector<ZoneConfig>& zones) {
  HA_TRY(const PolicyKind kind, parse_policy_kind(context.invocation.value("policy")));
  for (const ZoneConfig& zone : zones) {
    HA_TRY(const TsigKey key, load_key(zone.key_file.string()));
    HA_TRY(const PolicyNames names, policy_names(config, zone.name));
    HA_TRY(const std::string text,
           policy_text(kind, names, zone.name, {key.name, key.algorithm, escape(zone.key_file.string())}));
    print((&zone == &zones.front() ? "" : "\n") + text);
  }
  return ExitCode::Good;
}

void show_plan(const Context& context, const std::vector<ZoneConfig>& zones) {
  Table table({{"ZONE", "zone", Align::Left},
               {"PRIMARY", "primary", Align::Left},
               {"CHECK", "check", Align::Left},
               {"WOULD TRY", "did", Align::Left},
               {"DUE", "expected", Align::Left}});
  for (const ZoneConfig& zone : zones) {
    for (const CheckPlan& plan : check_plans()) {
      if (plan.name != "restart" || context.has("restart-test")) {
        table.add({zone.name.text(), zone.primary.at(0).text(), plan.name, plan.did, plan.expected});
      }
    }
  }
  print(table.print(context.globals.output, "dnsupdater.doctor/1"));
  talk(context, "Nothing was sent.\n");
}

Result<unsigned> rounds_of(const Context& context) {
  const std::string text = context.invocation.value("rounds", "20");
  unsigned rounds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rounds);
  if (error != std::errc{} || end != text.data() + text.size() || rounds == 0 || rounds > kRoundsMax) {
    return Error(Code::Invalid, "--rounds " + escape(text) + " is no number of races",
                 "1 to " + std::to_string(kRoundsMax));
  }
  return rounds;
}

Result<DoctorOptions> options_of(const Context& context, const Desk& desk, const ZoneConfig& zone,
                                 const SeenBook& seen) {
  DoctorOptions options;
  options.scratch = {zone.name, zone.primary, std::min(desk.config().timeout(), kPatienceMax), "",
                     desk.cancel_fd()};
  options.limit = desk.config().timeout();
  if (context.has("against")) {
    HA_TRY(Endpoint other, Endpoint::parse(context.invocation.value("against")));
    options.scratch.endpoints.push_back(std::move(other));
  }
  HA_TRY(const Bytes random, sys::random_bytes(kTagBytes));
  options.scratch.tag = hex(random);
  HA_TRY([[maybe_unused]] const Name longest,
         zone.name.below(options.scratch.tag + "-other." + std::string(kDoctorLabel)));
  HA_TRY(options.rounds, rounds_of(context));
  options.servers = zone.servers;
  options.sites = desk.config().sites();
  options.self = desk.config().self();
  for (const auto& [guard, version] : seen.all()) {
    const ZoneConfig* of = desk.config().zone_of(guard);
    if (of != nullptr && of->name == zone.name) {
      options.seen.emplace(guard, version);
    }
  }
  if (context.has("restart-test")) {
    options.restart = context.globals.timeout.value_or(kRestartWait);
    options.input_fd = context.globals.no_input ? -1 : STDIN_FILENO;
  }
  options.say = [&context](const std::string& line) { talk(context, line + "\n"); };
  return options;
}

Result<Diagnosis> examine(const Context& context, const Desk& desk, const ZoneConfig& zone,
                          const SeenBook& seen, TagBook& tags) {
  HA_TRY(const TsigKey key, load_key(zone.key_file.string()));
  HA_TRY(DoctorOptions options, options_of(context, desk, zone, seen));
  for (const std::string& tag : tags.of(zone.name)) {
    ScratchOptions earlier = options.scratch;
    earlier.tag = tag;
    if (Scratch(earlier, key).clean().empty()) {
      talk(context, zone.name.text() + ": deleted what an earlier run may have left (" + tag + ")\n");
      HA_CHECK(tags.remove(zone.name, tag));
    }
  }
  const std::string tag = options.scratch.tag;
  HA_CHECK(tags.add(zone.name, tag));
  Diagnosis diagnosis = Doctor(std::move(options), key).run();
  if (!diagnosis.left_behind) {
    HA_CHECK(tags.remove(zone.name, tag));
  }
  return diagnosis;
}

ExitCode exit_of(const Diagnosis& diagnosis) {
  if (diagnosis.interrupted) {
    return ExitCode::Interrupted;
  }
  if (diagnosis.safe()) {
    return ExitCode::Good;
  }
  for (const Check& check : diagnosis.checks) {
    const auto is = [&](Cause cause) { return check.mark == Mark::Bad && check.cause == cause; };
    if (is(Cause::Network)) {
      return ExitCode::Unreachable;
    }
    for (const auto& [cause, code] :
         {std::pair(Cause::Key, DnsExit::Key), std::pair(Cause::Clock, DnsExit::Clock),
          std::pair(Cause::Policy, DnsExit::Policy), std::pair(Cause::Regression, DnsExit::Regression)}) {
      if (is(cause)) {
        return static_cast<ExitCode>(code);
      }
    }
  }
  return ExitCode::NotGood;
}

void report(const Context& context, const std::vector<Diagnosis>& all) {
  if (context.globals.output == OutputMode::Table) {
    for (const Diagnosis& each : all) {
      print((&each == &all.front() ? "" : "\n") + each.text());
    }
    return;
  }
  if (context.json()) {
    JsonList zones;
    for (const Diagnosis& each : all) {
      zones.add(each.json());
    }
    print(JsonObject().text("schema", "dnsupdater.doctor/1").raw("zones", zones.text()).text() + "\n");
    return;
  }
  Table table({{"ZONE", "zone", Align::Left},
               {"CHECK", "check", Align::Left},
               {"MARK", "mark", Align::Left},
               {"SEEN", "seen", Align::Left},
               {"HINT", "hint", Align::Left}});
  for (const Diagnosis& each : all) {
    for (const Check& check : each.checks) {
      table.add({each.zone.text(), check.name, mark_text(check.mark), check.seen, check.hint});
    }
  }
  print(table.fields());
}

}  // namespace

Outcome run_doctor(const Context& context) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  HA_TRY(const std::vector<ZoneConfig> zones, wanted_zones(context, desk->config()));
  if (context.has("policy")) {
    return show_policy(context, desk->config(), zones);
  }
  if (zones.size() > 1 && (context.has("restart-test") || context.has("against"))) {
    return Error(Code::Invalid, "--restart-test and --against are about one zone",
                 "dnsupdater doctor " + zones[0].name.text() + " --restart-test");
  }
  if (context.has("dry-run")) {
    show_plan(context, zones);
    return ExitCode::Good;
  }
  HA_TRY(const SeenBook seen, SeenBook::open(desk->config().state_dir().string()));
  HA_TRY(TagBook tags, TagBook::open(desk->config().state_dir().string()));
  std::vector<Diagnosis> all;
  ExitCode code = ExitCode::Good;
  for (const ZoneConfig& zone : zones) {
    HA_TRY(Diagnosis diagnosis, examine(context, *desk, zone, seen, tags));
    code = code == ExitCode::Good ? exit_of(diagnosis) : code;
    all.push_back(std::move(diagnosis));
    if (all.back().interrupted) {
      break;
    }
  }
  report(context, all);
  return code;
}

}  // namespace ha::dns
