// The verbs of the command `failover`, and how they ask this site's coordinator.
//
// Thread safety: one thread; for the program, not a library. Source: docs/operations.md, "Conventions".
#pragma once

#include <functional>
#include <string>

#include "common/base/cli_context.h"
#include "failover/config.h"

namespace ha::schemas::coordinator {
class Budget;
class Reply;
class Request;
class Service;
class Site;
class Status;
}  // namespace ha::schemas::coordinator

namespace ha::failover {

[[nodiscard]] const CliProgram& program() noexcept;

// cluster.toml and the node.toml beside it. On errors every problem has been printed.
[[nodiscard]] Result<FailoverConfig> load_config(const Context& context);

using Question = schemas::coordinator::Request;
using Reply = schemas::coordinator::Reply;
// With the caller's name.
[[nodiscard]] Question question(const std::string& verb);
// Calls `on_reply` for each. Unavailable when no coordinator runs.
[[nodiscard]] Status ask(const Context& context, const Question& question,
                         const std::function<void(const Reply&)>& on_reply);
[[nodiscard]] Result<schemas::coordinator::Status> ask_status(const Context& context);
// Of a verb that changes something: asks, and prints what happens now.
[[nodiscard]] Outcome order(const Context& context, const Question& question);

// One sentence for each thing that a person may ask: pure, of what status says.
// "up to 42 s" if a part of it was never measured, else "about 42 s" by the word given.
[[nodiscard]] std::string total_text(const schemas::coordinator::Budget& budget, std::string_view about);
[[nodiscard]] std::string can_take_over(const schemas::coordinator::Service& service, std::string_view site);
[[nodiscard]] std::vector<std::string> why_service(const schemas::coordinator::Status& status,
                                                   const schemas::coordinator::Service& service);
[[nodiscard]] std::vector<std::string> why_site(const schemas::coordinator::Status& status,
                                                const schemas::coordinator::Site& site);

Outcome run_daemon(const Context& context);
Outcome run_status(const Context& context);
Outcome run_why(const Context& context);
Outcome run_history(const Context& context);
Outcome run_switchover(const Context& context);
Outcome run_takeover(const Context& context);
Outcome run_fallback(const Context& context);
Outcome run_pause(const Context& context);
Outcome run_maintenance(const Context& context);
Outcome run_health(const Context& context);
Outcome run_sensor_list(const Context& context);
Outcome run_sensor_test(const Context& context);
Outcome run_sensor_mute(const Context& context);
Outcome run_fence_confirm(const Context& context);
Outcome run_ack(const Context& context);
Outcome run_simulate(const Context& context);
Outcome run_arbiter_check(const Context& context);
Outcome run_arbiter_accept(const Context& context);
Outcome run_handlers_list(const Context& context);
Outcome run_handlers_test(const Context& context);
Outcome run_config_check(const Context& context);
Outcome run_config_reload(const Context& context);

}  // namespace ha::failover
