// Session messages to bytes; the way back is codec_decode.cpp.
#include "replicator/session/clipped.h"
#include "replicator/session/codec.h"
#include "schemas/replication.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::replication;

void put_optional(const Digest& digest, std::string* out) {
  if (!digest.is_zero()) {
    *out = digest_bytes(digest);
  }
}

void put_position(const Position& from, pb::Position& to) {
  to.set_index_id(from.index_id);
  to.set_epoch(from.epoch);
  to.set_sequence(from.sequence);
  put_optional(from.sum, to.mutable_sum());
}

template <typename T>
Encoded packed(MessageType type, const T& message) {
  return {type, message.SerializeAsString()};
}

void put_key_hash(const ItemHash& from, pb::KeyHash& to) {
  to.set_key(from.key);
  to.set_hash(from.present || !from.hash.is_zero() ? digest_bytes(from.hash) : Bytes());
}

void put_range(const Range& from, pb::Range& to) {
  to.set_low(from.low);
  to.set_high(from.high);
  to.set_count(from.count);
  put_optional(from.sum, to.mutable_sum());
  to.set_leaf(from.leaf);
  for (const ItemHash& item : from.items) {
    put_key_hash(item, *to.add_items());
  }
}

template <typename Message>
void put_definitions(const std::vector<SetDefinition>& from, Message& to) {
  for (const SetDefinition& set : from) {
    auto& out = *to.add_sets();
    out.set_set(set.set);
    out.set_digest(digest_bytes(set.digest));
  }
}

// One overload a message.
Encoded pack(const Hello& from) {
  pb::Hello to;
  to.set_cluster_id(from.cluster_id);
  to.set_site(from.site);
  to.set_link_nonce(from.link_nonce);
  to.set_config_digest(from.config_digest);
  to.set_wall_ns(from.wall_ns);
  put_definitions(from.sets, to);
  return packed(MessageType::Hello, to);
}
Encoded pack(const Welcome& from) {
  pb::Welcome to;
  to.set_link_nonce(from.link_nonce);
  to.set_site(from.site);
  to.set_config_digest(from.config_digest);
  to.set_wall_ns(from.wall_ns);
  to.set_window_bytes(from.window_bytes);
  put_definitions(from.sets, to);
  return packed(MessageType::Welcome, to);
}
Encoded pack_refusal(const Refusal& from, MessageType type) {
  pb::Refusal to;
  to.set_code(static_cast<std::uint32_t>(from.code));
  to.set_what(clipped(from.what, kTextBytesMax));
  to.set_hint(clipped(from.hint, kTextBytesMax));
  return packed(type, to);
}
Encoded pack_ping(const Ping& from, MessageType type) {
  pb::Ping to;
  to.set_id(from.id);
  to.set_sent_ns(from.sent_ns);
  to.set_wall_ns(from.wall_ns);
  to.set_padding(from.padding);
  return packed(type, to);
}
Encoded pack(const Offer& from) {
  pb::Offer to;
  to.set_set(from.set);
  put_position(from.position, *to.mutable_position());
  to.set_digest_key(from.digest_key);
  to.set_count(from.count);
  to.set_look(static_cast<std::uint32_t>(from.look));
  to.set_released(from.released);
  to.set_accepted(from.accepted ? *from.accepted + 1 : 0);
  to.set_compare_only(from.compare_only);
  for (const EpochStart& start : from.lineage) {
    pb::EpochStart& out = *to.add_lineage();
    out.set_epoch(start.epoch);
    put_position(start.before, *out.mutable_before());
  }
  return packed(MessageType::Offer, to);
}
Encoded pack(const Have& from) {
  pb::Have to;
  put_position(from.position, *to.mutable_position());
  to.set_count(from.count);
  for (const Partial& partial : from.partials) {
    pb::Partial& out = *to.add_partials();
    out.set_key(partial.key);
    out.set_content(digest_bytes(partial.content));
    out.set_resume(partial.resume);
  }
  return packed(MessageType::Have, to);
}
Encoded pack(const Compare& from) {
  pb::Compare to;
  to.set_step(from.step);
  for (const Range& range : from.ranges) {
    put_range(range, *to.add_ranges());
  }
  return packed(MessageType::Compare, to);
}
Encoded pack(const Differ& from) {
  pb::Differ to;
  to.set_step(from.step);
  for (const Range& range : from.ranges) {
    put_range(range, *to.add_ranges());
  }
  for (const ItemHash& wanted : from.wanted) {
    put_key_hash(wanted, *to.add_wanted());
  }
  for (const Bytes& key : from.extra) {
    to.add_extra(key);
  }
  for (const Bytes& key : from.ahead) {
    to.add_ahead(key);
  }
  return packed(MessageType::Differ, to);
}
Encoded pack(const Data& from) {
  pb::Data to;
  to.set_batch(from.batch);
  to.set_frame(from.frame);
  to.set_last(from.last);
  to.set_after(from.after);
  to.set_body(from.body);
  return packed(MessageType::Data, to);
}
template <typename Out, typename In>
Encoded pack_question(const In& from, MessageType type) {
  Out to;
  to.set_batch(from.batch);
  to.set_body(from.body);
  return packed(type, to);
}
Encoded pack(const Ack& from) {
  pb::Ack to;
  to.set_batches(from.batches);
  for (const std::uint64_t batch : from.sparse) {
    to.add_sparse(batch);
  }
  to.set_consumed_bytes(from.consumed_bytes);
  for (const ItemTrouble& item : from.trouble) {
    pb::ItemTrouble& out = *to.add_trouble();
    out.set_key(item.key);
    out.set_reason(clipped(item.reason, kTextBytesMax));
    out.set_redo(item.redo);
    out.set_basis(item.basis);
  }
  return packed(MessageType::Ack, to);
}
Encoded pack(const Mark& from) {
  pb::Mark to;
  to.set_batches(from.batches);
  put_position(from.position, *to.mutable_position());
  to.set_redone(from.redone);
  to.set_exact(from.exact);
  return packed(MessageType::Mark, to);
}
Encoded pack(const Done& from) {
  pb::Done to;
  put_position(from.position, *to.mutable_position());
  to.set_failed(from.failed);
  return packed(MessageType::Done, to);
}

Encoded pack(const Expect& from) {
  pb::Expect to;
  to.set_key(from.key);
  return packed(MessageType::Expect, to);
}
Encoded pack(const Fetch& from) {
  pb::Fetch to;
  to.set_number(from.number);
  to.set_frame(from.frame);
  for (const Bytes& key : from.keys) {
    to.add_keys(key);
  }
  return packed(MessageType::Fetch, to);
}
Encoded pack(const Fetched& from) {
  pb::Fetched to;
  to.set_number(from.number);
  to.set_frame(from.frame);
  to.set_last(from.last);
  to.set_body(from.body);
  return packed(MessageType::Fetched, to);
}
Encoded pack(const Head& from) {
  pb::Head to;
  to.set_sequence(from.sequence);
  return packed(MessageType::Head, to);
}

struct LinkPacker {
  Encoded operator()(const Refusal& message) const { return pack_refusal(message, MessageType::LinkRefusal); }
  Encoded operator()(const Ping& message) const { return pack_ping(message, MessageType::Ping); }
  Encoded operator()(const Pong& message) const { return pack_ping(message.ping, MessageType::Pong); }
  template <typename T>
  Encoded operator()(const T& message) const {
    return pack(message);
  }
};
struct SetPacker {
  Encoded operator()(const Refusal& message) const { return pack_refusal(message, MessageType::SetRefusal); }
  Encoded operator()(const Ask& message) const { return pack_question<pb::Ask>(message, MessageType::Ask); }
  Encoded operator()(const Answer& message) const {
    return pack_question<pb::Answer>(message, MessageType::Answer);
  }
  template <typename T>
  Encoded operator()(const T& message) const {
    return pack(message);
  }
};

}  // namespace

Encoded encode(const LinkMessage& message) {
  return std::visit(LinkPacker{}, message);
}
Encoded encode(const SetMessage& message) {
  return std::visit(SetPacker{}, message);
}

}  // namespace ha::replicator
