// All services of one site, and what the site knows of the others: the core of the daemon.
//
// Pure: everything that happens comes in, steps by service come out, and the next time at which it wants to
// be asked. Not here: I/O, sensors (their score comes in), the state of one service (turn.h). Thread safety:
// one thread. Source: docs/failover.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "failover/model/detector.h"
#include "failover/model/policy.h"
#include "failover/model/ranking.h"
#include "failover/model/turn.h"

namespace ha::failover {

struct ServiceRules {
  std::string name;
  std::vector<std::string> sites;  // eligible, by preference
  Mode mode = Mode::Lease;
  Fallback fallback = {};
};

struct SiteRules {
  std::string self;
  std::map<std::string, unsigned> paths;  // of every peer
  unsigned capacity = 1;
  Timing timing;
  std::vector<ServiceRules> services;  // those that matter most first
  std::optional<Digest> config;
  unsigned warning = 40;
  unsigned failed = 100;
};

// What a site says of a service in its heartbeats.
struct ServiceReport {
  State state = State::Unknown;
  std::uint64_t epoch = 0;
  std::uint64_t seq = 0;  // of the record, as its owner has written it last
  Lag lag = Lag::Behind;
  std::uint64_t calls = 0;
  bool owner_dead = false;  // the PBX of its suspected owner does not answer the sender either
  bool unable = false;      // its last start or stop there went wrong: it is not to be moved there
};
// What a site says of itself.
struct SiteReport {
  unsigned score = 0;  // of its health
  std::string unfit;   // why it takes nothing: failed, in maintenance; empty: it does
  unsigned room = 0;
  std::optional<Digest> config;
  std::map<std::string, ServiceReport> services = {};
};
struct Heartbeat {
  Beat beat;
  SiteReport report;
};

// What the sensors, the replicator and the PBX clients have found here.
struct Findings {
  unsigned score = 0;
  std::string worst = {};      // what contributes most, for people
  std::string unwritten = {};  // why nothing can be remembered here; empty: it can
  std::map<std::string, Lag> lag = {};
  std::map<std::string, std::uint64_t> calls = {};
  std::map<std::string, bool> probe_failed = {};  // by service: its holder's PBX does not answer us
  std::map<std::string, int> minute_of_day = {};  // by service: local time, for windows
};

struct ServiceStep {
  std::string service;
  Step step;
};

class Coordinator {
 public:
  // `highest`: epochs ever seen, by service. `boot`: random.
  Coordinator(SiteRules rules, const std::map<std::string, std::uint64_t>& highest, std::uint64_t boot,
              SteadyTime now);

  // What is to be done now; after every input, and at next_wakeup().
  [[nodiscard]] std::vector<ServiceStep> tick(const Findings& findings, SteadyTime now);
  [[nodiscard]] SteadyTime next_wakeup(SteadyTime now) const;

  void on_heartbeat(const std::string& peer, unsigned path, const Heartbeat& heartbeat, SteadyTime now);
  void on_word(const std::string& peer, const std::string& service, const Word& word, SteadyTime now);
  void on_answer(const std::string& service, const Answer& answer, SteadyTime now);
  void on_job(const std::string& service, const JobEnd& end, SteadyTime now);
  // A suspend or a step that the caller has seen; what peers' clocks show is found here.
  void on_jump(SteadyTime now);

  // Of operators. Refused in words, with what to type instead.
  Status switchover(const std::string& service, const std::string& target, std::optional<Duration> drain,
                    SteadyTime now);
  Status maintenance(bool on, std::optional<Duration> drain, SteadyTime now);
  // After a restart: this site is in maintenance since before.
  void resume_maintenance() noexcept { maintenance_ = true; }
  void pause(bool on) noexcept { paused_ = on; }
  // Here: the service is claimed as soon as its owner is certainly not serving. Refused while it is heard.
  Status takeover(const std::string& service, SteadyTime now);
  // What the arbiter shows of it is right, although it has gone back.
  void accept(const std::string& service);
  // Reads its record as soon as possible.
  void look(const std::string& service);
  void on_fenced(const std::string& site);
  void acknowledge(SteadyTime now);

  // Who could take it, as far as can be seen from here: those who can, best first, then the others.
  struct Standing {
    std::string site;
    std::string why_not = {};  // empty: it can
    Lag lag = Lag::Behind;
  };
  [[nodiscard]] std::vector<Standing> standings(const std::string& service, SteadyTime now) const;
  // Moves because of health are held until then.
  [[nodiscard]] std::optional<SteadyTime> held_until(const std::string& service, SteadyTime now) const;
  // Whether it goes back to its first site, and why not yet, in a sentence; empty: it is not served here, or
  // there already.
  [[nodiscard]] std::string fallback_text(const std::string& service, SteadyTime now) const;
  [[nodiscard]] const std::map<std::string, SiteReport>& reports() const noexcept { return reports_; }
  [[nodiscard]] bool is_paused() const noexcept { return paused_; }

  // What others shall hear.
  [[nodiscard]] Heartbeat heartbeat(SteadyTime now) const;
  [[nodiscard]] const std::map<std::string, Turn>& turns() const noexcept { return turns_; }
  [[nodiscard]] const Detector& detector() const noexcept { return detector_; }
  // What another coordinator of the same process goes on with, after a reload; before its first turn. To its
  // peers it is the same one, whose clock they know.
  struct Continued {
    std::uint64_t boot = 0;
    std::map<std::string, KnownClock> clocks;
  };
  [[nodiscard]] Continued continued() const { return {boot_, detector_.clocks()}; }
  void go_on_with(const Continued& before) {
    boot_ = before.boot;
    detector_.go_on_with(before.clocks);
  }
  [[nodiscard]] bool in_maintenance() const noexcept { return maintenance_; }

 private:
  // The sites as they are now, and who should take what; made once for all services. Most of the time nobody
  // wants to know the sites, as nothing is to be taken.
  class View {
   public:
    View(const Coordinator& core, SteadyTime now);
    [[nodiscard]] const std::vector<Candidate>& candidates() const;
    [[nodiscard]] const Candidate* find(const std::string& site) const;
    [[nodiscard]] const std::map<std::string, std::string>& plan() const noexcept { return plan_; }

   private:
    const Coordinator& core_;
    SteadyTime now_;
    mutable std::optional<std::vector<Candidate>> candidates_;
    std::map<std::string, std::string> plan_;
  };
  [[nodiscard]] Around around(const Turn& turn, const View& view, SteadyTime now) const;
  [[nodiscard]] std::vector<Candidate> candidates(SteadyTime now) const;
  [[nodiscard]] std::vector<Wanted> wanted(SteadyTime now) const;
  [[nodiscard]] bool is_wanted(const Turn& turn, SteadyTime now) const;
  [[nodiscard]] unsigned rank_for(const Turn& turn, const View& view) const;
  [[nodiscard]] bool has_room(const Turn& turn, const View& view, SteadyTime now) const;
  [[nodiscard]] bool probe_failed(const std::string& service) const;
  // Why its owner may be alive after all; empty: it is surely dead.
  [[nodiscard]] std::string owner_doubt(const Turn& turn, SteadyTime now) const;
  [[nodiscard]] std::optional<HandOver> hand_over(const Turn& turn, const View& view, SteadyTime now) const;
  [[nodiscard]] std::string best_other(const Turn& turn, const View& view) const;
  [[nodiscard]] std::string home_doubt(const ServiceRules& service, const View& view) const;
  [[nodiscard]] std::string why_not_home(const std::string& service, SteadyTime now) const;
  [[nodiscard]] std::string unfit() const;
  [[nodiscard]] unsigned room() const;
  [[nodiscard]] const ServiceRules& rules_of(const std::string& service) const;
  void look_at_fallback(const View& view, SteadyTime now);

  SiteRules rules_;
  Detector detector_;
  std::map<std::string, Turn> turns_;
  std::map<std::string, SiteReport> reports_;  // of peers, the newest
  std::map<std::string, FlapBook> flaps_;
  std::map<std::string, FallbackWatch> fallbacks_;
  struct Order {
    std::string target;
    std::optional<SteadyTime> drain_until;
    std::string why;
  };
  std::map<std::string, Order> orders_;  // switchovers that were asked for, by service
  Findings findings_;
  std::uint64_t boot_;
  bool paused_ = false;
  bool maintenance_ = false;
  std::optional<SteadyTime> drain_until_;  // of maintenance
};

}  // namespace ha::failover
