// Tries a primary on scratch names, and looks at what is around it: every check of doctor.h. Blocks.
//
// Whatever happens, the scratch names are deleted at the end, also after ^C. Thread safety: one thread; it
// makes others for races and waits for them. Source: docs/dns.md, "Doctor".
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dnsupdater/config.h"
#include "dnsupdater/doctor.h"
#include "dnsupdater/scratch.h"

namespace ha::dns {

inline constexpr unsigned kRoundsMax = 1000;

struct DoctorOptions {
  ScratchOptions scratch;                     // all endpoints: those of the primary first
  Duration limit = std::chrono::seconds(20);  // of a check, and of each 20 rounds of races
  std::vector<Endpoint> servers;              // that answer callers
  std::vector<SiteAddresses> sites;
  std::string self;
  std::map<Name, Version> seen;  // guards of the zone, by this site
  unsigned rounds = 20;
  std::optional<Duration> restart;  // how long the server's restart is waited for; none: not tried
  int input_fd = -1;                // a line there: it has been restarted
  std::function<void(const std::string&)> say;  // progress
};

class Doctor {
 public:
  // `key` must outlive it.
  Doctor(DoctorOptions options, const TsigKey& key);

  [[nodiscard]] Diagnosis run();

 private:
  // False: nothing else is to be tried.
  bool try_reach();
  bool try_write();
  void try_software();
  void try_clock();
  void try_strangers();
  bool try_delays();
  void try_prerequisites();
  void try_case();
  void try_partial();
  void try_replay();
  void try_races();
  void try_sizes();
  void try_one_server();
  void look_at_zone();
  void look_at_guards();
  void try_restart();
  void clean(bool wrote);

  // Whether there is any use in the next check; says that it is made.
  bool go_on(std::string_view check, unsigned limits = 1);
  void add(Check check);
  void unreachable(const Told& told);
  [[nodiscard]] std::optional<std::chrono::seconds> clock_of_refusal() const;
  [[nodiscard]] std::string next_text();
  // The scratch name's TXT becomes a new text, whatever it was. None: it is not to be had.
  [[nodiscard]] std::optional<RrSet> reset();
  // The same, and a check that cannot begin without it fails.
  [[nodiscard]] std::optional<RrSet> reset_for(std::string_view check);
  [[nodiscard]] TrialSeen try_one(const Trial& trial, Transport transport, const RrSet& old, RrSet& current);
  [[nodiscard]] RaceRound race(const RrSet& before, Transport transport);
  [[nodiscard]] SizeSeen try_size(std::size_t bytes, Transport transport);
  [[nodiscard]] std::string stranger(std::string_view what, bool wrong_key, Check& check);

  DoctorOptions options_;
  Scratch scratch_;
  Diagnosis out_;
  unsigned texts_ = 0;
  bool sent_ = false;                    // there may be something to delete
  std::vector<std::string> identities_;  // of the endpoints
};

}  // namespace ha::dns
