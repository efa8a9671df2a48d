#include "failover/action/pbx_line.h"

#include <charconv>
#include <utility>

#include "common/pbx/ami_client.h"
#include "common/pbx/esl_client.h"
#include "common/sys/secret.h"
#include "failover/action/command.h"

namespace ha::failover {
namespace {

constexpr Duration kPatience = std::chrono::seconds(2);

// The first number of what a command has printed.
Result<std::uint64_t> number_in(const std::string& text) {
  const std::size_t first = text.find_first_of("0123456789");
  std::uint64_t out = 0;
  if (first == std::string::npos ||
      std::from_chars(text.data() + first, text.data() + text.size(), out).ec != std::errc{}) {
    return Error(Code::Invalid, "[pbx] calls has printed no number", "run it by hand");
  }
  return out;
}

BytesView without_newline(BytesView text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<pbx::Field> fields_of(const PbxLine::Fields& fields) {
  std::vector<pbx::Field> out;
  for (const auto& [name, value] : fields) {
    out.push_back({name, value});
  }
  return out;
}

}  // namespace

struct PbxLine::Open {
  std::optional<pbx::AmiClient> ami;
  std::optional<pbx::EslClient> esl;
  int cancel_fd = -1;

  [[nodiscard]] pbx::Patience patience() const { return {read_clocks().steady + kPatience, cancel_fd}; }
};

PbxLine::PbxLine(PbxLineConfig config, Sink sink)
    : config_(std::move(config)), sink_(std::move(sink)), thread_([this] { run(); }) {}

PbxLine::~PbxLine() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  cancel_.now();
  changed_.notify_all();
  thread_.join();
}

void PbxLine::tell(const std::string& event, const Fields& fields) {
  if (config_.kind != PbxLineConfig::Kind::Ami && config_.kind != PbxLineConfig::Kind::Esl) {
    return;
  }
  const std::lock_guard lock(mutex_);
  if (events_.size() < kEventsMax) {
    events_.emplace_back(event, fields);
    changed_.notify_all();
  }
}

Status PbxLine::connect(Open& open) {
  const bool ami = config_.kind == PbxLineConfig::Kind::Ami;
  if ((ami && open.ami && !open.ami->is_over()) || (!ami && open.esl && !open.esl->is_over())) {
    return ok();
  }
  open.ami.reset();
  open.esl.reset();
  HA_TRY(const sys::Secret secret, sys::load_secret(config_.secret_file));
  const BytesView word = without_newline(secret.bytes());
  if (ami) {
    HA_TRY(open.ami, pbx::AmiClient::open(config_.at, {config_.user, word}, open.patience()));
  } else {
    HA_TRY(open.esl, pbx::EslClient::open(config_.at, {word}, open.patience()));
  }
  return ok();
}

Result<std::uint64_t> PbxLine::calls(Open& open) {
  if (config_.kind == PbxLineConfig::Kind::Command) {
    ActionCommand command;
    command.argv = config_.command;
    command.limit = kPatience;
    const CommandOutcome outcome = run_action(command, {{}, {}, cancel_.fd()});
    return outcome.good ? number_in(outcome.output) : Error(Code::Unavailable, outcome.words);
  }
  HA_CHECK(connect(open));
  if (open.ami) {
    HA_TRY(const pbx::ChannelCounts counts, open.ami->channels(open.patience()));
    return counts.calls;
  }
  return open.esl->calls(open.patience());
}

Status PbxLine::send(Open& open, const std::string& event, const Fields& fields) {
  HA_CHECK(connect(open));
  return open.ami ? open.ami->user_event(event, fields_of(fields), open.patience())
                  : open.esl->send_event(event, fields_of(fields), open.patience());
}

void PbxLine::run() {
  if (config_.kind == PbxLineConfig::Kind::None) {
    return;
  }
  Open open;
  open.cancel_fd = cancel_.fd();
  SteadyTime ask_at = read_clocks().steady;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_until(lock, ask_at, [this] { return stopping_ || !events_.empty(); });
    std::deque<std::pair<std::string, Fields>> events;
    events.swap(events_);
    if (stopping_) {
      return;
    }
    lock.unlock();
    for (const auto& [event, fields] : events) {
      if (!send(open, event, fields).ok()) {
        break;  // the PBX is away, and does not hear the others either
      }
    }
    if (read_clocks().steady >= ask_at) {
      sink_(calls(open));
      ask_at = read_clocks().steady + kEvery;
    }
    lock.lock();
  }
}

}  // namespace ha::failover
