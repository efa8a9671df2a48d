#include "replicator/after_commands.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <utility>

#include "common/sys/process.h"

namespace ha::replicator {
namespace {

constexpr const char* kFolder = "after";
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kFileBytesMax = 256;
constexpr std::size_t kOutputBytesMax = 4096;  // the last of it
constexpr Duration kBurstMax = std::chrono::seconds(10);
constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";

// On the shelf no PBX reads it.
bool is_wanted(const AfterSet& set) {
  const AfterOn other = set.is_origin ? AfterOn::Replica : AfterOn::Holder;
  return !set.config.after.empty() && set.config.after_on != other && !set.config.shelved;
}

bool may_be_wanted(const AfterSet& set) {
  return is_wanted(set) || (set.turns && !set.config.after.empty());
}

// As it can be pasted into a shell.
std::string shown(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += out.empty() ? "" : " ";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
      out += word;
      continue;
    }
    out += '\'';
    for (const char c : word) {
      out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    out += '\'';
  }
  return out;
}

std::string last_line(const Bytes& output) {
  const std::size_t end = output.find_last_not_of(" \t\r\n");
  if (end == Bytes::npos) {
    return {};
  }
  const std::size_t before = output.rfind('\n', end);
  const std::size_t begin = before == Bytes::npos ? 0 : before + 1;
  return escape(BytesView(output).substr(begin, end + 1 - begin));
}

std::string how_it_ended(const sys::CommandResult& result, Duration limit) {
  if (result.timed_out) {
    return "took longer than after_timeout = " +
           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limit).count()) + "s";
  }
  return result.signal != 0 ? "was ended by signal " + std::to_string(result.signal)
                            : "ended with exit code " + std::to_string(result.exit_status);
}

}  // namespace

AfterCommands::AfterCommands(wire::Loop& loop, std::string site, sys::Directory state,
                             sys::FileHandle cancelled, std::size_t threads, Logger& log)
    : loop_(loop),
      site_(std::move(site)),
      state_(std::move(state)),
      cancelled_(std::move(cancelled)),
      log_(log),
      workers_(static_cast<unsigned>(threads)) {}

Result<std::unique_ptr<AfterCommands>> AfterCommands::open(wire::Loop& loop, const std::string& state_dir,
                                                           std::string site,
                                                           const std::vector<AfterSet>& sets, Logger& log) {
  const auto wanted = static_cast<std::size_t>(std::count_if(sets.begin(), sets.end(), may_be_wanted));
  HA_TRY(sys::Directory state, sys::Directory::open_root(state_dir));
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) {
    return errno_error("cannot make an eventfd", errno);
  }
  std::unique_ptr<AfterCommands> after(new AfterCommands(loop, std::move(site), std::move(state),
                                                         sys::FileHandle(fd, "eventfd"), wanted, log));
  for (const AfterSet& set : sets) {
    if (may_be_wanted(set)) {
      HA_TRY(const Done done, after->read_done(set.config.name));
      after->sets_.emplace(
          set.config.name,
          Set{set, Strand(after->workers_), done, {}, 0, std::nullopt, std::nullopt, false, std::nullopt});
    }
  }
  after->timer_ = loop.add_timer([raw = after.get()] { return raw->next_wakeup(); },
                                 [raw = after.get()](const Now& now) { raw->on_tick(now); });
  return after;
}

AfterCommands::~AfterCommands() {
  loop_.remove(timer_);
  cancel();
  stop();
}

void AfterCommands::cancel() noexcept {
  static_cast<void>(::eventfd_write(cancelled_.fd(), 1));
}

void AfterCommands::stop() {
  workers_.stop();
}

// ---------------------------------------------------------------- when
bool AfterCommands::has(const std::string& name) const {
  const auto found = sets_.find(name);
  return found != sets_.end() && is_wanted(found->second.about);
}

void AfterCommands::turn(const AfterSet& about) {
  const auto found = sets_.find(about.config.name);
  if (found == sets_.end()) {
    return;
  }
  Set& set = found->second;
  set.about = about;
  set.items = 0;
  set.first_at.reset();
  set.due_at.reset();
  set.failure.reset();
}

void AfterCommands::found(const std::string& name, const Position& own) {
  const auto found = sets_.find(name);
  if (found == sets_.end() || !is_wanted(found->second.about)) {
    return;
  }
  Set& set = found->second;
  set.own = own;
  const bool news = set.about.is_origin ? set.about.epoch > set.done.epoch
                                        : own.sequence > 0 && (own.index_id != set.done.index_id ||
                                                               own.sequence != set.done.sequence);
  if (news) {
    want(set);
  }
}

void AfterCommands::published(const std::string& name, const Position& own, std::uint64_t items) {
  const auto found = sets_.find(name);
  if (found != sets_.end() && is_wanted(found->second.about)) {
    found->second.own = own;
    found->second.items += items;
    want(found->second);
  }
}

// What comes within `settle` of the one before belongs to it, but not for ever.
void AfterCommands::want(Set& set) {
  const SteadyTime now = read_clocks().steady;
  set.first_at = set.first_at.value_or(now);
  set.due_at = std::min(now + set.about.config.settle, *set.first_at + kBurstMax);
}

std::optional<SteadyTime> AfterCommands::next_wakeup() const {
  std::optional<SteadyTime> next;
  for (const auto& [name, set] : sets_) {
    if (!set.running && set.due_at && (!next || *set.due_at < *next)) {
      next = set.due_at;
    }
  }
  return next;
}

void AfterCommands::on_tick(const Now& now) {
  for (auto& [name, set] : sets_) {
    if (!set.running && set.due_at && *set.due_at <= now.steady) {
      run(set);
    }
  }
}

// ---------------------------------------------------------------- running
void AfterCommands::run(Set& set) {
  set.running = true;
  set.first_at.reset();
  set.due_at.reset();
  const std::uint64_t items = std::exchange(set.items, 0);
  Done done = set.done;
  if (set.about.is_origin) {
    done.epoch = set.about.epoch;
  } else {
    done.index_id = set.own.index_id;
    done.sequence = set.own.sequence;
  }
  const std::vector<std::string> environment{
      "HA_SET=" + set.about.config.name,
      "HA_SERVICE=" + set.about.config.service,
      "HA_SITE=" + site_,
      "HA_ROLE=" + std::string(set.about.is_origin ? "holder" : "replica"),
      "HA_EPOCH=" + std::to_string(set.about.epoch),
      "HA_ITEMS=" + std::to_string(items),
  };
  set.strand.post([this, &set, about = set.about, environment, done, items] {
    Outcome outcome = run_all(about, environment);
    if (outcome.status.ok()) {
      if (const Status kept = write_done(about.config.name, done); !kept.ok()) {
        log_.warn("set.after_not_kept", kept.error(), {{"set", about.config.name}});
      }
    }
    loop_.post_or_wait(
        [this, &set, outcome = std::move(outcome), done, items] { ended(set, outcome, done, items); });
  });
}

// One after the other; the first that fails is the last.
AfterCommands::Outcome AfterCommands::run_all(const AfterSet& about,
                                              const std::vector<std::string>& environment) const {
  const SteadyTime began = read_clocks().steady;
  Outcome outcome;
  for (const std::vector<std::string>& words : about.config.after) {
    sys::Command command;
    command.argv = words;
    command.limit = about.config.after_timeout;
    command.output_bytes_max = kOutputBytesMax;
    command.keep_end = true;
    command.environment = environment;
    command.directory = "/";
    command.cancel_fd = cancelled_.fd();
    outcome.command = shown(words);
    const auto result = sys::run_command(command);
    if (!result.ok()) {
      outcome.status = result.error();
    } else if (result->cancelled) {
      outcome.status = Error(Code::Cancelled, "the replicator stopped while it ran");
    } else if (!result->succeeded()) {
      const std::string line = last_line(result->output);
      outcome.status = Error(Code::Refused, "it " + how_it_ended(*result, command.limit) +
                                                (line.empty() ? "" : ", its last words: " + line));
      log_.debug("set.after_output", {{"set", about.config.name}, {"output", escape(result->output)}});
    }
    if (!outcome.status.ok()) {
      break;
    }
  }
  outcome.took = read_clocks().steady - began;
  return outcome;
}

void AfterCommands::ended(Set& set, const Outcome& outcome, const Done& done, std::uint64_t items) {
  set.running = false;
  const std::string& name = set.about.config.name;
  if (outcome.status.ok()) {
    set.done = done;
    set.failure.reset();
    log_.info("set.after_done", {{"set", name}, {"items", items}, {"took", outcome.took}});
    return;
  }
  log_.warn("set.after_failed", outcome.status.error(), {{"set", name}, {"command", outcome.command}});
  set.failure = AfterReport{name, outcome.command, outcome.status.error().what()};
}

void AfterCommands::report(SideReport& out) const {
  for (const auto& [name, set] : sets_) {
    if (set.failure) {
      out.after.push_back(*set.failure);
    }
  }
}

// ---------------------------------------------------------------- what is kept
Result<AfterCommands::Done> AfterCommands::read_done(const std::string& set) const {
  Done done;
  const auto text = sys::read_file(state_, std::string(kFolder) + "/" + set, kFileBytesMax);
  if (text.ok()) {
    std::istringstream words(*text);
    if (!(words >> done.epoch >> done.index_id >> done.sequence)) {
      return Done{};  // torn or not ours: the commands run once more
    }
  } else if (text.error().code() != Code::NotFound) {
    return text.error();
  }
  return done;
}

Status AfterCommands::write_done(const std::string& set, const Done& done) const {
  if (auto made = state_.make_directory(kFolder, kFolderMode);
      !made.ok() && made.error().code() != Code::Exists) {
    return made;
  }
  return sys::replace_file(state_, std::string(kFolder) + "/" + set,
                           std::to_string(done.epoch) + " " + std::to_string(done.index_id) + " " +
                               std::to_string(done.sequence) + "\n",
                           kFileMode);
}

}  // namespace ha::replicator
