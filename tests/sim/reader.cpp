// SimReader of store.h, and the frames it makes.
#include <algorithm>
#include <utility>

#include "replicator/index_view.h"
#include "tests/sim/store.h"

namespace ha::sim {

using namespace ha::replicator;

namespace {

constexpr std::size_t kListLimit = 512;

void put_text(Bytes& out, const Bytes& text) {
  put_u32(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}
Bytes get_text(BytesView in, std::size_t& at) {
  const std::uint32_t size = get_u32(in, at);
  Bytes text(in.substr(at + 4, size));
  at += 4 + size;
  return text;
}

}  // namespace

Bytes encode_parts(const std::vector<Part>& parts, std::size_t padding) {
  Bytes out;
  put_u32(out, static_cast<std::uint32_t>(parts.size()));
  for (const Part& part : parts) {
    put_text(out, part.key);
    out += static_cast<char>(part.deleted ? 1 : 0);
    put_u64(out, part.sequence);
    out += static_cast<char>(part.rank);
    put_digest(out, part.hash);
    put_u64(out, part.size);
    put_text(out, part.meta);
    out += static_cast<char>((part.basis ? 1 : 0) + (part.moved ? 2 : 0));
    put_digest(out, part.basis.value_or(Digest{}));
    put_u32(out, part.piece);
    put_u32(out, part.pieces);
    put_text(out, part.bytes);
  }
  return out + Bytes(padding, '.');
}

std::vector<Part> decode_parts(BytesView in) {
  std::vector<Part> parts(get_u32(in, 0));
  std::size_t at = 4;
  for (Part& part : parts) {
    part.key = get_text(in, at);
    part.deleted = in[at] != 0;
    part.sequence = get_u64(in, at + 1);
    part.rank = static_cast<Rank>(in[at + 9]);
    part.hash = get_digest(in, at + 10);
    part.size = get_u64(in, at + 26);
    at += 34;
    part.meta = get_text(in, at);
    const Digest basis = get_digest(in, at + 1);
    part.basis = (in[at] & 1) != 0 ? std::optional(basis) : std::nullopt;
    part.moved = (in[at] & 2) != 0;
    part.piece = get_u32(in, at + 17);
    part.pieces = get_u32(in, at + 21);
    at += 25;
    part.bytes = get_text(in, at);
  }
  return parts;
}

Result<std::vector<Listed>> SimReader::list(const ListAction& action) {
  PassQuery query{action.after, action.up_to, action.rank, action.after_key, kListLimit};
  HA_TRY(const std::vector<Entry> entries, store_.index().entries_after(query));
  std::vector<Listed> items;
  for (const Entry& entry : entries) {
    items.push_back(listed(entry));
    if (action.after > 0) {
      HA_TRY(const bool moved, store_.index().is_elsewhere(entry, action.after));
      const bool wrongly = !entry.deleted && world_.random().chance(wrong_basis_permille);
      items.back().moved = moved || wrongly;
    }
  }
  return items;
}

Result<Description> SimReader::describe(const DescribeAction& action) {
  IndexView view(store_.index());
  return replicator::describe(view, action.step, action.spans);
}

Result<SimReader::Sorted> SimReader::sort_ahead(const std::vector<Bytes>& keys) {
  Sorted sorted;
  for (const Bytes& key : keys) {
    HA_TRY(const std::optional<Entry> entry, store_.index().get(key));
    if (!entry || entry->deleted) {
      (entry ? sorted.deleted : sorted.absent).push_back(key);
    }
  }
  return sorted;
}

Result<SimReader::Built> SimReader::build(const BuildAction& action) {
  Builder builder;
  builder.items.assign(action.items.begin(), action.items.end());
  builders_[action.batch] = std::move(builder);
  return next(action.batch);
}

// As FrameBuilder: what the index says now is sent, unless the tree says otherwise.
void SimReader::start_item(Builder& builder) {
  const ItemToBuild item = std::move(builder.items.front());
  builder.items.pop_front();
  const auto entry = store_.index().get(item.key);
  const std::string& set = store_.options().set;
  Part part;
  part.key = item.key;
  if (!entry.ok() || !*entry || (*entry)->deleted) {
    part.deleted = true;
    part.sequence = entry.ok() && *entry ? (*entry)->sequence : 0;
    invariants_.sent(set, part.key, part.hash);
    builder.parts.push_back(std::move(part));
    return;
  }
  const auto here = store_.tree.find(item.key);
  if (here == store_.tree.end() || store_.content_digest(here->second.content) != (*entry)->content ||
      here->second.meta != (*entry)->meta || here->second.rank != (*entry)->rank) {
    builder.skipped.push_back(item.key);
    return;
  }
  part.sequence = (*entry)->sequence;
  part.rank = (*entry)->rank;
  part.hash = (*entry)->hash;
  part.meta = (*entry)->meta;
  part.size = (*entry)->size;
  Digest basis;
  if (!item.basis.empty() && parse_digest(item.basis, basis)) {
    part.basis = basis;
  } else if (item.have) {
    part.basis = *item.have;
  } else if (world_.random().chance(wrong_basis_permille)) {
    part.basis = Digest{1, 2};
  }
  invariants_.sent(set, part.key, part.hash);
  if (item.moved == (*entry)->content) {
    part.basis = item.moved;
    part.moved = true;
    builder.parts.push_back(std::move(part));
    return;
  }
  const Bytes& content = here->second.content;
  part.pieces = std::max<std::uint32_t>(
      1, static_cast<std::uint32_t>((content.size() + frame_bytes_ - 1) / frame_bytes_));
  const bool dropped = part.pieces > 1 && world_.random().chance(drop_permille);
  for (std::uint32_t i = 0; i < part.pieces - (dropped ? 1 : 0); ++i) {
    Part piece = part;
    piece.piece = i;
    piece.bytes = content.substr(i * frame_bytes_, frame_bytes_);
    builder.parts.push_back(std::move(piece));
  }
  if (dropped) {
    builder.skipped.push_back(item.key);
  }
}

Result<SimReader::Built> SimReader::next(std::uint64_t batch) {
  const auto it = builders_.find(batch);
  if (it == builders_.end()) {
    return Error(Code::Internal, "a batch that is not being built");
  }
  Builder& builder = it->second;
  Built built;
  if (!builder.asked && !builder.items.empty() && world_.random().chance(ask_permille)) {
    builder.asked = builder.waiting = true;
    built.need = builder.items.front().key;
    return built;
  }
  std::vector<Part> parts;
  std::size_t bytes = 0;
  while (bytes < frame_bytes_ && !(builder.parts.empty() && builder.items.empty())) {
    if (builder.parts.empty()) {
      start_item(builder);
      continue;
    }
    bytes += builder.parts.front().bytes.size() + builder.parts.front().key.size();
    parts.push_back(std::move(builder.parts.front()));
    builder.parts.pop_front();
  }
  built.frame = encode_parts(parts, padding == 0 ? 0 : world_.random().below(padding));
  built.last = builder.parts.empty() && builder.items.empty();
  if (built.last) {
    built.skipped = std::move(builder.skipped);
    builders_.erase(it);
  }
  return built;
}

Result<SimReader::Built> SimReader::feed(std::uint64_t batch, BytesView answer) {
  const auto it = builders_.find(batch);
  if (it == builders_.end() || !it->second.waiting) {
    return Error(Code::Corrupt, "an answer that nobody has asked for");
  }
  it->second.waiting = false;
  if (!it->second.items.empty()) {
    it->second.items.front().basis = Bytes(answer);
  }
  return next(batch);
}

}  // namespace ha::sim
