#include "tools/hareplicate/show_status.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/cli_table.h"
#include "common/base/json_text.h"
#include "common/base/nanoseconds.h"
#include "common/base/suggest.h"
#include "common/base/units.h"
#include "schemas/control.pb.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

// The time today, the day of another.
std::string clock_time(std::int64_t time_ns, std::int64_t now_ns) {
  const std::string then = show_local(wall_time(time_ns));
  const std::string now = show_local(wall_time(now_ns));
  return then.substr(0, 10) == now.substr(0, 10) ? then.substr(11, 8) : then.substr(0, 16);
}

TableCell time_cell(bool known, std::int64_t time_ns, std::int64_t now_ns, const std::string& after = "") {
  return known ? TableCell(show_utc(wall_time(time_ns)), clock_time(time_ns, now_ns) + after)
               : TableCell::none();
}

TableCell span_cell(bool known, std::int64_t nanoseconds) {
  return known ? TableCell(static_cast<double>(nanoseconds) / 1e9, show_age(Duration(nanoseconds)))
               : TableCell::none();
}

std::string offset_text(std::int64_t nanoseconds) {
  const std::string size = show_age(Duration(nanoseconds < 0 ? -nanoseconds : nanoseconds));
  return (nanoseconds < 0 ? "−" : "+") + size;
}

std::string left_text(const pb::Set& set) {
  if (set.pending_items() == 0) {
    return "–";
  }
  std::string out = show_count(set.pending_items()) + (set.pending_items() == 1 ? " item, " : " items, ") +
                    show_size(set.pending_bytes());
  const std::uint64_t whole = set.sent_bytes() + set.pending_bytes();
  if (set.state() == "copying" && whole > 0) {
    out += " (" + std::to_string(100 * set.sent_bytes() / whole) + " %)";
  }
  return out;
}

Table link_table(const pb::Status& status) {
  Table table({{"LINK", "peer", Align::Left},
               {"STATE", "state", Align::Left},
               {"RTT", "rtt_s", Align::Left},
               {"SEND", "send_bytes_per_s", Align::Left},
               {"IN FLIGHT", "in_flight_bytes", Align::Left},
               {"LAST HEARD", "last_heard_s", Align::Left},
               {"CLOCK", "clock_offset_s", Align::Left},
               {"TCP", "congestion", Align::Left}});
  for (const pb::Link& link : status.links()) {
    const std::string arrow =
        link.outgoing() ? status.site() + " → " + link.peer() : status.site() + " ← " + link.peer();
    table.add({TableCell(link.peer(), arrow),
               TableCell(link.state(), link.state() + " " + show_age(Duration(link.state_for_ns()))),
               span_cell(link.has_rtt_ns(), link.rtt_ns()),
               TableCell(link.send_bytes_per_s(), show_rate(link.send_bytes_per_s())),
               TableCell(link.in_flight_bytes(), show_size(link.in_flight_bytes())),
               span_cell(link.has_last_heard_ns(), link.last_heard_ns()),
               link.has_clock_offset_ns() ? TableCell(static_cast<double>(link.clock_offset_ns()) / 1e9,
                                                      offset_text(link.clock_offset_ns()))
                                          : TableCell::none(),
               link.congestion().empty() ? TableCell::none() : TableCell(link.congestion())});
  }
  return table;
}

Table set_table(const pb::Status& status) {
  Table table({{"SET", "set", Align::Left},
               {"KIND", "kind", Align::Left},
               {"TO/FROM", "peer", Align::Left},
               {"STATE", "state", Align::Left},
               {"BEHIND", "behind_s", Align::Left},
               {"LEFT", "pending_items", Align::Left},
               {"LAST EQUAL", "last_equal", Align::Left},
               {"VERIFIED", "verified", Align::Left}});
  std::string previous;
  for (const pb::Set& set : status.sets()) {
    const bool again = set.set() == previous;
    previous = set.set();
    const std::string kind = set.kind() + (set.shelved() ? ", shelf" : "");
    table.add({TableCell(set.set(), again ? "" : set.set()), TableCell(set.kind(), again ? "" : kind),
               TableCell(set.peer(), (set.origin() ? "→ " : "← ") + set.peer()), TableCell(set.state()),
               span_cell(set.has_behind_ns(), set.behind_ns()),
               TableCell(set.pending_items(), left_text(set)),
               time_cell(set.has_last_equal_ns(), set.last_equal_ns(), status.now_ns()),
               time_cell(set.has_verified_ns(), set.verified_ns(), status.now_ns(),
                         set.verified_equal() ? " ok" : " DIFFERENT")});
  }
  return table;
}

Table failed_table(const pb::Status& status) {
  Table table({{"SET", "set", Align::Left},
               {"SITE", "peer", Align::Left},
               {"SINCE", "since", Align::Left},
               {"ITEM", "key", Align::Left},
               {"REASON", "reason", Align::Left}});
  for (const pb::Item& item : status.failed()) {
    table.add({item.set(), item.peer().empty() ? status.site() : item.peer(),
               time_cell(item.since_ns() != 0, item.since_ns(), status.now_ns()), item.key(), item.detail()});
  }
  return table;
}

std::string services_line(const pb::Status& status) {
  std::string out;
  for (const pb::Service& service : status.services()) {
    out += (out.empty() ? "" : "   ") + escape(service.name()) + " held by " +
           (service.holder().empty() ? "nobody" : escape(service.holder())) +
           (service.epoch() == 0 ? "" : " (epoch " + std::to_string(service.epoch()) + ")");
  }
  return out;
}

// A text that stands in a row: escaped, and with its lines and tabs kept out.
std::string plain(const std::string& text) {
  return escape(text);
}

std::string problems_text(const pb::Status& status, bool color) {
  if (status.problems().empty()) {
    return {};
  }
  const int count = status.problems_size();
  std::string out = "\n" + std::string(color ? "\033[1;31m" : "") + std::to_string(count) +
                    (count == 1 ? " problem" : " problems") + (color ? "\033[0m" : "") + "\n";
  for (const pb::Problem& problem : status.problems()) {
    out += "  " + plain(problem.id()) + "  " + plain(problem.what()) + "\n";
    if (!problem.see().empty()) {
      out += "          see:  " + plain(problem.see()) + "\n";
    }
    if (!problem.next().empty()) {
      out += "          next: " + plain(problem.next()) + "\n";
    }
  }
  return out;
}

bool is_up(const pb::Link& link) {
  return link.state() == "up";
}

}  // namespace

Status filter_status(pb::Status& status, const StatusFilter& filter) {
  std::vector<std::string> sets;
  std::vector<std::string> peers;
  for (const pb::Set& set : status.sets()) {
    sets.push_back(set.set());
  }
  for (const pb::Link& link : status.links()) {
    peers.push_back(link.peer());
  }
  // "etc" means "etc@voice1" and its like, too.
  const auto is_meant = [](const std::string& wanted, const std::string& set) {
    return set == wanted || set.starts_with(wanted + "@");
  };
  for (const std::string& set : filter.sets) {
    if (std::none_of(sets.begin(), sets.end(), [&](const auto& known) { return is_meant(set, known); })) {
      return Error(Code::Invalid,
                   "no set \"" + escape(set) + "\" is under way here" + did_you_mean(set, sets),
                   "hareplicate status");
    }
  }
  if (!filter.peer.empty() && std::find(peers.begin(), peers.end(), filter.peer) == peers.end()) {
    return Error(Code::Invalid,
                 "no link to a site \"" + escape(filter.peer) + "\"" + did_you_mean(filter.peer, peers),
                 "hareplicate status");
  }
  const auto other = [&](const auto& of) {
    const bool set_wanted = filter.sets.empty() || of.set().empty() ||
                            std::any_of(filter.sets.begin(), filter.sets.end(),
                                        [&](const auto& wanted) { return is_meant(wanted, of.set()); });
    const bool peer_wanted = filter.peer.empty() || of.peer().empty() || of.peer() == filter.peer;
    return !set_wanted || !peer_wanted;
  };
  const auto keep = [](auto& list, const auto& unwanted) {
    list.erase(std::remove_if(list.begin(), list.end(), unwanted), list.end());
  };
  keep(*status.mutable_sets(), other);
  keep(*status.mutable_problems(), other);
  keep(*status.mutable_failed(), other);
  keep(*status.mutable_links(),
       [&](const pb::Link& link) { return !filter.peer.empty() && link.peer() != filter.peer; });
  return ok();
}

std::string status_table(const pb::Status& status, bool with_failed, bool color) {
  std::string out = escape(status.cluster()) + "   this is " + escape(status.site()) + "   config " +
                    status.config_digest().substr(0, 6) + "   up " +
                    show_age(Duration(status.now_ns() - status.started_ns())) + "   " +
                    show_local(wall_time(status.now_ns())) + "\n" + services_line(status) + "\n";
  if (status.links_size() > 0) {
    out += "\n" + link_table(status).text();
  }
  if (status.sets_size() > 0) {
    out += "\n" + set_table(status).text();
  }
  out += problems_text(status, color);
  if (with_failed && status.failed_size() > 0) {
    out += "\n" + failed_table(status).text();
  } else if (with_failed) {
    out += "\nno item has failed\n";
  }
  return out;
}

std::string status_fields(const pb::Status& status) {
  return link_table(status).fields() + set_table(status).fields();
}

OneLine status_oneline(const pb::Status& status, const Thresholds& limits) {
  std::int64_t behind = 0;
  int held = 0;
  int failed = 0;
  int in_sync = 0;
  for (const pb::Set& set : status.sets()) {
    behind = std::max(behind, set.behind_ns());
    held += set.state() == "HELD" ? 1 : 0;
    failed += set.state() == "failed" || set.state() == "incomplete" ? 1 : 0;
    in_sync += set.state() == "in sync" ? 1 : 0;
  }
  const auto up = std::count_if(status.links().begin(), status.links().end(), is_up);
  const int links = status.links_size();
  const auto over = [behind](const std::optional<Duration>& limit) {
    return limit && Duration(behind) > *limit;
  };
  int code = status.problems_size() > 0 || over(limits.warning) ? 1 : 0;
  if (over(limits.critical) || (links > 0 && up == 0)) {
    code = 2;
  }
  constexpr const char* kWords[] = {"OK", "WARNING", "CRITICAL"};
  std::string out = std::string("HAREPLICATE ") + kWords[code] + " - " + escape(status.site()) + ": " +
                    std::to_string(up) + "/" + std::to_string(links) + " links up";
  if (status.sets_size() > 0) {
    out += ", " + std::to_string(in_sync) + "/" + std::to_string(status.sets_size()) + " sets in sync";
  }
  if (const int problems = status.problems_size(); problems > 0) {
    out += ", " + std::to_string(problems) + (problems == 1 ? " problem (" : " problems (") +
           escape(status.problems(0).id()) + ")";
  }
  out += ", worst behind " + show_age(Duration(behind));
  // The bar ends the text for the plugin's reader.
  std::replace(out.begin(), out.end(), '|', '/');
  const auto limit = [](const std::optional<Duration>& value) {
    return value ? std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*value).count())
                 : std::string();
  };
  out += " | behind_max=" + json_number(static_cast<double>(behind) / 1e9) + "s;" + limit(limits.warning) +
         ";" + limit(limits.critical) + ";0 links_up=" + std::to_string(up) + ";;;0;" +
         std::to_string(links) + " held=" + std::to_string(held) + " failed=" + std::to_string(failed);
  return {out + "\n", code};
}

OneLine unknown_oneline(const Error& error) {
  std::string what = error.what();
  std::replace(what.begin(), what.end(), '|', '/');
  return {"HAREPLICATE UNKNOWN - " + what + "\n", 3};
}

}  // namespace ha::tool
