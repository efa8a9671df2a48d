#include "replicator/control_status.h"

#include <array>
#include <cstdio>
#include <set>
#include <sstream>

#include "common/base/nanoseconds.h"
#include "schemas/control.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::control;

constexpr const char* kVerifiedFile = "verified";
constexpr std::size_t kVerifiedBytesMax = 1 << 20;
constexpr mode_t kVerifiedMode = 0600;

void put_link(const LinkReport& from, bool outgoing, pb::Link& to) {
  to.set_peer(from.peer);
  to.set_outgoing(outgoing);
  to.set_state(from.state);
  to.set_state_for_ns(from.for_time.count());
  if (from.rtt) {
    to.set_rtt_ns(from.rtt->count());
  }
  if (from.clock_offset) {
    to.set_clock_offset_ns(from.clock_offset->count());
  }
  if (from.last_heard) {
    to.set_last_heard_ns(from.last_heard->count());
  }
  to.set_congestion(from.congestion);
  to.set_sent_bytes(from.sent_bytes);
  to.set_received_bytes(from.received_bytes);
  to.set_send_bytes_per_s(from.send_bytes_per_s);
  to.set_pacing_bytes_per_s(from.pacing_bytes_per_s);
  to.set_in_flight_bytes(from.in_flight_bytes);
  to.set_reconnects(from.reconnects);
  to.set_config_equal(from.config_equal);
  to.set_reason(from.reason);
  to.set_hint(from.hint);
}

void put_set(const SetReport& from, const Config& config, const VerifiedBook& verified, pb::Set& to) {
  to.set_set(from.set);
  if (const SetConfig* const about = config.set(from.set); about != nullptr) {
    to.set_path(about->path);
    to.set_shelved(about->shelved);
  }
  to.set_kind("files");
  to.set_peer(from.peer);
  to.set_origin(from.is_origin);
  to.set_state(from.state);
  if (from.behind) {
    to.set_behind_ns(from.behind->count());
  }
  to.set_items(from.items);
  to.set_pending_items(from.pending_items);
  to.set_pending_bytes(from.pending_bytes);
  to.set_sent_items(from.sent_items);
  to.set_sent_bytes(from.sent_bytes);
  to.set_link_bytes(from.link_bytes);
  to.set_failed_items(from.failed_items);
  if (from.last_equal) {
    to.set_last_equal_ns(nanoseconds(*from.last_equal));
  }
  const VerifiedBook::Entry* entry = from.is_origin ? verified.find(from.set, from.peer) : nullptr;
  if (entry != nullptr) {
    to.set_verified_ns(entry->time_ns);
    to.set_verified_equal(entry->equal);
  }
  to.set_epoch(from.position.epoch);
  to.set_sequence(from.position.sequence);
  to.set_reason(from.reason);
  to.set_hint(from.hint);
}

// The same for the same thing as long as it lasts, so that people can speak of it.
std::string problem_id(char kind, const std::string& subject) {
  std::uint32_t hash = 2166136261U;  // FNV-1a
  for (const char c : subject) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  }
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%c-%04x", kind, (hash ^ (hash >> 16)) & 0xffffU);
  return text.data();
}

void add_problem(pb::Status& to, char kind, const std::string& set, const std::string& peer,
                 const std::string& what, const std::string& next) {
  pb::Problem& problem = *to.add_problems();
  problem.set_id(problem_id(kind, set + "\n" + peer));
  problem.set_set(set);
  problem.set_peer(peer);
  problem.set_what(what);
  problem.set_next(next);
}

void add_link_problems(const LinkReport& link, pb::Status& to) {
  if (link.state != "up") {
    add_problem(to, 'L', "", link.peer,
                "the link to " + link.peer + " is " + link.state +
                    (link.reason.empty() ? std::string() : ": " + link.reason),
                link.hint.empty() ? "hareplicate doctor" : link.hint);
  } else if (!link.config_equal) {
    add_problem(to, 'C', "", link.peer, link.peer + " runs with another cluster.toml than this site",
                "hareplicate config diff " + link.peer +
                    "      and then, where it is right: hareplicate config push");
  }
}

void add_set_problems(const SetReport& set, pb::Status& to) {
  const std::string pair = set.set + (set.is_origin ? " → " : " ← ") + set.peer;
  const std::string list = "hareplicate status " + set.set + " --problems";
  if (set.state == "HELD") {
    add_problem(to, 'H', set.set, set.peer, pair + " is held: " + set.reason, set.hint);
    if (set.is_origin) {
      to.mutable_problems()->rbegin()->set_see("hareplicate diff " + set.set + " --to " + set.peer);
    }
  } else if (set.state == "paused") {
    add_problem(to, 'P', set.set, set.peer, pair + " is paused: " + set.reason, set.hint);
  } else if (set.state == "failed" || set.state == "incomplete") {
    add_problem(to, 'F', set.set, set.peer,
                pair + " is " + set.state + (set.reason.empty() ? std::string() : ": " + set.reason),
                set.hint.empty() ? list : set.hint);
  } else if (set.failed_items > 0) {
    add_problem(to, 'F', set.set, set.peer, pair + ": " + std::to_string(set.failed_items) + " items failed",
                list);
  }
}

}  // namespace

void put_status(const Config& config, const SideReport& origin, const SideReport& replica,
                const VerifiedBook& verified, pb::Status& to) {
  to.set_cluster(config.cluster_name());
  to.set_site(config.self().name);
  for (const ServiceConfig& service : config.services()) {
    pb::Service& out = *to.add_services();
    out.set_name(service.name);
    out.set_holder(service.holder);
    out.set_epoch(service.epoch);
  }
  std::set<std::string> outgoing;
  for (const LinkReport& link : origin.links) {
    outgoing.insert(link.peer);
    put_link(link, true, *to.add_links());
    add_link_problems(link, to);
  }
  for (const LinkReport& link : replica.links) {
    if (!outgoing.contains(link.peer)) {
      put_link(link, false, *to.add_links());
      add_link_problems(link, to);
    }
  }
  for (const SideReport* side : {&origin, &replica}) {
    for (const SetReport& set : side->sets) {
      put_set(set, config, verified, *to.add_sets());
      add_set_problems(set, to);
    }
    for (const AfterReport& after : side->after) {
      add_problem(to, 'A', after.set, "",
                  after.set + ": the command after a change failed: " + after.command + ": " + after.reason,
                  after.command);
    }
  }
}

// ---------------------------------------------------------------- verified
Result<VerifiedBook> VerifiedBook::open(const std::string& state_dir) {
  HA_TRY(sys::Directory directory, sys::Directory::open_root(state_dir));
  VerifiedBook book(std::move(directory));
  const auto text = sys::read_file(book.directory_, kVerifiedFile, kVerifiedBytesMax);
  if (text.ok()) {
    std::istringstream lines(*text);
    std::string set;
    std::string peer;
    Entry entry;
    while (lines >> set >> peer >> entry.time_ns >> entry.equal) {
      book.entries_[{set, peer}] = entry;
    }
  }
  return book;
}

Status VerifiedBook::take(const pb::Job& job) {
  bool changed = false;
  for (const pb::JobPart& part : job.parts()) {
    if (part.has_differences() && job.ended_ns() != 0) {
      entries_[{part.set(), part.peer()}] = {job.ended_ns(), part.good()};
      changed = true;
    }
  }
  if (!changed) {
    return ok();
  }
  std::string text;
  for (const auto& [key, entry] : entries_) {
    text +=
        key.first + " " + key.second + " " + std::to_string(entry.time_ns) + (entry.equal ? " 1\n" : " 0\n");
  }
  return sys::replace_file(directory_, kVerifiedFile, text, kVerifiedMode);
}

const VerifiedBook::Entry* VerifiedBook::find(const std::string& set, const std::string& peer) const {
  const auto found = entries_.find({set, peer});
  return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace ha::replicator
