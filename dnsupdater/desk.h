// What every verb of dnsupdater works at: configuration, zones, journal, what was seen; ^C as a descriptor.
//
// Thread safety: one thread; a program, not a library.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/cli_context.h"
#include "dnsupdater/config.h"
#include "dnsupdater/journal.h"
#include "dnsupdater/runner.h"
#include "dnsupdater/seen_book.h"
#include "dnsupdater/zones.h"

namespace ha::dns {

class Desk {
 public:
  // Problems of the configuration go to stderr.
  [[nodiscard]] static Result<std::unique_ptr<Desk>> open(const Context& context);

  [[nodiscard]] const DnsConfig& config() const noexcept { return config_; }
  [[nodiscard]] Zones& zones() noexcept { return *zones_; }
  [[nodiscard]] int cancel_fd() const noexcept { return cancel_fd_; }
  // What is there now. Errors in words.
  [[nodiscard]] Result<std::vector<RrSet>> read(const Name& zone, const std::vector<SetKey>& keys);

  // Shows the plan, asks, runs it, says how it ended: `set`, `swap`, `maintenance`, `undo`. With --dry-run
  // only the first, with the message of RFC 2136.
  using Make = std::function<Result<Operation>(std::string id)>;
  [[nodiscard]] Outcome carry_out(const Make& make);
  // Goes on with what stands open.
  [[nodiscard]] Outcome resume(Journal& journal, JournalEntry entry);
  // As read(), with the cause.
  using Heard = Primary::Heard<std::vector<RrSet>>;
  [[nodiscard]] Heard hear(const Name& zone, const std::vector<SetKey>& keys);
  // The error with the exit code of its cause.
  [[nodiscard]] Outcome failed(Error error);
  // Who types.
  [[nodiscard]] static std::string user();
  [[nodiscard]] Result<Journal> journal() const { return Journal::open(config_.state_dir().string()); }

 private:
  Desk(const Context& context, DnsConfig config);
  void show_plan(const Operation& operation);
  [[nodiscard]] static Status check_plan(const Operation& operation);
  [[nodiscard]] Status show_messages(const Operation& operation);
  [[nodiscard]] Outcome report(const JournalEntry& entry, const RunOutcome& outcome);

  const Context& context_;
  std::optional<Cause> cause_;      // of the last error of read()
  std::optional<Reading> reading_;  // the last
  DnsConfig config_;
  int cancel_fd_ = -1;
  std::unique_ptr<Zones> zones_;
};

// Exit codes beyond those of every command: docs/dns.md.
enum class DnsExit { Lost = 10, Unknown = 11, Key = 12, Clock = 13, Policy = 14, Regression = 15 };
[[nodiscard]] ExitCode exit_of(const RunOutcome& outcome) noexcept;

[[nodiscard]] const CliProgram& program() noexcept;
[[nodiscard]] Outcome run_show(const Context& context);
[[nodiscard]] Outcome run_check(const Context& context);
[[nodiscard]] Outcome run_set(const Context& context);
[[nodiscard]] Outcome run_delete(const Context& context);
[[nodiscard]] Outcome run_swap_site(const Context& context);
[[nodiscard]] Outcome run_maintenance(const Context& context);
[[nodiscard]] Outcome run_pool(const Context& context);
[[nodiscard]] Outcome run_pool_show(const Context& context);
[[nodiscard]] Outcome run_probe(const Context& context);
[[nodiscard]] Outcome run_resume(const Context& context);
[[nodiscard]] Outcome run_undo(const Context& context);
[[nodiscard]] Outcome run_wait(const Context& context);
[[nodiscard]] Outcome run_journal(const Context& context);
[[nodiscard]] Outcome run_doctor(const Context& context);
[[nodiscard]] Outcome run_accept(const Context& context);

}  // namespace ha::dns
