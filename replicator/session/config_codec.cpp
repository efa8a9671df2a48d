#include "replicator/session/config_codec.h"

#include <algorithm>

#include "replicator/session/clipped.h"
#include "replicator/session/messages.h"
#include "schemas/replication.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::replication;

constexpr std::int64_t kLimitMaxNs = std::int64_t{1} << 62;

Error corrupt(const char* what) {
  return Error(Code::Corrupt, std::string("message: ") + what);
}

bool is_word(const std::string& text) {
  return text.size() <= kConfigWordBytesMax;
}

// Also shown to people, in pieces.
bool is_id(const std::string& text) {
  return is_word(text) && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
         });
}

bool is_sentence(const std::string& text) {
  return text.size() <= kTextBytesMax;
}

template <typename List>
bool are_words(const List& list) {
  return static_cast<std::size_t>(list.size()) <= kConfigSitesMax &&
         std::all_of(list.begin(), list.end(), is_word);
}

bool is_span(std::int64_t nanoseconds) {
  return nanoseconds >= 0 && nanoseconds <= kLimitMaxNs;
}

Status read_trial(const pb::ConfigTrial& from, ConfigTrialFacts& to) {
  if (!is_id(from.id()) || !is_word(from.site()) || !is_word(from.user()) || !is_span(from.left_ns()) ||
      !are_words(from.sites())) {
    return corrupt("a trial is out of bounds");
  }
  to = {from.id(), from.site(), from.user(), Duration(from.left_ns()), from.applied(), {}};
  to.sites.assign(from.sites().begin(), from.sites().end());
  return ok();
}

}  // namespace

Bytes encode_config(const ConfigQuestion& question) {
  pb::ConfigQuestion out;
  out.set_verb(static_cast<std::uint32_t>(question.verb));
  out.set_id(question.id);
  out.set_user(clipped(question.user, kConfigWordBytesMax));
  out.set_text(question.text);
  out.set_limit_ns(question.limit.count());
  out.set_dry_run(question.dry_run);
  out.mutable_sites()->Assign(question.sites.begin(), question.sites.end());
  return out.SerializeAsString();
}

Bytes encode_config(const ConfigAnswer& answer) {
  pb::ConfigAnswer out;
  if (answer.error) {
    out.set_code(static_cast<std::uint32_t>(answer.error->code()) + 1);
    out.set_what(clipped(answer.error->what(), kTextBytesMax));
    out.set_hint(clipped(answer.error->hint(), kTextBytesMax));
  }
  out.set_site(answer.site);
  out.set_digest(answer.digest);
  out.set_text(answer.text);
  for (const std::string& note : answer.notes) {
    out.add_notes(clipped(note, kTextBytesMax));
  }
  if (answer.trial) {
    pb::ConfigTrial& trial = *out.mutable_trial();
    trial.set_id(answer.trial->id);
    trial.set_site(answer.trial->site);
    trial.set_user(clipped(answer.trial->user, kConfigWordBytesMax));
    trial.set_left_ns(answer.trial->left.count());
    trial.set_applied(answer.trial->applied);
    trial.mutable_sites()->Assign(answer.trial->sites.begin(), answer.trial->sites.end());
  }
  for (const ConfigLinkFacts& link : answer.links) {
    pb::ConfigLink& to = *out.add_links();
    to.set_peer(link.peer);
    to.set_up(link.up);
    to.set_equal(link.equal);
    to.set_reason(clipped(link.reason, kTextBytesMax));
  }
  out.set_last(clipped(answer.last, kTextBytesMax));
  out.set_settled(answer.settled);
  return out.SerializeAsString();
}

Result<ConfigQuestion> decode_config_question(BytesView body) {
  pb::ConfigQuestion in;
  if (!in.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return corrupt("does not parse");
  }
  if (in.verb() < static_cast<std::uint32_t>(ConfigVerb::State) ||
      in.verb() > static_cast<std::uint32_t>(ConfigVerb::Cancel) || !is_id(in.id()) || !is_word(in.user()) ||
      in.text().size() > kConfigTextBytesMax || !is_span(in.limit_ns()) || !are_words(in.sites())) {
    return corrupt("a question about cluster.toml is out of bounds");
  }
  ConfigQuestion out;
  out.verb = static_cast<ConfigVerb>(in.verb());
  out.id = in.id();
  out.user = in.user();
  out.text = std::move(*in.mutable_text());
  out.limit = Duration(in.limit_ns());
  out.dry_run = in.dry_run();
  out.sites.assign(in.sites().begin(), in.sites().end());
  return out;
}

Result<ConfigAnswer> decode_config_answer(BytesView body) {
  pb::ConfigAnswer in;
  if (!in.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return corrupt("does not parse");
  }
  if ((in.code() > 0 && !code_of(in.code() - 1)) || !is_sentence(in.what()) || !is_sentence(in.hint()) ||
      !is_word(in.site()) || !is_word(in.digest()) || in.text().size() > kConfigTextBytesMax ||
      !is_sentence(in.last()) || static_cast<std::size_t>(in.notes_size()) > kConfigNotesMax ||
      static_cast<std::size_t>(in.links_size()) > 2 * kConfigSitesMax ||
      !std::all_of(in.notes().begin(), in.notes().end(), is_sentence)) {
    return corrupt("an answer about cluster.toml is out of bounds");
  }
  ConfigAnswer out;
  if (in.code() > 0) {
    out.error = Error(*code_of(in.code() - 1), in.what(), in.hint());
  }
  out.site = in.site();
  out.digest = in.digest();
  out.text = std::move(*in.mutable_text());
  out.notes.assign(in.notes().begin(), in.notes().end());
  if (in.has_trial()) {
    HA_CHECK(read_trial(in.trial(), out.trial.emplace()));
  }
  for (const pb::ConfigLink& link : in.links()) {
    if (!is_word(link.peer()) || !is_sentence(link.reason())) {
      return corrupt("a link is out of bounds");
    }
    out.links.push_back({link.peer(), link.up(), link.equal(), link.reason()});
  }
  out.last = in.last();
  out.settled = in.settled();
  return out;
}

}  // namespace ha::replicator
