#include "replicator/apply/staged_item.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kFixedBytes = 1 + 1 + 1 + 2 * kDigestBytes + 5 * 8;

void put_block(Bytes& out, BytesView block) {
  put_u32(out, static_cast<std::uint32_t>(block.size()));
  out += block;
}

// Takes a counted block from the front; false if there is none.
bool take_block(BytesView& in, BytesView& out) {
  if (in.size() < 4 || in.size() - 4 < get_u32(in, 0)) {
    return false;
  }
  out = in.substr(4, get_u32(in, 0));
  in.remove_prefix(4 + out.size());
  return true;
}

}  // namespace

Status discard_all(Staging& staging, const std::vector<StagedItem>& items) {
  for (const StagedItem& item : items) {
    HA_CHECK(staging.discard(item.staged));
  }
  return ok();
}

Bytes encode_staged(const StagedItem& item) {
  Bytes out;
  out.push_back(item.header.deleted ? '\1' : '\0');
  out.push_back(static_cast<char>(item.header.rank));
  out.push_back(item.had_partial ? '\1' : '\0');
  put_digest(out, item.header.hash);
  put_digest(out, item.header.content);
  put_u64(out, item.header.size);
  put_u64(out, item.built_bytes);
  put_u64(out, item.header.source.index_id);
  put_u64(out, item.header.source.epoch);
  put_u64(out, item.header.version);
  put_block(out, item.header.meta);
  put_block(out, item.staged.is_set() ? item.staged.path() : Bytes());
  put_block(out, encode_local(item.local));
  put_block(out, encode_chunks(item.chunks));
  return out;
}

Result<StagedItem> decode_staged(Staging& staging, BytesView key, BytesView bytes) {
  BytesView rest = bytes.size() < kFixedBytes ? BytesView() : bytes.substr(kFixedBytes);
  BytesView meta;
  BytesView path;
  BytesView local;
  BytesView chunks;
  if (bytes.size() < kFixedBytes || static_cast<std::uint8_t>(bytes[1]) > 3 || !take_block(rest, meta) ||
      !take_block(rest, path) || !take_block(rest, local) || !take_block(rest, chunks) || !rest.empty()) {
    return Error(Code::Corrupt, "journal record of \"" + escape(key) + "\" does not parse");
  }
  StagedItem item;
  item.header.key = key;
  item.header.deleted = bytes[0] != '\0';
  item.header.rank = static_cast<Rank>(bytes[1]);
  item.had_partial = bytes[2] != '\0';
  item.header.hash = get_digest(bytes, 3);
  item.header.content = get_digest(bytes, 3 + kDigestBytes);
  item.header.size = get_u64(bytes, 3 + 2 * kDigestBytes);
  item.built_bytes = get_u64(bytes, 3 + 2 * kDigestBytes + 8);
  item.header.source.index_id = get_u64(bytes, 3 + 2 * kDigestBytes + 16);
  item.header.source.epoch = get_u64(bytes, 3 + 2 * kDigestBytes + 24);
  item.header.version = get_u64(bytes, 3 + 2 * kDigestBytes + 32);
  item.header.meta = meta;
  if (!item.header.deleted) {
    HA_TRY(item.meta, decode_meta(meta));
  }
  HA_TRY(item.local, decode_local(local));
  HA_TRY(item.chunks, decode_chunks(chunks));
  if (!path.empty()) {
    HA_TRY(item.staged, staging.find(path));
  }
  return item;
}

}  // namespace ha::replicator
