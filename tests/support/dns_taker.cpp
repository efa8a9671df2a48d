// A site that takes services again and again, as a coordinator would, with LeaseKeeper on real servers:
//
//   dns_taker CLUSTER-TOML SERVICE ROUNDS [follow|claim]
//
// Each round: read; who owns it brings the second half after it (this is how a killed one is resumed),
// renews, and now and then releases it or hands it over; who does not, claims it, some rounds later. `follow`
// only does what is due, `claim` only the first half. One line for what it was told: "claimed EPOCH",
// "followed ZONE EPOCH", "renewed EPOCH", "released EPOCH", "handed-over EPOCH TO", "lost WHAT", "unknown
// WHAT", "late ZONE", "BAD WHAT". For kills and faults on real servers: tests/e2e/dns_takeover_resumes.py.
#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/sys/digest.h"
#include "dnsupdater/lease_keeper.h"
#include "dnsupdater/wire.h"

namespace {

using namespace ha;
using namespace ha::dns;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

std::string why(const std::optional<Trouble>& trouble) {
  return trouble ? ": " + trouble->error.what() : "";
}

class Taker {
 public:
  Taker(const DnsConfig& config, SeenBook& seen, Zones& zones, std::string service, std::uint64_t seed)
      : config_(config),
        keeper_(config, seen, zones, config.timeout()),
        service_(std::move(service)),
        random_(seed) {}

  void round(const std::string& only) {
    const LeaseSight sight = keeper_.read(service_);
    if (sight.trouble) {
      told("read", is_passing(sight.trouble->cause) ? Verdict::Unknown : Verdict::Regression, sight.trouble);
      return;
    }
    if (sight.lease && sight.lease->owner == config_.self()) {
      if (only != "claim") {
        follow();
      }
      if (only.empty()) {
        go_on(sight.lease->version.epoch);
      }
    } else if (only == "claim" || (only.empty() && random_.chance(0.5))) {
      const LeaseOutcome out =
          keeper_.claim(service_, sight.lease ? std::optional(sight.lease->version) : std::nullopt);
      if (out.verdict == Verdict::Won) {
        say("claimed " + std::to_string(out.now->version.epoch));
        if (only.empty()) {
          follow();
        }
      } else {
        told("claim", out.verdict, out.trouble);
      }
    }
  }

 private:
  void told(const std::string& what, Verdict verdict, const std::optional<Trouble>& trouble) {
    const bool lost = verdict == Verdict::Lost || verdict == Verdict::Overtaken;
    const bool passing =
        verdict == Verdict::Unknown || (verdict == Verdict::NotSent && trouble && is_passing(trouble->cause));
    say((lost      ? "lost "
         : passing ? "unknown "
                   : "BAD ") +
        what + " " + std::string(verdict_text(verdict)) + why(trouble));
  }

  void follow() {
    for (const FollowOutcome& each : keeper_.follow(service_)) {
      if (each.verdict == Verdict::Won) {
        say("followed " + each.zone.text() + " " + std::to_string(each.copy->version.epoch));
      } else if (each.verdict != Verdict::Nothing) {
        told("follow", each.verdict, each.trouble);
      } else if (!each.differences.empty()) {
        say("BAD differs " + each.differences[0]);
      }
    }
  }

  void go_on(std::uint64_t epoch) {
    const double what = random_.unit();
    if (what < 0.2) {
      const LeaseOutcome out = keeper_.release(service_, epoch);
      out.verdict == Verdict::Won ? say("released " + std::to_string(epoch))
                                  : told("release", out.verdict, out.trouble);
    } else if (what < 0.4) {
      const auto& sites = config_.services().at(0).sites;
      const std::string& target = sites[0] == config_.self() ? sites[1] : sites[0];
      const LeaseOutcome out = keeper_.transfer(service_, epoch, target);
      out.verdict == Verdict::Won
          ? say("handed-over " + std::to_string(out.now->version.epoch) + " " + target)
          : told("transfer", out.verdict, out.trouble);
    } else {
      const SteadyTime before = read_clocks().steady;
      const LeaseOutcome out = keeper_.renew(service_, epoch);
      const bool counts = out.sent && *out.sent >= before && *out.sent <= read_clocks().steady;
      if (out.verdict == Verdict::Won) {
        say((counts ? "renewed " : "BAD time of ") + std::to_string(epoch));
      } else {
        told("renew", out.verdict, out.trouble);
      }
    }
  }

  const DnsConfig& config_;
  LeaseKeeper keeper_;
  std::string service_;
  Random random_;
};

Status run(const std::vector<std::string>& words) {
  ConfigProblems problems;
  auto config = DnsConfig::load(words[0], problems);
  if (!config.ok()) {
    return Error(Code::Invalid, problems.text());
  }
  HA_TRY(SeenBook seen, SeenBook::open(config->state_dir().string()));
  Zones zones(*config);
  HA_TRY(const Bytes random, sys::random_bytes(8));
  Taker taker(*config, seen, zones, words[1], get_be32(random, 0));
  int rounds = 0;
  std::from_chars(words[2].data(), words[2].data() + words[2].size(), rounds);
  for (int i = 0; i < rounds; ++i) {
    taker.round(words.size() > 3 ? words[3] : "");
  }
  return ok();
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> given(words + 1, words + count);
  if (given.size() < 3) {
    std::fputs("dns_taker CLUSTER-TOML SERVICE ROUNDS [follow|claim]\n", stderr);
    return 2;
  }
  const Status done = run(given);
  if (!done.ok()) {
    std::fprintf(stderr, "dns_taker: %s\n", done.error().what().c_str());
    return 1;
  }
  return 0;
}
