#include "tools/hareplicate/admission.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "replicator/config_parts.h"
#include "tools/hareplicate/site_edit.h"

namespace ha::tool {
namespace {

using replicator::Config;
using replicator::SiteConfig;

std::string first_line(const ConfigProblems& problems) {
  for (const ConfigProblem& problem : problems.sorted()) {
    if (problem.is_error) {
      return problem.line();
    }
  }
  return "it does not parse";
}

// By what the invitation says, what the machine says, or where it is seen from.
std::vector<std::string> addresses_of(const AdmissionCase& about, const PairRequest& request,
                                      const Config& config) {
  if (!about.address.empty()) {
    return {about.address};
  }
  if (!request.addresses.empty()) {
    return request.addresses;
  }
  const bool ipv6 = about.seen_from.find(':') != std::string::npos;
  const auto port = replicator::port_of(config.self().addresses.front()).value_or(0);
  return {"tcp://" + (ipv6 ? "[" + about.seen_from + "]" : about.seen_from) + ":" + std::to_string(port)};
}

std::string translation_warning(const AdmissionCase& about, const PairRequest& request) {
  const bool guessed = about.address.empty() && request.addresses.empty();
  if (!guessed || request.local_address.empty() || request.local_address == about.seen_from) {
    return {};
  }
  return about.site + " calls itself " + escape(request.local_address) + " and is seen from here as " +
         about.seen_from +
         ": its address is translated on the way. Its port must be forwarded to it; if "
         "another address is right, correct it in cluster.toml";
}

bool same(const SiteConfig& a, const SiteConfig& b) {
  return a.name == b.name && a.key == b.key && a.next_key == b.next_key && a.addresses == b.addresses &&
         a.location == b.location;
}

// The text edit is trusted only as far as this: the sites that were there and the new one, nothing else
// different.
bool only_added(const Config& before, const Config& after, const NewSite& added) {
  const auto& old = before.sites();
  const auto& now = after.sites();
  const bool kept = now.size() == old.size() + 1 && std::equal(old.begin(), old.end(), now.begin(), same) &&
                    before.sets().size() == after.sets().size() &&
                    before.services().size() == after.services().size() &&
                    before.cluster_id() == after.cluster_id();
  if (!kept || now.back().name != added.name || now.back().key != added.key ||
      now.back().addresses != added.addresses) {
    return false;
  }
  for (const replicator::ServiceConfig& service : after.services()) {
    const replicator::ServiceConfig* was = before.service(service.name);
    const bool holds = was != nullptr && was->holder == service.holder && was->epoch == service.epoch;
    if (!holds || service.sites.size() < was->sites.size() ||
        !std::equal(was->sites.begin(), was->sites.end(), service.sites.begin())) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<Admission> plan_admission(const AdmissionCase& about, const PairRequest& request) {
  const std::string file = about.texts.cluster_file.string();
  ConfigProblems before_problems;
  const auto before = Config::parse(about.texts, before_problems);
  if (!before.ok()) {
    return Error(Code::Invalid, "the inviter's configuration has errors: " + first_line(before_problems),
                 "at the inviter: hareplicate config check; then join again");
  }
  for (const SiteConfig& site : before->sites()) {
    if (site.has_key(about.key) && site.name == about.site) {
      return Admission{about.texts.cluster, true, site.addresses, {}};
    }
    if (site.has_key(about.key)) {
      return Error(Code::Refused, "this machine has the key of site " + site.name,
                   "a copied disk? then remove the key file of the new machine and join again");
    }
    if (site.name == about.site) {
      return Error(Code::Refused, "site " + site.name + " is in the cluster already, with another key",
                   "invite another name; or, when that machine is gone, take its [[site]] out of " + file +
                       " and invite again");
    }
  }
  NewSite added{about.site, addresses_of(about, request, *before), about.key, about.services, about.comment};
  for (const std::string& address : added.addresses) {
    if (auto right = replicator::check_address(address); !right.ok()) {
      return std::move(right).error().hinted("join --address tcp://HOST:PORT");
    }
  }
  replicator::ConfigTexts texts = about.texts;
  HA_TRY(texts.cluster, add_site(file, about.texts.cluster, added));
  ConfigProblems problems;
  if (texts.cluster.size() > replicator::kConfigBytesMax) {
    return Error(Code::Exhausted, file + " would be larger than 1 MiB", "make room in it");
  }
  const auto after = Config::parse(texts, problems);
  if (!after.ok()) {
    return Error(Code::Invalid, "with this site cluster.toml would be wrong: " + first_line(problems),
                 "another address? join --address tcp://HOST:PORT");
  }
  if (!only_added(*before, *after, added)) {
    return Error(Code::Invalid, file + " is written in a way that cannot be extended here",
                 "add the [[site]] by hand; its key is " + about.key);
  }
  return Admission{std::move(texts.cluster), false, added.addresses, translation_warning(about, request)};
}

}  // namespace ha::tool
