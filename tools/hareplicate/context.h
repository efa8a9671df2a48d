// The verbs of hareplicate. What they get and give: common/base/cli_context.h.
#pragma once

#include "common/base/cli_context.h"

namespace ha::tool {

[[nodiscard]] const CliProgram& program() noexcept;

// The verbs; `completion` is done elsewhere.
[[nodiscard]] Outcome run_status(const Context& context);
[[nodiscard]] Outcome run_resync(const Context& context);
[[nodiscard]] Outcome run_verify(const Context& context);
[[nodiscard]] Outcome run_diff(const Context& context);
[[nodiscard]] Outcome run_jobs(const Context& context);
[[nodiscard]] Outcome run_hold(const Context& context);
[[nodiscard]] Outcome run_release(const Context& context);
[[nodiscard]] Outcome run_stranded(const Context& context);
[[nodiscard]] Outcome run_stranded_merge(const Context& context);
[[nodiscard]] Outcome run_history(const Context& context);
[[nodiscard]] Outcome run_events(const Context& context);
[[nodiscard]] Outcome run_config_check(const Context& context);
[[nodiscard]] Outcome run_config_show(const Context& context);
[[nodiscard]] Outcome run_config_diff(const Context& context);
[[nodiscard]] Outcome run_config_push(const Context& context);
[[nodiscard]] Outcome run_config_confirm(const Context& context);
[[nodiscard]] Outcome run_config_undo(const Context& context);
[[nodiscard]] Outcome run_keys_new(const Context& context);
[[nodiscard]] Outcome run_keys_show(const Context& context);
[[nodiscard]] Outcome run_keys_rotate(const Context& context);
[[nodiscard]] Outcome run_invite(const Context& context);
[[nodiscard]] Outcome run_join(const Context& context);
[[nodiscard]] Outcome run_doctor(const Context& context);
[[nodiscard]] Outcome run_init(const Context& context);
[[nodiscard]] Outcome run_support_bundle(const Context& context);
[[nodiscard]] Outcome run_help(const Context& context);

}  // namespace ha::tool
