#include "failover/action/guard.h"

#include <nftables/libnftables.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ha::failover {
namespace {

using std::chrono::milliseconds;

// libnftables says the reason in words only, with strerror's.
Code code_of(std::string_view words) {
  const auto has = [&](std::string_view part) { return words.find(part) != words.npos; };
  return has("Operation not permitted")                              ? Code::Denied
         : has("No such file or directory") || has("does not exist") ? Code::NotFound
         : has("Operation not supported") || has("Protocol not supported") ||
                 has("cache initialization failed: Invalid argument")
             ? Code::Unsupported
             : Code::Io;
}

}  // namespace

void Guard::Free::operator()(nft_ctx* context) const noexcept {
  ::nft_ctx_free(context);
}

Guard::Guard(std::unique_ptr<nft_ctx, Free> context, std::vector<GuardedService> services)
    : context_(std::move(context)), services_(std::move(services)) {}

Guard::Guard(Guard&&) noexcept = default;
Guard& Guard::operator=(Guard&&) noexcept = default;
Guard::~Guard() = default;

Result<Guard> Guard::open(std::vector<GuardedService> services) {
  for (const GuardedService& service : services) {
    HA_CHECK(check_guarded(service));
  }
  std::unique_ptr<nft_ctx, Free> context(::nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context || ::nft_ctx_buffer_error(context.get()) != 0 || ::nft_ctx_buffer_output(context.get()) != 0) {
    return Error(Code::Internal, "libnftables cannot be used");
  }
  Guard made(std::move(context), std::move(services));
  ::nft_ctx_output_set_flags(made.context_.get(), NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL);
  HA_CHECK(made.set_up());
  return made;
}

Status Guard::open_until(std::string_view service, SteadyTime until) {
  HA_CHECK(find(service));
  const auto remaining = std::chrono::floor<milliseconds>(until - read_clocks().steady);
  if (remaining > milliseconds::zero()) {
    HA_CHECK(run_or_restore(guard_open(service, remaining)));
    if (read_clocks().steady < until) {
      return ok();
    }
  }
  HA_CHECK(close(service));
  return Error(Code::TimedOut, "the time of " + std::string(service) + " was over before the guard was open");
}

Status Guard::close(std::string_view service) {
  HA_CHECK(find(service));
  return run_or_restore(guard_close(service));
}

Status Guard::keep_local(std::string_view service) {
  HA_CHECK(find(service));
  return run_or_restore(guard_keep_local(service));
}

Status Guard::ensure() {
  const auto before = generation_.read();
  if (before && before == right_at_) {
    return ok();
  }
  const auto now = rules();
  if (!now.ok() || *now != rules_) {
    return set_up();
  }
  right_at_ = before;
  return ok();
}

Status Guard::set_up() {
  HA_CHECK(run(guard_setup(services_)));
  HA_TRY(rules_, rules());
  return ok();
}

Result<std::string> Guard::rules() {
  std::string out;
  for (const std::string& list : guard_lists()) {
    HA_CHECK(run(list));
    const char* const said = ::nft_ctx_get_output_buffer(context_.get());
    out += said == nullptr ? "" : said;
  }
  return out;
}

Status Guard::remove() {
  return run(guard_remove());
}

Status Guard::run(const std::string& commands) {
  if (::nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0) {
    return ok();
  }
  const char* const said = ::nft_ctx_get_error_buffer(context_.get());
  std::string words = said == nullptr ? "" : said;
  words = words.substr(0, words.find('\n'));
  const Code code = code_of(words);
  return Error(code, "the kernel guard: " + (words.empty() ? "nftables has failed" : words),
               code == Code::Denied ? "it needs root or CAP_NET_ADMIN" : "");
}

// Somebody may have flushed all tables.
Status Guard::run_or_restore(const std::string& commands) {
  Status done = run(commands);
  if (!done.ok() && done.error().code() == Code::NotFound) {
    HA_CHECK(set_up());
    done = run(commands);
  }
  return done;
}

Status Guard::find(std::string_view service) const {
  const bool found = std::any_of(services_.begin(), services_.end(),
                                 [&](const GuardedService& each) { return each.name == service; });
  return found ? ok() : Status(Error(Code::NotFound, "the guard has no service " + std::string(service)));
}

}  // namespace ha::failover
