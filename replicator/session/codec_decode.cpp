// Bytes of a peer to session messages, every count and length checked.
#include "replicator/model/entry.h"
#include "replicator/session/codec.h"
#include "schemas/replication.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::replication;

constexpr std::size_t kDigestKeyBytes = 32;

Error corrupt(const char* what) {
  return Error(Code::Corrupt, std::string("message: ") + what);
}

template <typename Message>
Status parse(BytesView body, Message& out) {
  if (!out.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return corrupt("does not parse");
  }
  return ok();
}

template <typename Repeated>
bool over(const Repeated& list, std::size_t limit) {
  return static_cast<std::size_t>(list.size()) > limit;
}

bool bad_key(const std::string& key) {
  return key.size() > kKeyBytesMax;
}

bool read_optional(const std::string& in, Digest& out) {
  return in.empty() || parse_digest(in, out);
}

Status read_position(const pb::Position& from, Position& to) {
  to.index_id = from.index_id();
  to.epoch = from.epoch();
  to.sequence = from.sequence();
  if (!read_optional(from.sum(), to.sum)) {
    return corrupt("a position's sum has the wrong length");
  }
  return ok();
}

Status read_key_hash(pb::KeyHash& from, ItemHash& to) {
  if (bad_key(from.key()) || from.key().empty() || !read_optional(from.hash(), to.hash)) {
    return corrupt("an item has no valid key or hash");
  }
  to.present = !from.hash().empty();
  to.key = std::move(*from.mutable_key());
  return ok();
}

Status read_range(pb::Range& from, Range& to, std::size_t& items_left) {
  if (bad_key(from.low()) || bad_key(from.high()) || !read_optional(from.sum(), to.sum) ||
      over(from.items(), items_left) || (!from.high().empty() && from.high() <= from.low())) {
    return corrupt("a range is out of bounds");
  }
  items_left -= static_cast<std::size_t>(from.items_size());
  to.count = from.count();
  to.leaf = from.leaf();
  for (pb::KeyHash& item : *from.mutable_items()) {
    ItemHash value;
    HA_CHECK(read_key_hash(item, value));
    to.items.push_back(std::move(value));
  }
  to.low = std::move(*from.mutable_low());
  to.high = std::move(*from.mutable_high());
  return ok();
}

template <typename Ranges>
Status read_ranges(Ranges& from, std::vector<Range>& to) {
  if (over(from, kCompareRangesMax)) {
    return corrupt("too many ranges");
  }
  std::size_t items_left = kLeafItemsMax;
  for (pb::Range& range : from) {
    Range value;
    HA_CHECK(read_range(range, value, items_left));
    to.push_back(std::move(value));
  }
  return ok();
}

template <typename Definitions>
Status read_definitions(const Definitions& from, std::vector<SetDefinition>& to) {
  if (over(from, kDefinitionsMax)) {
    return corrupt("too many sets");
  }
  for (const pb::SetDefinition& set : from) {
    SetDefinition value{set.set(), {}};
    if (set.set().size() > kTextBytesMax || !parse_digest(set.digest(), value.digest)) {
      return corrupt("the definition of a set is out of bounds");
    }
    to.push_back(std::move(value));
  }
  return ok();
}

// One function a message.
Result<Hello> read_hello(BytesView body) {
  pb::Hello in;
  HA_CHECK(parse(body, in));
  if (in.cluster_id().size() > kTextBytesMax || in.site().size() > kTextBytesMax ||
      in.config_digest().size() > kTextBytesMax) {
    return corrupt("a text of Hello is too long");
  }
  Hello out{in.cluster_id(), in.site(), in.link_nonce(), in.config_digest(), in.wall_ns()};
  HA_CHECK(read_definitions(in.sets(), out.sets));
  return out;
}
Result<Welcome> read_welcome(BytesView body) {
  pb::Welcome in;
  HA_CHECK(parse(body, in));
  if (in.site().size() > kTextBytesMax || in.config_digest().size() > kTextBytesMax) {
    return corrupt("a text of Welcome is too long");
  }
  Welcome out{in.link_nonce(), in.site(), in.config_digest(), in.wall_ns(), in.window_bytes()};
  HA_CHECK(read_definitions(in.sets(), out.sets));
  return out;
}
Result<Refusal> read_refusal(BytesView body) {
  pb::Refusal in;
  HA_CHECK(parse(body, in));
  const auto code = code_of(in.code());
  if (!code || in.what().size() > kTextBytesMax || in.hint().size() > kTextBytesMax) {
    return corrupt("a refusal is out of bounds");
  }
  return Refusal{*code, in.what(), in.hint()};
}
Result<Ping> read_ping(BytesView body) {
  pb::Ping in;
  HA_CHECK(parse(body, in));
  if (in.padding().size() > kPingPaddingMax) {
    return corrupt("a ping's padding is too long");
  }
  return Ping{in.id(), in.sent_ns(), in.wall_ns(), std::move(*in.mutable_padding())};
}
Result<SetMessage> read_offer(BytesView body) {
  pb::Offer in;
  HA_CHECK(parse(body, in));
  if (in.set().empty() || in.set().size() > kTextBytesMax || in.digest_key().size() != kDigestKeyBytes ||
      in.look() > static_cast<std::uint32_t>(Look::Content) || in.released().size() > kTextBytesMax) {
    return corrupt("an offer is out of bounds: set name, digest key, look or release");
  }
  Offer out;
  HA_CHECK(read_position(in.position(), out.position));
  out.set = std::move(*in.mutable_set());
  out.digest_key = std::move(*in.mutable_digest_key());
  out.look = static_cast<Look>(in.look());
  out.count = in.count();
  out.released = std::move(*in.mutable_released());
  if (in.accepted() > 0) {
    out.accepted = in.accepted() - 1;
  }
  out.compare_only = in.compare_only();
  if (over(in.lineage(), kLineageMax)) {
    return corrupt("a lineage is too long");
  }
  for (const pb::EpochStart& start : in.lineage()) {
    EpochStart value{start.epoch(), {}};
    HA_CHECK(read_position(start.before(), value.before));
    out.lineage.push_back(value);
  }
  return SetMessage(std::move(out));
}
Result<SetMessage> read_have(BytesView body) {
  pb::Have in;
  HA_CHECK(parse(body, in));
  if (over(in.partials(), kHavePartialsMax)) {
    return corrupt("too many partial transfers");
  }
  Have out;
  HA_CHECK(read_position(in.position(), out.position));
  out.count = in.count();
  for (pb::Partial& partial : *in.mutable_partials()) {
    Partial value;
    if (bad_key(partial.key()) || partial.resume().size() > kDataBytesMax ||
        !parse_digest(partial.content(), value.content)) {
      return corrupt("a partial transfer is out of bounds");
    }
    value.key = std::move(*partial.mutable_key());
    value.resume = std::move(*partial.mutable_resume());
    out.partials.push_back(std::move(value));
  }
  return SetMessage(std::move(out));
}
Result<SetMessage> read_compare(BytesView body) {
  pb::Compare in;
  HA_CHECK(parse(body, in));
  Compare out{in.step(), {}};
  HA_CHECK(read_ranges(*in.mutable_ranges(), out.ranges));
  return SetMessage(std::move(out));
}
template <typename Keys>
Status read_keys(Keys& from, std::vector<Bytes>& to) {
  for (std::string& key : from) {
    if (bad_key(key) || key.empty()) {
      return corrupt("an item has no valid key");
    }
    to.push_back(std::move(key));
  }
  return ok();
}
Result<SetMessage> read_differ(BytesView body) {
  pb::Differ in;
  HA_CHECK(parse(body, in));
  if (over(in.wanted(), kLeafItemsMax) || over(in.extra(), kLeafItemsMax) ||
      over(in.ahead(), kLeafItemsMax)) {
    return corrupt("too many items in an answer");
  }
  Differ out{in.step(), {}, {}, {}, {}};
  HA_CHECK(read_ranges(*in.mutable_ranges(), out.ranges));
  for (pb::KeyHash& wanted : *in.mutable_wanted()) {
    ItemHash value;
    HA_CHECK(read_key_hash(wanted, value));
    out.wanted.push_back(std::move(value));
  }
  HA_CHECK(read_keys(*in.mutable_extra(), out.extra));
  HA_CHECK(read_keys(*in.mutable_ahead(), out.ahead));
  return SetMessage(std::move(out));
}
Result<SetMessage> read_data(BytesView body) {
  pb::Data in;
  HA_CHECK(parse(body, in));
  if (in.batch() == 0 || in.body().size() > kDataBytesMax || in.after() >= in.batch()) {
    return corrupt("a data frame is out of bounds");
  }
  return SetMessage(Data{in.batch(), in.frame(), in.last(), in.after(), std::move(*in.mutable_body())});
}
template <typename In, typename Out>
Result<SetMessage> read_question(BytesView body) {
  In in;
  HA_CHECK(parse(body, in));
  if (in.batch() == 0 || in.body().size() > kDataBytesMax) {
    return corrupt("a question is out of bounds");
  }
  return SetMessage(Out{in.batch(), std::move(*in.mutable_body())});
}
Result<SetMessage> read_ack(BytesView body) {
  pb::Ack in;
  HA_CHECK(parse(body, in));
  if (over(in.sparse(), kSparseMax) || over(in.trouble(), kTroubleMax)) {
    return corrupt("an acknowledgement is too long");
  }
  Ack out;
  out.batches = in.batches();
  out.sparse.assign(in.sparse().begin(), in.sparse().end());
  out.consumed_bytes = in.consumed_bytes();
  for (pb::ItemTrouble& item : *in.mutable_trouble()) {
    if (bad_key(item.key()) || item.key().empty() || item.reason().size() > kTextBytesMax ||
        item.basis().size() > kDataBytesMax) {
      return corrupt("an item in trouble is out of bounds");
    }
    out.trouble.push_back(
        {std::move(*item.mutable_key()), item.reason(), item.redo(), std::move(*item.mutable_basis())});
  }
  return SetMessage(std::move(out));
}
Result<SetMessage> read_mark(BytesView body) {
  pb::Mark in;
  HA_CHECK(parse(body, in));
  Mark out;
  out.batches = in.batches();
  out.redone = in.redone();
  out.exact = in.exact();
  HA_CHECK(read_position(in.position(), out.position));
  return SetMessage(std::move(out));
}
Result<SetMessage> read_done(BytesView body) {
  pb::Done in;
  HA_CHECK(parse(body, in));
  Done out;
  HA_CHECK(read_position(in.position(), out.position));
  out.failed = in.failed();
  return SetMessage(std::move(out));
}

Result<SetMessage> read_expect(BytesView body) {
  pb::Expect in;
  HA_CHECK(parse(body, in));
  if (bad_key(in.key()) || in.key().empty()) {
    return corrupt("an item has no valid key");
  }
  return SetMessage(Expect{std::move(*in.mutable_key())});
}
Result<SetMessage> read_fetch(BytesView body) {
  pb::Fetch in;
  HA_CHECK(parse(body, in));
  if (in.number() == 0 || over(in.keys(), kFetchItemsMax)) {
    return corrupt("too many items are asked for");
  }
  Fetch out{in.number(), in.frame(), {}};
  HA_CHECK(read_keys(*in.mutable_keys(), out.keys));
  return SetMessage(std::move(out));
}
Result<SetMessage> read_fetched(BytesView body) {
  pb::Fetched in;
  HA_CHECK(parse(body, in));
  if (in.number() == 0 || in.body().size() > kDataBytesMax) {
    return corrupt("a fetched frame is out of bounds");
  }
  return SetMessage(Fetched{in.number(), in.frame(), in.last(), std::move(*in.mutable_body())});
}
Result<SetMessage> read_head(BytesView body) {
  pb::Head in;
  HA_CHECK(parse(body, in));
  return SetMessage(Head{in.sequence()});
}

template <typename To, typename From>
Result<To> widen(Result<From> from) {
  HA_TRY(From value, std::move(from));
  return To(std::move(value));
}

}  // namespace

bool is_link_message(std::uint16_t type) noexcept {
  return type <= static_cast<std::uint16_t>(MessageType::Pong);
}

Result<LinkMessage> decode_link_message(std::uint16_t type, BytesView body) {
  switch (static_cast<MessageType>(type)) {
    case MessageType::Hello:
      return widen<LinkMessage>(read_hello(body));
    case MessageType::Welcome:
      return widen<LinkMessage>(read_welcome(body));
    case MessageType::LinkRefusal:
      return widen<LinkMessage>(read_refusal(body));
    case MessageType::Ping:
      return widen<LinkMessage>(read_ping(body));
    case MessageType::Pong: {
      HA_TRY(Ping ping, read_ping(body));
      return LinkMessage(Pong{std::move(ping)});
    }
    case MessageType::Offer:
    case MessageType::Have:
    case MessageType::SetRefusal:
    case MessageType::Compare:
    case MessageType::Differ:
    case MessageType::Data:
    case MessageType::Ask:
    case MessageType::Answer:
    case MessageType::Ack:
    case MessageType::Mark:
    case MessageType::Done:
    case MessageType::Expect:
    case MessageType::Head:
    case MessageType::Fetch:
    case MessageType::Fetched:
      break;
  }
  return corrupt("unknown type");
}

Result<SetMessage> decode_set_message(std::uint16_t type, BytesView body) {
  switch (static_cast<MessageType>(type)) {
    case MessageType::Offer:
      return read_offer(body);
    case MessageType::Have:
      return read_have(body);
    case MessageType::SetRefusal:
      return widen<SetMessage>(read_refusal(body));
    case MessageType::Compare:
      return read_compare(body);
    case MessageType::Differ:
      return read_differ(body);
    case MessageType::Data:
      return read_data(body);
    case MessageType::Ask:
      return read_question<pb::Ask, Ask>(body);
    case MessageType::Answer:
      return read_question<pb::Answer, Answer>(body);
    case MessageType::Ack:
      return read_ack(body);
    case MessageType::Mark:
      return read_mark(body);
    case MessageType::Done:
      return read_done(body);
    case MessageType::Expect:
      return read_expect(body);
    case MessageType::Head:
      return read_head(body);
    case MessageType::Fetch:
      return read_fetch(body);
    case MessageType::Fetched:
      return read_fetched(body);
    case MessageType::Hello:
    case MessageType::Welcome:
    case MessageType::LinkRefusal:
    case MessageType::Ping:
    case MessageType::Pong:
      break;
  }
  return corrupt("unknown type");
}

}  // namespace ha::replicator
