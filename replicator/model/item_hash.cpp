#include "replicator/model/item_hash.h"

namespace ha::replicator {

Digest item_hash(const sys::DigestKey& key, BytesView item_key, Rank rank, BytesView meta,
                 const Digest& content) {
  Bytes canonical;
  canonical.reserve(4 + item_key.size() + 1 + 4 + meta.size() + kDigestBytes);
  put_u32(canonical, static_cast<std::uint32_t>(item_key.size()));
  canonical += item_key;
  canonical += static_cast<char>(rank);
  put_u32(canonical, static_cast<std::uint32_t>(meta.size()));
  canonical += meta;
  put_digest(canonical, content);
  return sys::digest(key, canonical);
}

Digest item_hash(const sys::DigestKey& key, const Entry& entry) {
  return item_hash(key, entry.key, entry.rank, entry.meta, entry.content);
}

}  // namespace ha::replicator
