#include "dnsupdater/desk.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <utility>

#include "common/base/json_out.h"
#include "common/base/units.h"
#include "dnsupdater/record.h"
#include "dnsupdater/updater.h"

namespace ha::dns {
namespace {

std::atomic<int> interrupt_fd{-1};

void on_interrupt(int) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(interrupt_fd.load(), &one, sizeof one);
}

// ^C and SIGTERM make it readable, and end nothing by themselves.
int catch_interrupts() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  interrupt_fd.store(fd);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  return fd;
}

}  // namespace

Desk::Desk(const Context& context, DnsConfig config) : context_(context), config_(std::move(config)) {}

Result<std::unique_ptr<Desk>> Desk::open(const Context& context) {
  ConfigProblems problems;
  auto config = DnsConfig::load(context.globals.config, problems);
  if (!config.ok()) {
    talk(context, problems.text());
    return std::move(config).error();
  }
  if (config->zones().empty()) {
    return Error(Code::Invalid, escape(context.globals.config) + " has no [[dns.zone]]",
                 "man cluster.toml; the DNS part of /usr/share/doc/hareplicate/examples/cluster.toml");
  }
  std::unique_ptr<Desk> desk(new Desk(context, std::move(config).value()));
  desk->cancel_fd_ = catch_interrupts();
  desk->zones_ = std::make_unique<Zones>(desk->config_, desk->cancel_fd_);
  return desk;
}

Result<std::vector<RrSet>> Desk::read(const Name& zone, const std::vector<SetKey>& keys) {
  HA_TRY(Primary * primary, zones_->primary(zone));
  auto found = primary->read(keys);
  if (auto* trouble = std::get_if<Trouble>(&found)) {
    cause_ = trouble->cause;
    return std::move(trouble->error).in("zone " + zone.text());
  }
  reading_ = Reading{zone, keys, std::get<std::vector<RrSet>>(std::move(found)), read_clocks().steady};
  return reading_->found;
}

Desk::Heard Desk::hear(const Name& zone, const std::vector<SetKey>& keys) {
  auto primary = zones_->primary(zone);
  return primary.ok() ? (*primary)->read(keys) : Heard(Trouble{Cause::Ours, std::move(primary).error()});
}

std::string Desk::user() {
  const char* name = ::getenv("SUDO_USER");
  name = name != nullptr ? name : ::getenv("USER");
  return name != nullptr ? escape(name) : "uid " + std::to_string(::getuid());
}

Outcome Desk::failed(Error error) {
  if (!cause_) {
    return error;
  }
  std::fputs(show_error("dnsupdater", error).c_str(), stderr);
  return exit_of({RunEnd::Stopped, std::nullopt, Trouble{*cause_, std::move(error)}});
}

void Desk::show_plan(const Operation& operation) {
  std::size_t number = 0;
  for (const OperationStep& step : operation.steps) {
    ++number;
    for (const std::string& line : lines_of(step)) {
      const std::string text = std::to_string(number) + ". " + line + "\n";
      if (context_.json()) {
        talk(context_, text);
      } else {
        print(text);
      }
    }
  }
}

// What must not be made is refused before anything is written down. As if all went well: each step from what
// the one before has left.
Status Desk::check_plan(const Operation& operation) {
  for (const OperationStep& step : operation.steps) {
    const auto* move = std::get_if<MoveStep>(&step);
    if (move == nullptr) {
      continue;
    }
    std::vector<RrSet> before;
    for (const SetMove& set : move->sets) {
      if (set.from) {
        before.push_back(*set.from);
      }
    }
    for (const GuardMove& guard : move->guards) {
      if (guard.from) {
        HA_TRY(Record record, first_record(guard.id, {1, 1}));
        record.at = *guard.from;
        HA_TRY(Rdata rdata, record_rdata(record));
        HA_TRY(RrSet set, RrSet::make(guard.name, RrType::Txt, 0, {std::move(rdata)}));
        before.push_back(std::move(set));
      }
    }
    HA_TRY(const Change change, change_of(*move, before, {2, 2}));
    HA_TRY([[maybe_unused]] const Plan plan, make_plan(change));
  }
  return ok();
}

// The messages as nsupdate would take them, each from what is there now.
Status Desk::show_messages(const Operation& operation) {
  for (const OperationStep& step : operation.steps) {
    const auto* move = std::get_if<MoveStep>(&step);
    if (move == nullptr) {
      continue;
    }
    HA_TRY(const std::vector<RrSet> found, read(move->zone, keys_of(*move)));
    HA_TRY(const Digest nonce, new_nonce());
    const auto change = change_of(*move, found, nonce);
    if (!change.ok()) {  // it follows another step
      continue;
    }
    HA_TRY(const Plan plan, make_plan(*change));
    print(plan.empty() ? "nothing to send: it is so already\n" : nsupdate_text(plan.update));
  }
  return ok();
}

Outcome Desk::carry_out(const Make& make) {
  if (context_.has("dry-run")) {
    auto operation = make("d-0");
    if (!operation.ok()) {
      return failed(std::move(operation).error());
    }
    HA_CHECK(check_plan(*operation));
    show_plan(*operation);
    HA_CHECK(show_messages(*operation));
    talk(context_, "Nothing was changed.\n");
    return ExitCode::Good;
  }
  HA_TRY(Journal opened, journal());
  if (const JournalEntry* open = opened.open_entry()) {
    return Error(Code::Refused, open->operation.id + " (" + open->operation.what + ") is not at its end",
                 "dnsupdater resume      or: dnsupdater undo " + open->operation.id);
  }
  auto made = make(opened.next_id());
  if (!made.ok()) {
    return failed(std::move(made).error());
  }
  Operation operation = std::move(made).value();
  HA_CHECK(check_plan(operation));
  if (!context_.globals.yes) {
    show_plan(operation);
  }
  HA_TRY(const bool go_on, confirm(context_, operation.what + ":"));
  if (!go_on) {
    talk(context_, "Nothing was changed.\n");
    return ExitCode::Refused;
  }
  JournalEntry entry{std::move(operation), user(), read_clocks().wall};
  return resume(opened, std::move(entry));
}

Outcome Desk::resume(Journal& opened, JournalEntry entry) {
  HA_TRY(SeenBook seen, SeenBook::open(config_.state_dir().string()));
  RunnerOptions options;
  options.swap_total = context_.globals.timeout.value_or(config_.timeout());
  options.cancel_fd = cancel_fd_;
  options.reading = std::exchange(reading_, std::nullopt);
  options.say = [this](const std::string& line) { talk(context_, line + "\n"); };
  Runner runner(opened, seen, *zones_, std::move(options));
  auto ran = runner.run(entry);
  if (!ran.ok()) {  // of the journal, or of a key: it can go on later
    const Error& error = ran.error();
    const std::string first =
        error.code() == Code::NoSpace ? "df -h " + config_.state_dir().string() : error.hint();
    return Error(error.code(), entry.operation.id + " stands open: " + error.what(),
                 first + (first.empty() ? "" : "\n  then: ") + "dnsupdater resume      or: dnsupdater undo " +
                     entry.operation.id);
  }
  const RunOutcome outcome = std::move(ran).value();
  return report(entry, outcome);
}

Outcome Desk::report(const JournalEntry& entry, const RunOutcome& outcome) {
  if (context_.json()) {
    print(JsonObject()
              .text("schema", "dnsupdater.operation/1")
              .text("id", entry.operation.id)
              .text("what", entry.operation.what)
              .count("steps", entry.operation.steps.size())
              .count("done", entry.done())
              .text("ended", entry.ended)
              .text("verdict", outcome.verdict ? verdict_text(*outcome.verdict) : "")
              .text("cause", outcome.trouble ? cause_text(outcome.trouble->cause) : "")
              .text("error", outcome.trouble ? outcome.trouble->error.what() : "")
              .text() +
          "\n");
  } else if (outcome.end == RunEnd::Done) {
    for (std::size_t i = 0; i < entry.notes.size(); ++i) {
      for (const std::string& line : lines_of(entry.operation.steps[i])) {
        print(line + ": " + entry.notes[i].said + "\n");
      }
    }
    print(entry.operation.id + " " + entry.operation.what + ": done. Back: dnsupdater undo " +
          entry.operation.id + "\n");
  }
  if (outcome.end != RunEnd::Done && outcome.trouble) {
    Error error = outcome.trouble->error;
    if (!entry.ended.empty()) {
      error = std::move(error).in(entry.operation.id + " " + entry.ended);
      std::fputs(show_error("dnsupdater", error).c_str(), stderr);
      return exit_of(outcome);
    }
    const std::string step =
        std::to_string(entry.done() + 1) + " of " + std::to_string(entry.operation.steps.size());
    const std::string hint = error.hint().empty() ? "" : error.hint() + "\n  then: ";
    error = std::move(error)
                .in(entry.operation.id + " stands at step " + step +
                    (outcome.verdict ? ", " + std::string(verdict_text(*outcome.verdict)) : std::string()))
                .hinted(hint + "dnsupdater resume      or: dnsupdater undo " + entry.operation.id);
    std::fputs(show_error("dnsupdater", error).c_str(), stderr);
  }
  return exit_of(outcome);
}

ExitCode exit_of(const RunOutcome& outcome) noexcept {
  if (outcome.end == RunEnd::Done) {
    return ExitCode::Good;
  }
  if (outcome.end == RunEnd::Cancelled) {
    return ExitCode::Interrupted;
  }
  const auto code = [](DnsExit exit) { return static_cast<ExitCode>(exit); };
  if (outcome.verdict == Verdict::Unknown) {
    return code(DnsExit::Unknown);
  }
  if (outcome.verdict == Verdict::Lost || outcome.verdict == Verdict::Overtaken) {
    return code(DnsExit::Lost);
  }
  if (outcome.verdict == Verdict::Regression) {
    return code(DnsExit::Regression);
  }
  if (outcome.verdict == Verdict::Partial) {
    return ExitCode::NotGood;
  }
  switch (outcome.trouble ? outcome.trouble->cause : Cause::Server) {
    case Cause::Key:
      return code(DnsExit::Key);
    case Cause::Clock:
      return code(DnsExit::Clock);
    case Cause::Policy:
      return code(DnsExit::Policy);
    case Cause::Regression:
      return code(DnsExit::Regression);
    case Cause::Ours:
      return exit_code_of(outcome.trouble->error);
    case Cause::Network:
    case Cause::Server:
      return ExitCode::Unreachable;
    case Cause::Zone:
    case Cause::Unsupported:
      return ExitCode::Refused;
  }
  return ExitCode::Internal;
}

}  // namespace ha::dns
