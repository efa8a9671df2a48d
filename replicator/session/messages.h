// What origin and replica say to each other about one set, and about the link that carries all sets.
//
// The values only; docs/wire.md draws the exchange, session/codec.h turns them into bytes. Thread safety:
// values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "replicator/model/lineage.h"
#include "replicator/model/position.h"

namespace ha::replicator {

// ---------------------------------------------------------------- link
struct SetDefinition {  // what cluster.toml says of a set, as a digest
  std::string set;
  Digest digest;
};
struct Hello {
  std::string cluster_id;
  std::string site;
  std::uint64_t link_nonce = 0;
  std::string config_digest;
  std::int64_t wall_ns = 0;
  std::vector<SetDefinition> sets = {};
};
struct Welcome {
  std::uint64_t link_nonce = 0;
  std::string site;
  std::string config_digest;
  std::int64_t wall_ns = 0;
  std::uint64_t window_bytes = 0;
  std::vector<SetDefinition> sets = {};
};
struct Refusal {
  Code code = Code::Refused;
  std::string what;
  std::string hint;
};
struct Ping {
  std::uint64_t id = 0;
  std::int64_t sent_ns = 0;
  std::int64_t wall_ns = 0;
  Bytes padding;
};
struct Pong {
  Ping ping;  // echoed, with the answerer's wall_ns
};

// ---------------------------------------------------------------- set
// How well the replica shall know its own tree before it answers an offer.
enum class Look : std::uint8_t {
  AsIs = 0,
  Stat = 1,     // find what has changed on disk
  Content = 2,  // read everything
};
struct Offer {
  std::string set;
  Position position;
  Bytes digest_key;
  std::uint64_t count = 0;
  Look look = Look::AsIs;
  std::string released = {};                   // what an operator lets pass, by the hold's own sentence
  std::optional<std::uint64_t> accepted = {};  // so few items the replica may be left with
  bool compare_only = false;                   // nothing will be sent: no guard is asked
  Lineage lineage = {};
};
struct Partial {
  Bytes key;
  Digest content;
  Bytes resume;
};
struct Have {
  Position position;
  std::uint64_t count = 0;
  std::vector<Partial> partials;
};
struct ItemHash {
  Bytes key;
  Digest hash;
  bool present = false;  // in an answer: the replica has the item, also where it has no content (hash zero)
};
struct Range {
  Bytes low;
  Bytes high;  // empty: no end
  std::uint64_t count = 0;
  Digest sum;
  bool leaf = false;  // items lists every item of the range
  std::vector<ItemHash> items;
};
struct Compare {
  std::uint64_t step = 0;
  std::vector<Range> ranges;
};
struct Differ {
  std::uint64_t step = 0;
  std::vector<Range> ranges;     // low, high and the replica's count
  std::vector<ItemHash> wanted;  // hash: the content digest that the replica has
  std::vector<Bytes> extra;
  std::vector<Bytes> ahead = {};  // as extra, but the origin has never seen them; messages whole
};
// The origin takes over what only the replica has: one frame asked for at a time.
struct Fetch {
  std::uint64_t number = 0;
  std::uint32_t frame = 0;
  std::vector<Bytes> keys;  // with frame 0, at most kFetchItemsMax
};
struct Fetched {
  std::uint64_t number = 0;
  std::uint32_t frame = 0;
  bool last = false;
  Bytes body;
};
struct Data {
  std::uint64_t batch = 0;
  std::uint32_t frame = 0;
  bool last = false;
  std::uint64_t after = 0;
  Bytes body;
};
struct Ask {
  std::uint64_t batch = 0;
  Bytes body;
};
struct Answer {
  std::uint64_t batch = 0;
  Bytes body;
};
struct ItemTrouble {
  Bytes key;
  std::string reason;
  bool redo = false;
  Bytes basis;
};
struct Ack {
  std::uint64_t batches = 0;
  std::vector<std::uint64_t> sparse;
  std::uint64_t consumed_bytes = 0;
  std::vector<ItemTrouble> trouble;
};
struct Mark {
  std::uint64_t batches = 0;
  Position position;
  std::uint64_t redone = 0;
  bool exact = false;  // the sum is the origin's own: equal sums mean equal copies
};
struct Done {
  Position position;
  std::uint64_t failed = 0;
};

// A hint, never answered: the origin is reading this item again, and a change of it may follow.
struct Expect {
  Bytes key;
};

// The origin's index has moved on to this sequence; never answered. Data of it may take a while to come: by
// this the replica knows meanwhile that it is behind.
struct Head {
  std::uint64_t sequence = 0;
};

using LinkMessage = std::variant<Hello, Welcome, Refusal, Ping, Pong>;
using SetMessage = std::variant<Offer, Have, Refusal, Compare, Differ, Data, Ask, Answer, Ack, Mark, Done,
                                Expect, Head, Fetch, Fetched>;

// Limits of one message, checked by the decoder before anything is allocated for it.
inline constexpr std::size_t kCompareRangesMax = 4096;
inline constexpr std::size_t kLeafItemsMax = 16384;
inline constexpr std::size_t kFetchItemsMax = 64;
inline constexpr std::size_t kHavePartialsMax = 64;
inline constexpr std::size_t kTroubleMax = 4096;
inline constexpr std::size_t kSparseMax = 4096;
inline constexpr std::size_t kDataBytesMax = 7 * 1024 * 1024;
inline constexpr std::size_t kDefinitionsMax = 4096;
inline constexpr std::size_t kPingPaddingMax = 64 * 1024;
inline constexpr std::size_t kTextBytesMax = 4096;

}  // namespace ha::replicator
