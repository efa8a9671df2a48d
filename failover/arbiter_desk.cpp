#include "failover/arbiter_desk.h"

#include <utility>

namespace ha::failover {
namespace {

Verdict verdict_of(ArbiterVerdict verdict) {
  switch (verdict) {
    case ArbiterVerdict::Won:
      return Verdict::Won;
    case ArbiterVerdict::Lost:
      return Verdict::Lost;
    case ArbiterVerdict::Refused:
      return Verdict::Refused;
    case ArbiterVerdict::Unreachable:
      return Verdict::Silent;
    case ArbiterVerdict::Unknown:
      return Verdict::Unknown;
    case ArbiterVerdict::Regression:
      return Verdict::Regression;
  }
  return Verdict::Unknown;
}

std::string shown(const Error& error) {
  return error.what() + (error.hint().empty() ? "" : "; next: " + error.hint());
}

Answer read_answer(Arbiter& arbiter, const std::string& service) {
  const ArbiterSight sight = arbiter.read(service);
  Answer out;
  out.verdict = sight.regression ? Verdict::Regression : sight.trouble ? Verdict::Silent : Verdict::Won;
  out.has_record = !sight.trouble;
  out.record = sight.record;
  out.why = sight.trouble ? shown(*sight.trouble) : "";
  return out;
}

Answer put(Arbiter& arbiter, const std::string& service, const Ask& ask) {
  if (ask.act == Act::Read) {
    return read_answer(arbiter, service);
  }
  const ArbiterAnswer found = ask.act == Act::Claim   ? arbiter.claim(service, ask.saw, ask.terms, ask.epoch)
                              : ask.act == Act::Renew ? arbiter.renew(service, ask.epoch, ask.terms, ask.hold)
                              : ask.act == Act::Release ? arbiter.release(service, ask.epoch)
                                                        : arbiter.transfer(service, ask.epoch, ask.target);
  Answer out;
  out.verdict = verdict_of(found.verdict);
  out.has_record = found.record.has_value();
  out.record = found.record;
  out.sent = found.sent;
  out.why = found.why ? shown(*found.why) : "";
  return out;
}

}  // namespace

ArbiterDesk::ArbiterDesk(wire::Loop& loop, const std::vector<std::string>& services, Open open,
                         OnAnswer on_answer, OnFollow on_follow)
    : loop_(loop),
      open_(std::move(open)),
      on_answer_(std::move(on_answer)),
      on_follow_(std::move(on_follow)),
      workers_(static_cast<unsigned>(services.size()) * 2) {
  for (const std::string& service : services) {
    lines_.emplace(service, std::make_unique<Line>(workers_, workers_));
  }
}

ArbiterDesk::~ArbiterDesk() {
  *alive_ = false;
  cancel_.now();
  workers_.stop();
}

Result<Arbiter*> ArbiterDesk::opened(std::unique_ptr<OpenArbiter>& arbiter) {
  if (!arbiter) {
    HA_TRY(arbiter, open_(cancel_.fd()));
  }
  return &**arbiter;
}

void ArbiterDesk::ask(const std::string& service, const Ask& ask) {
  Line& line = *lines_.at(service);
  line.asks.post([this, &line, service, ask, alive = alive_] {
    const SteadyTime asked = read_clocks().steady;
    const auto arbiter = opened(line.asked);
    Answer answer;
    if (arbiter.ok()) {
      answer = put(**arbiter, service, ask);
    } else {
      answer.why = shown(arbiter.error());
    }
    answer.act = ask.act;
    answer.asked = asked;
    const Duration took = read_clocks().steady - asked;
    loop_.post_or_wait([this, service, answer, took, alive] {
      if (*alive) {
        answered(service, answer, took);
      }
    });
  });
}

void ArbiterDesk::answered(const std::string& service, Answer answer, Duration took) {
  const bool swap = answer.act == Act::Claim || answer.act == Act::Transfer || answer.act == Act::Release;
  if (swap && answer.verdict == Verdict::Won) {
    swaps_.add(took);
  } else if (answer.act == Act::Read && answer.verdict == Verdict::Won) {
    reads_.add(took);
  }
  on_answer_(service, answer);
}

void ArbiterDesk::follow(const std::string& service) {
  Line& line = *lines_.at(service);
  if (line.following) {
    return;
  }
  line.following = true;
  line.follows.post([this, &line, service, alive = alive_] {
    const auto arbiter = opened(line.followed);
    std::vector<FollowAnswer> found;
    if (arbiter.ok()) {
      found = (*arbiter)->follow(service);
    } else {
      found.push_back({"", false, arbiter.error(), false, {}});
    }
    loop_.post_or_wait([this, &line, service, found, alive] {
      if (*alive) {
        line.following = false;
        on_follow_(service, found);
      }
    });
  });
}

void ArbiterDesk::accept(const std::string& service, std::uint64_t beyond,
                         std::function<void(const Status&)> done) {
  Line& line = *lines_.at(service);
  line.asks.post([this, &line, service, beyond, done = std::move(done), alive = alive_] {
    const auto arbiter = opened(line.asked);
    const Status status = arbiter.ok() ? (*arbiter)->accept(service, beyond) : Status(arbiter.error());
    loop_.post_or_wait([status, done, alive] {
      if (*alive) {
        done(status);
      }
    });
  });
}

std::optional<Duration> ArbiterDesk::swap_time() const {
  const std::optional<Duration> read = reads_.median();
  return swaps_.median() || !read ? swaps_.median() : std::optional(*read * 3);
}

}  // namespace ha::failover
