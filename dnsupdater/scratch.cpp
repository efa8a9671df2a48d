#include "dnsupdater/scratch.h"

#include <poll.h>

#include <algorithm>
#include <array>

#include "common/sys/digest.h"
#include "dnsupdater/message.h"
#include "dnsupdater/wire.h"

namespace ha::dns {
namespace {

constexpr Duration kCleanWait = std::chrono::milliseconds(500);
constexpr Duration kLookInterval = std::chrono::milliseconds(3);
constexpr std::array kParts = {Scratch::Part::Main, Scratch::Part::Other, Scratch::Part::Big,
                               Scratch::Part::Outside};
// Of what is written anywhere.
constexpr std::array kTypes = {RrType::Txt, RrType::A, RrType::Aaaa, RrType::Srv, RrType::Naptr, RrType::Mx};

std::uint16_t random_id() {
  const auto bytes = sys::random_bytes(2);
  return bytes.ok() ? get_be16(*bytes, 0) : std::uint16_t{1};
}

}  // namespace

std::optional<Rcode> Told::rcode() const {
  return reply && reply->tsig == TsigVerdict::Good ? std::optional(reply->rcode) : std::nullopt;
}

std::string Told::text() const {
  if (!reply) {
    return "no answer" + (silence ? ": " + silence->what() : std::string());
  }
  std::string out = rcode_text(reply->rcode);
  if (reply->tsig != TsigVerdict::Good && reply->tsig != TsigVerdict::NotAsked) {
    out += " (" + std::string(tsig_verdict_text(reply->tsig)) + ")";
  }
  return out;
}

Name Scratch::name(Part part) const {
  const std::string below = "." + std::string(kDoctorLabel);
  const auto made = [&]() -> Result<Name> {
    switch (part) {
      case Part::Main:
        return options_.zone.below(options_.tag + below);
      case Part::Other:
        return options_.zone.below(options_.tag + "-other" + below);
      case Part::Big:
        return options_.zone.below(options_.tag + "-big" + below);
      case Part::Outside:
        return options_.zone.below("doctor-" + options_.tag);
    }
    return options_.zone;
  }();
  // The caller has tried whether the longest fits.
  HA_ASSERT(made.ok());
  return *made;
}

RrSet Scratch::text_set(const Name& name, std::string_view text) {
  auto rdata = txt_rdata(split_strings(text));
  HA_ASSERT(rdata.ok());
  auto set = RrSet::make(name, RrType::Txt, 0, {std::move(rdata).value()});
  HA_ASSERT(set.ok());
  return std::move(set).value();
}

std::string Scratch::text_in(const std::optional<RrSet>& set) {
  auto strings = set ? txt_strings(set->rdata.at(0).wire) : Result<std::vector<Bytes>>(std::vector<Bytes>());
  return strings.ok() && !strings->empty() ? escape(strings->at(0)) : std::string();
}

Update Scratch::replace(Prerequisite need, RrSet set) const {
  return {options_.zone, {std::move(need)}, {{set.name, set.type}}, {set}};
}

Result<Request> Scratch::prepare(const Update& update) const {
  return make_update(update, random_id(), *key_, read_clocks().wall);
}

Told Scratch::deliver(const Request& request, Via via, const TsigKey* key) const {
  const Endpoint& to = options_.endpoints.at(via.endpoint);
  const SteadyTime now = read_clocks().steady;
  if (now >= deadline_) {
    late_ = true;
    return {std::nullopt, Error(Code::TimedOut, "the time for it is up")};
  }
  const SteadyTime until = std::min(now + options_.patience, deadline_);
  auto answer = exchange({to, via.transport, until, options_.cancel_fd}, request, key);
  if (answer.ok()) {
    silent_ = 0;
    return {std::move(answer->reply), std::nullopt, answer->took};
  }
  if (answer.error().code() == Code::Cancelled) {
    cancelled_ = true;
  } else if (via.transport == Transport::Tcp) {
    ++silent_;
  }
  return {std::nullopt, std::move(answer).error()};
}

Told Scratch::tell(const Update& update, Via via) const {
  auto request = prepare(update);
  return request.ok() ? deliver(*request, via, key_) : Told{std::nullopt, std::move(request).error()};
}

Told Scratch::ask(const Question& question, Via via, Duration shift) const {
  const WallTime at = read_clocks().wall + std::chrono::duration_cast<WallTime::duration>(shift);
  auto request = make_query(question, random_id(), key_, at);
  return request.ok() ? deliver(*request, via, key_) : Told{std::nullopt, std::move(request).error()};
}

std::optional<RrSet> Scratch::read(const SetKey& key, std::size_t endpoint) const {
  const Told told = ask({key.name, key.type}, {Transport::Tcp, endpoint});
  return told.reply ? gather(told.reply->answers, key.name, key.type) : std::nullopt;
}

std::optional<Duration> Scratch::wait_for(const RrSet& set, Duration limit, std::size_t endpoint) const {
  const SteadyTime begin = read_clocks().steady;
  for (;;) {
    const auto found = read({set.name, set.type}, endpoint);
    const Duration took = read_clocks().steady - begin;
    if (found && found->rdata == set.rdata) {
      return took;
    }
    if (took >= limit || is_dead() || late_ || !pause(kLookInterval)) {
      return std::nullopt;
    }
  }
}

void Scratch::begin(Duration limit) {
  deadline_ = read_clocks().steady + limit;
  late_ = false;
}

bool Scratch::pause(Duration length) const {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(length).count();
  pollfd polled{options_.cancel_fd, POLLIN, 0};
  if (::poll(&polled, options_.cancel_fd >= 0 ? 1 : 0, static_cast<int>(ms)) > 0) {
    cancelled_ = true;
  }
  return !cancelled_;
}

bool Scratch::is_empty(const Name& name, std::size_t endpoint) const {
  return std::none_of(kTypes.begin(), kTypes.end(), [&](RrType type) {
    return !is_dead() && read({name, type}, endpoint).has_value();
  });
}

// A server may refuse a message because of a type that this key may not write: then one by one.
bool Scratch::clean_name(const Name& name, std::size_t endpoint) const {
  const Via via{Transport::Tcp, endpoint};
  Update all{options_.zone, {{Need::NameInUse, name}}};
  for (const RrType type : kTypes) {
    all.deletions.push_back({name, type});
  }
  Told told = tell(all, via);
  if (told.is(Rcode::NoError)) {
    told = tell(all, via);  // what is read may come from a cache or a copy: the prerequisite does not
  } else if (told.reply && !told.is(Rcode::NxDomain)) {
    for (const RrType type : kTypes) {
      static_cast<void>(tell({options_.zone, {{Need::SetExists, name, type}}, {{name, type}}}, via));
    }
  }
  return told.is(Rcode::NxDomain);
}

std::vector<std::string> Scratch::clean() {
  options_.cancel_fd = -1;
  deadline_ = SteadyTime::max();  // a bounded number of messages, and none after two that nobody has answered
  std::vector<std::string> left;
  for (std::size_t endpoint = 0; endpoint < options_.endpoints.size(); ++endpoint) {
    silent_ = 0;
    for (const Part part : kParts) {
      const Name which = name(part);
      bool gone = !is_dead() && (clean_name(which, endpoint) || is_empty(which, endpoint));
      if (!gone && !is_dead()) {  // inline signing shows it a little later
        static_cast<void>(pause(kCleanWait));
        gone = clean_name(which, endpoint) || is_empty(which, endpoint);
      }
      if (!gone || is_dead()) {
        left.push_back(which.text() + " at " + options_.endpoints[endpoint].text());
      }
    }
  }
  return left;
}

}  // namespace ha::dns
