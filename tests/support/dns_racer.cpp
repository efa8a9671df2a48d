// Takes a service again and again with swaps of the library, and says what it was told each time:
//
//   dns_racer ENDPOINT ZONE KEY-FILE SITE ADDRESS ROUNDS [TIMEOUT-MS]
//
// One line a round: "won|lost|overtaken|overtaken-winner|… EPOCH NONCE SENDS", EPOCH and NONCE being those
// that it wanted. For races, kills and faults on real servers: tests/e2e/dns_*.py.
#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/sys/digest.h"
#include "dnsupdater/key_file.h"
#include "dnsupdater/record.h"
#include "dnsupdater/updater.h"

namespace {

using namespace ha;
using namespace ha::dns;

const char* const kService = "pbx";

struct Wanted {
  Name zone;
  Name guard;
  Name sip;
  std::string site;
  Address address;
};

Result<Change> take(const Wanted& wanted, const std::vector<RrSet>& found, const Digest& nonce,
                    Record& after) {
  std::optional<Record> before;
  std::optional<RrSet> set;
  for (const RrSet& each : found) {
    if (each.name == wanted.guard) {
      HA_TRY(before, record_of(each, kService));
    } else {
      set = each;
    }
  }
  Digest first = nonce;
  ++first.low;
  HA_TRY(const Record start, first_record(kService, first));
  HA_TRY(after, taken_record(before ? *before : start, wanted.site, nonce));
  if (before && before->owner == wanted.site) {  // another turn of the same site
    ++after.version.epoch;
  }
  HA_TRY(RrSet now, RrSet::make(wanted.sip, RrType::A, 30, {address_rdata(wanted.address)}));
  Change change{wanted.zone, {{wanted.guard, before, after}}, {}, false};
  change.sets.push_back({wanted.sip, RrType::A, set, std::move(now), true});
  return change;
}

Status run(const std::vector<std::string>& words) {
  HA_TRY(const Endpoint endpoint, Endpoint::parse(words[0]));
  HA_TRY(const Name zone, Name::parse(words[1]));
  HA_TRY(const TsigKey key, load_key(words[2]));
  HA_TRY(const Name guard, guard_name(kService, zone));
  HA_TRY(const Name sip, zone.below("sip"));
  HA_TRY(const Address address, Address::parse(words[4]));
  const Wanted wanted{zone, guard, sip, words[3], address};
  int rounds = 0;
  std::from_chars(words[5].data(), words[5].data() + words[5].size(), rounds);
  SwapLimits limits;
  int timeout_ms = 20'000;
  if (words.size() > 6) {
    std::from_chars(words[6].data(), words[6].data() + words[6].size(), timeout_ms);
  }
  limits.total = std::chrono::milliseconds(timeout_ms);
  Primary primary({zone, {endpoint}, std::chrono::milliseconds(1000), -1}, key);
  for (int round = 0; round < rounds; ++round) {
    HA_TRY(const Bytes random, sys::random_bytes(16));
    Digest nonce;
    HA_ASSERT(parse_digest(random, nonce));
    Record after;
    const auto planner = [&](const std::vector<RrSet>& found) -> std::variant<Change, Trouble> {
      auto change = take(wanted, found, nonce, after);
      if (!change.ok()) {
        return Trouble{Cause::Ours, std::move(change).error()};
      }
      return std::move(change).value();
    };
    Swap swap({{guard, RrType::Txt}, {sip, RrType::A}}, planner, limits, read_clocks().steady);
    const SwapResult result = run_swap(swap, primary);
    std::printf("%s%s %llu %s %u %s\n", std::string(verdict_text(result.verdict)).c_str(),
                result.verdict == Verdict::Overtaken && result.applied ? "-winner" : "",
                static_cast<unsigned long long>(after.version.epoch), hex(nonce).c_str(), result.sends,
                result.trouble ? result.trouble->error.what().c_str() : "");
    std::fflush(stdout);
  }
  return ok();
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> given(words + 1, words + count);
  if (given.size() < 6) {
    std::fputs("dns_racer ENDPOINT ZONE KEY-FILE SITE ADDRESS ROUNDS [TIMEOUT-MS]\n", stderr);
    return 2;
  }
  const Status done = run(given);
  if (!done.ok()) {
    std::fprintf(stderr, "dns_racer: %s\n", done.error().what().c_str());
    return 1;
  }
  return 0;
}
