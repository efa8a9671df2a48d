// The hash of one item: what sums are made of, and what two sites compare to know that an item is equal.
//
// Covers the key, the rank, the metadata and the content digest; not the sequence, the state or anything
// local. Pure. Source: docs/index.md, "What is stored"; as bytes: keyed xxh3-128 over u32 length and bytes of
// the key, u8 rank, u32 length and bytes of the metadata, 16 bytes of content digest.
#pragma once

#include "common/base/bytes.h"
#include "common/sys/digest.h"
#include "replicator/model/entry.h"

namespace ha::replicator {

[[nodiscard]] Digest item_hash(const sys::DigestKey& key, BytesView item_key, Rank rank, BytesView meta,
                               const Digest& content);
// Of the entry's own fields; entry.hash is not looked at.
[[nodiscard]] Digest item_hash(const sys::DigestKey& key, const Entry& entry);

}  // namespace ha::replicator
